"""A server in front of an S3 server, at which one of 20 requests fails."""

from __future__ import annotations

import http.client
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FaultyProxy(BaseHTTPRequestHandler):
    """Passes requests on to a server; every 20th fails: with 503, or with a body that breaks off."""

    server_address_of_s3: tuple[str, int]
    count = itertools.count(1)
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer, headers and then a body, waits 40 ms for an acknowledgement

    def _pass_on(self) -> None:
        number = next(self.count)
        if number % 40 == 0:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._pass_whole(is_cut=number % 40 == 20)

    def _pass_whole(self, *, is_cut: bool = False) -> None:
        """Passes the request on; of a longer answer to a GET only one half if `is_cut`."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection = http.client.HTTPConnection(*self.server_address_of_s3)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.end_headers()
        is_cut = is_cut and self.command == "GET" and len(content) > 1
        self.wfile.write(b"" if self.command == "HEAD" else content[: len(content) // 2] if is_cut else content)
        self.close_connection = is_cut
        connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


for command in ("GET", "HEAD", "PUT", "POST", "DELETE"):
    setattr(FaultyProxy, f"do_{command}", lambda self: self._pass_on())


@contextmanager
def faulty(endpoint: str) -> Iterator[str]:
    """The address of a proxy to the server at this address."""
    with serving_in_front(endpoint, FaultyProxy) as address:
        yield address


@contextmanager
def serving_in_front(endpoint: str, kind: type[FaultyProxy]) -> Iterator[str]:
    """The address of a proxy of this kind to the server at this address."""
    host, _, port = endpoint.removeprefix("http://").partition(":")
    kind.server_address_of_s3 = host, int(port)
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{proxy.server_address[1]}"
        proxy.shutdown()
        thread.join()
