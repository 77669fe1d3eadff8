"""A web server that misbehaves in every way we know, and fetching from it."""

import gzip
import http.server
import socket
import struct
import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote_to_bytes

from interloom.stages.fetch_images.failure import Fetched
from interloom.stages.fetch_images.hosts import Manners
from interloom.stages.fetch_images.http import Fetcher

BODY = b"\x89PNG picture " * 50


class Flaky(http.server.BaseHTTPRequestHandler):
    """Answers by path; counts the requests."""

    server: Any

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.requests[self.path] += 1
        self.server.headers_seen = self.headers
        times = self.server.requests[self.path]
        self.answer(times)

    def answer(self, times):
        if self.path == "/robots.txt":
            return self.do_robots()
        name, _, rest = self.path.removeprefix("/").partition("/")
        getattr(self, f"answer_{name}")(rest, times)

    def send(self, status, body=BODY, **headers):
        self.send_response(status)
        for key, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_robots(self):
        rules = self.server.rules
        self.send(*(rules if isinstance(rules, tuple) else (200, rules)), X_Robots_Tag="noindex")

    def answer_ok(self, rest, times):
        self.send(200)

    def answer_status(self, rest, times):
        self.send(int(rest), b"" if rest in ("204", "304") else BODY)

    def answer_recovers(self, rest, times):
        self.send(500 if times <= int(rest) else 200)

    def answer_raw(self, rest, times):
        """The bytes that the path has, percent-encoded."""
        self.wfile.write(unquote_to_bytes(rest))

    def answer_html(self, rest, times):
        self.send(200, b"<html>not here</html>", Content_Type="text/html")

    def answer_robots(self, rest, times):
        self.send(200, X_Robots_Tag=rest.replace("_", " "))

    def answer_silent(self, rest, times):
        self.server.over.wait(5)

    def answer_drips(self, rest, times):
        self.send_response(200)
        self.end_headers()
        self.dripping(b"x")

    def answer_dripshead(self, rest, times):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        self.dripping(b"x")

    def dripping(self, byte):
        try:
            while not self.server.over.wait(0.05):
                self.wfile.write(byte)
                self.wfile.flush()
        except OSError:
            self.close_connection = True

    def answer_huge(self, rest, times):
        self.send(200, b"x" * int(rest))

    def answer_endless(self, rest, times):
        self.send_response(200)
        self.end_headers()
        try:
            while not self.server.over.is_set():
                self.wfile.write(b"x" * 65536)
        except OSError:
            self.close_connection = True

    def answer_short(self, rest, times):
        self.send(200, BODY, Content_Length=str(len(BODY) + 100))

    def answer_chunked(self, rest, times):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(BODY), BODY) + (b"" if rest == "cut" else b"0\r\n\r\n"))

    def answer_to(self, rest, times):
        self.send(302, b"", Location=rest if "//" in rest else "/" + rest)

    def answer_loop(self, rest, times):
        self.send(301, b"", Location="/loop/" + rest + "x")

    def answer_garbage(self, rest, times):
        self.wfile.write(b"\x00\x01 what?\r\n\r\n")

    def answer_reset(self, rest, times):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.wfile = self.rfile

    def answer_times(self, rest, times):
        self.server.times.append(time.monotonic())
        self.send(200)

    def answer_slow(self, rest, times):
        self.server.over.wait(0.05)
        self.send(200)

    def answer_held(self, rest, times):
        """Counts the requests that wait for an answer, without those that get it: a client may go on before we know."""
        with self.server.lock:
            self.server.held += 1
            self.server.most_held = max(self.server.most_held, self.server.held)
        self.server.over.wait(0.05)
        with self.server.lock:
            self.server.held -= 1
        self.send(200)

    def answer_busy(self, rest, times):
        """Says for how many seconds it wants to be left alone: the first time (`/busy/1/0`), or always (`/busy/99/0`)."""
        often, _, seconds = rest.partition("/")
        self.server.times.append(time.monotonic())
        if times <= int(often):
            self.send(429, b"", Retry_After=seconds)
        else:
            self.send(200)

    def answer_gzip(self, rest, times):
        body = gzip.compress({"bomb": b"0" * (1 << 24), "whole": BODY}[rest.partition("/")[0]])
        self.send(200, body, Content_Encoding="gzip")

    def answer_brokengzip(self, rest, times):
        self.send(200, gzip.compress(BODY)[:10] + b"\xff" * 50, Content_Encoding="gzip")

    def answer_old(self, rest, times):
        """HTTP/1.0, without a length: the body ends where the connection does."""
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Type: image/png\r\n\r\n" + BODY)

    def answer_badchunks(self, rest, times):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n")

    def answer_twolengths(self, rest, times):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\nhellohello")

    def answer_longer(self, rest, times):
        self.send(200, BODY + b"and more", Content_Length=str(len(BODY)))

    def answer_longheaders(self, rest, times):
        self.send(200, **{f"X_Long_{n}": "x" * 50_000 for n in range(9)})

    def answer_keeps(self, rest, times):
        """An answer after which the connection stays open; it closes before the next request on it is read."""
        self.server.connections.add(self.client_address)
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
        self.close_connection = rest == "once"


@contextmanager
def serving(tls: Any = None):
    """A server on all addresses of this machine, over TLS if a context is given."""
    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Flaky)
    server.requests, server.over = Counter(), threading.Event()
    server.times, server.connections = [], set()
    server.lock, server.held, server.most_held = threading.Lock(), 0, 0
    server.rules = 404, b""
    server.handle_error = lambda *_: None
    server.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def fetcher(**parameters):
    defaults = {"timeout_s": 5.0, "retries": 0, "max_bytes": 1 << 20, "user_agent": "Tester/1", "allow_private": True}
    defaults |= {"opt_out": frozenset({"noai", "noindex"}), "pause_s": 0.001, "robots": False, "manners": Manners(4, 0)}
    return Fetcher(**{**defaults, **parameters})


def fetch(server, path, **parameters):
    """The bytes, or why there are none."""
    return fetch_url(server.url + path, **parameters)


def fetch_url(url, **parameters):
    [answer] = fetcher(**parameters).fetch([url])
    return answer.data if isinstance(answer, Fetched) else answer.drop
