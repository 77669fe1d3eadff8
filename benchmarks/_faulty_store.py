"""An S3 server on this machine behind a proxy that fails: of all requests a share gets an error, no answer, or half of one.

A request that fails may have reached the server or not, as in life.
"""

from __future__ import annotations

import http.client
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BUCKET = "corpora"
_LATE_S = 0.5
_STALL_S = 62.0
"""Longer than the client waits for an answer (60 s, `pipeline/store/s3/client.py`)."""
_ERROR = "<Error><Code>{}</Code><Message>made by a test</Message></Error>"
_FAULTS = ("500 before", "503 before", "500 after", "dropped before", "dropped after", "cut", "late")
_STALL = "stalled"
_METHODS = ("GET", "PUT", "HEAD", "DELETE", "POST")


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of clients that are gone: many are killed."""


class FaultyStore:
    """The server and its proxy. `share` of the requests fail, drawn by `begin`; `faults` counts them by kind, and `commits`
    counts the commits of units that were stored."""

    def __init__(self, origin: str) -> None:
        self.share = 0.0
        self.stalls = 0
        self.faults: Counter[str] = Counter()
        self.commits = 0
        self._draw, self._lock = random.Random(0), threading.Lock()
        self._origin = origin

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None:
                """Nothing is logged."""

        for method in _METHODS:
            setattr(Handler, f"do_{method}", lambda request: self.answer(request))
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def begin(self, seed: int, share: float, stalls: int = 0) -> None:
        """From now on this share of the requests fails; `stalls` of them are not answered before the client gives up."""
        with self._lock:
            self.share, self.stalls, self._draw = share, stalls, random.Random(seed)
            self.faults.clear()
            self.commits = 0

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _drawn(self, method: str) -> str:
        """What is to go wrong with a request; empty for nothing."""
        with self._lock:
            if self._draw.random() >= self.share:
                return ""
            fault = self._draw.choice(_FAULTS)
            if fault == "cut" and method != "GET":
                fault = "dropped after"
            if fault == "late" and self.stalls:
                self.stalls, fault = self.stalls - 1, _STALL
            self.faults[fault] += 1
            return fault

    def answer(self, request: Any) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        fault = self._drawn(request.command)
        if fault.endswith("before"):
            return _fail(request, fault)
        status, headers, data = self._asked(request, body)
        self.commits += request.command == "PUT" and "/commits/" in request.path and status == HTTPStatus.OK
        if fault.endswith("after"):
            return _fail(request, fault)
        if fault in ("late", _STALL):
            time.sleep(_LATE_S if fault == "late" else _STALL_S)
        length = headers.pop("Content-Length", str(len(data)))
        _send(request, status, headers | {"Content-Length": length}, data[: len(data) // 2] if fault == "cut" else data)
        if fault == "cut":
            request.close_connection = True
        return None

    def _asked(self, request: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """What the server answers."""
        connection = http.client.HTTPConnection(self._origin, timeout=60)
        try:
            headers = {name: value for name, value in request.headers.items() if name.lower() not in ("connection", "expect")}
            connection.request(request.command, request.path, body, headers)
            answer = connection.getresponse()
            data = answer.read()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _OF_A_CONNECTION}
            return answer.status, kept, data
        finally:
            connection.close()


_OF_A_CONNECTION = ("connection", "server", "transfer-encoding", "date")


def _fail(request: Any, fault: str) -> None:
    request.close_connection = True
    if fault.startswith("dropped"):
        return
    status = int(fault[:3])
    text = _ERROR.format("SlowDown" if status == 503 else "InternalError").encode()
    _send(request, status, {"Content-Length": str(len(text)), "Connection": "close"}, text)


def _send(request: Any, status: int, headers: dict[str, str], data: bytes) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name, value)
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(data)


@contextmanager
def running() -> Iterator[FaultyStore]:
    """The store with an empty bucket, and the settings of clients in `settings`."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    store = FaultyStore(f"{host}:{port}")
    try:
        yield store
    finally:
        store.close()
        server.stop()


def settings(store: FaultyStore) -> dict[str, str]:
    """The environment in which clients find the store."""
    return {
        "AWS_ENDPOINT_URL": store.endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
