"""Serves files as an object store does, as far as reading needs it, in a process of its own; one of 20 requests fails."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_FORK = multiprocessing.get_context("fork")
_ONE_OF = 20
BUCKET = "shards"


class Objects(BaseHTTPRequestHandler):
    """GET, with ranges, and HEAD of objects. Every 20th request fails: with 503, or with a body that breaks off."""

    folder: Path
    count = itertools.count(1)
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer, headers and then a body, waits 40 ms for an acknowledgement

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        number = next(self.count)
        file = self.folder / self.path.partition("?")[0].removeprefix(f"/{BUCKET}/")
        if number % (2 * _ONE_OF) == 0:
            return self._send(503, b"", with_body)
        if not file.is_file():
            return self._send(404, b"", with_body)
        content, status = file.read_bytes(), 200
        if span := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")):
            content, status = content[int(span[1]) : int(span[2]) + 1], 206
        self._send(status, content, with_body, is_cut=with_body and number % (2 * _ONE_OF) == _ONE_OF)

    def _send(self, status: int, content: bytes, with_body: bool, is_cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"0"')
        self.end_headers()
        if with_body:
            self.wfile.write(content[: len(content) // 2] if is_cut else content)
        self.close_connection = is_cut

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silent: clients are killed."""


def _serve(folder: Path, addresses: Any) -> None:
    Objects.folder = folder
    with _Server(("127.0.0.1", 0), Objects) as server:
        addresses.send("http://{}:{}".format(*server.server_address))
        server.serve_forever()


@contextmanager
def objects_of(folder: Path) -> Iterator[str]:
    """The files below a folder as objects; where they are."""
    receiver, sender = _FORK.Pipe()
    server = _FORK.Process(target=_serve, args=(folder, sender))
    server.start()
    os.environ |= {"AWS_ENDPOINT_URL": receiver.recv(), "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    yield f"s3://{BUCKET}"
    server.kill()
    server.join()
