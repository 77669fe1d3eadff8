"""Google Cloud Storage on a server (fake-gcs-server): conditions, large files, and each error in a line. What all stores have in
common is in test_storage.py."""

import gc
import random
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from answering_server import Stub, answering

from interloom.pipeline.errors import AccessError, ConfigError, UnitError
from interloom.pipeline.store import storage
from interloom.pipeline.store.gcs import client


def test_of_eight_racing_writers_one_wins(gcs_bucket: str) -> None:
    start = threading.Barrier(8)

    def race(me: int) -> bool:
        start.wait()
        return storage.write_once(f"{gcs_bucket}/lease", bytes([me]))

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(race, range(8)))
    assert won.count(True) == 1
    assert storage.read(f"{gcs_bucket}/lease") == bytes([won.index(True)])


def test_a_large_file_is_sent_whole(gcs_bucket: str, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(random.Random(0).randbytes((16 << 20) + 5))
    storage.upload(tmp_path / "large", f"{gcs_bucket}/large")
    assert storage.read(f"{gcs_bucket}/large") == (tmp_path / "large").read_bytes()


def test_an_object_replaced_while_it_is_read_is_an_error(gcs_bucket: str) -> None:
    storage.write(f"{gcs_bucket}/x", bytes(1 << 20))
    with storage.open(f"{gcs_bucket}/x") as file:
        file.read(10)
        storage.write(f"{gcs_bucket}/x", b"\1" * (1 << 20))
        file.seek(900_000)
        with pytest.raises(UnitError, match=r"/x: it was replaced while it was read$"):
            file.read(10)


def test_a_bucket_that_is_not_there_is_told_in_a_line(gcs_bucket: str) -> None:
    for call in (storage.glob, storage.list_names, lambda path: storage.write(path, b"")):
        with pytest.raises(ConfigError) as error:
            call("gs://none/x/y")
        assert str(error.value).endswith(": no such bucket; create it or check its name")


@pytest.fixture
def gcs_stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Stub]]:
    with answering() as (handler, address):
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        yield handler
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # of answers that the library leaves unread
            client._made.cache_clear()
            gc.collect()


def test_denied_access_is_one_clear_line(gcs_stub: type[Stub]) -> None:
    gcs_stub.plan += [(403, b"{}", 2)] * 6  # the library also asks for the bucket, in a thread of its own
    with pytest.raises(AccessError) as error:
        storage.read("gs://b/x")
    assert str(error.value) == "gs://b/x: access denied (403); check the credentials and the bucket's rights"


@pytest.mark.parametrize("status", [429, 503])
def test_a_store_that_has_too_much_to_do_is_asked_again(gcs_stub: type[Stub], status: int) -> None:
    gcs_stub.plan += [*[(status, b"{}", 2)] * 2, *[(200, b"data", 4)] * 4]
    assert storage.read("gs://b/x") == b"data"


def test_missing_credentials_are_told_in_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(AccessError, match=r"^gs://b/x: no credentials: .*; set GOOGLE_APPLICATION_CREDENTIALS or run"):
        storage.read("gs://b/x")
