"""An object store that gives planned answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Stub(BaseHTTPRequestHandler):
    """Answers each request with the next of `plan`: (status, body, length it claims); notes what was asked, and the headers."""

    plan: list[tuple[int, bytes, int]]
    asked: list[str]
    paths: list[str]
    headers_seen: list[Message]
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append(self.command)
        self.paths.append(self.path)
        self.headers_seen.append(self.headers)
        status, body, length = self.plan.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.send_header("ETag", '"e"')
        self.send_header("Last-Modified", "Fri, 27 Nov 2026 12:00:00 GMT")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)
        self.close_connection = True

    def do_GET(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def do_HEAD(self) -> None:
        self.answer()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def answering() -> Iterator[tuple[type[Stub], str]]:
    """A stub with an empty plan, and its address."""
    handler = type("ThisStub", (Stub,), {"plan": [], "asked": [], "paths": [], "headers_seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield handler, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def fault(status: int, code: str) -> tuple[int, bytes, int]:
    body = f"<Error><Code>{code}</Code><Message>said the store</Message></Error>".encode()
    return status, body, len(body)
