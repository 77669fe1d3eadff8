"""Object stores on this machine: a real S3 server (moto), and one that gives planned answers."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import boto3
import pytest
from answering_server import Stub, answering
from azure_server import make_container, settings
from gcs_server import make_bucket
from moto.server import ThreadedMotoServer


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture
def bucket(endpoint: str, keys: None, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    name = f"bucket-{random.getrandbits(48):x}"
    boto3.client("s3").create_bucket(Bucket=name)
    return f"s3://{name}"


@pytest.fixture
def container(azure_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    for name, value in settings(azure_endpoint).items():
        monkeypatch.setenv(name, value)
    container = f"container-{random.getrandbits(48):x}"
    make_container(azure_endpoint, container)
    return f"az://{container}"


@pytest.fixture
def gcs_bucket(gcs_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_endpoint)
    name = f"bucket-{random.getrandbits(48):x}"
    make_bucket(name)
    return f"gs://{name}"


@pytest.fixture
def stub(keys: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Stub]]:
    with answering() as (handler, address):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        yield handler
