"""Azure Blob Storage on a real server (Azurite): conditions, large files, and each error in a line. What all stores have in
common is in test_storage.py."""

import multiprocessing
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import pytest
from answering_server import Stub, answering
from azure_server import ACCOUNT, KEY

from interloom.pipeline.errors import AccessError, ConfigError, UnitError
from interloom.pipeline.store import storage
from interloom.pipeline.store.azure import objects
from interloom.pipeline.store.azure.errors import _translated

STRING = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint="


def test_of_eight_racing_writers_one_wins(container: str) -> None:
    start = threading.Barrier(8)

    def race(me: int) -> bool:
        start.wait()
        return storage.write_once(f"{container}/lease", bytes([me]))

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(race, range(8)))
    assert won.count(True) == 1
    assert storage.read(f"{container}/lease") == bytes([won.index(True)])


def test_a_large_file_is_sent_in_parts(container: str, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(random.Random(0).randbytes((16 << 20) + 5))
    storage.upload(tmp_path / "large", f"{container}/large")
    assert storage.read(f"{container}/large") == (tmp_path / "large").read_bytes()


def test_a_file_that_one_request_cannot_replace_is_refused(
    container: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_MOST_AT_ONCE_BYTES", 3 << 20)
    (tmp_path / "large").write_bytes(bytes((3 << 20) + 1))
    with pytest.raises(ConfigError) as error:
        storage.write_if(f"{container}/large", tmp_path / "large", lambda: None)
    way_out = "which Azure cannot replace safely; make shards smaller"
    assert str(error.value) == f"{container}/large: larger than 3 MiB, {way_out}"


def test_an_object_replaced_while_it_is_read_is_an_error(container: str) -> None:
    storage.write(f"{container}/x", bytes(1 << 20))
    with storage.open(f"{container}/x") as file:
        file.read(10)
        storage.write(f"{container}/x", b"\1" * (1 << 20))
        file.seek(900_000)
        with pytest.raises(UnitError, match="/x"):
            file.read(10)


def test_a_container_that_is_not_there_is_told_in_a_line(container: str) -> None:
    for call in (storage.read, storage.glob, storage.list_names, lambda path: storage.write(path, b"")):
        with pytest.raises(ConfigError) as error:
            call("az://none/x/y")
        assert str(error.value).endswith(": no such container; create it or check its name")


def test_a_wrong_key_is_told_in_a_line(container: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY[:-6] + "AAAA==")
    for call in (storage.read, storage.exists):
        with pytest.raises(ConfigError, match=rf"^{container}/x: access denied \(.*\); check the AZURE_STORAGE_\* credentials"):
            call(f"{container}/x")


def test_a_connection_string_is_enough(container: str, azure_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.write(f"{container}/x", b"data")
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ENDPOINT"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", STRING + azure_endpoint)
    assert storage.read(f"{container}/x") == b"data"


def test_a_key_that_is_no_key_is_told_with_what_to_do(container: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "not a key!")
    with pytest.raises(AccessError) as error:
        storage.read(f"{container}/x")
    way_out = "check AZURE_STORAGE_ACCOUNT_KEY or the connection string"
    assert str(error.value) == f"{container}/x: the account key is no base64 text; {way_out}"


@pytest.mark.parametrize(
    ("asked", "cause"),
    [
        ("http://169.254.169.254/metadata/identity/oauth2/token", "none are set, and this machine has no managed identity"),
        ("https://login/t", "Error performing token request: Error performing GET https://login/t"),
    ],
)
def test_credentials_that_are_not_there_are_told_by_what_to_set(asked: str, cause: str) -> None:
    from obstore.exceptions import GenericError

    error = _translated("az://b/x", GenericError(f"Error performing token request: Error performing GET {asked}"))
    assert str(error) == f"az://b/x: no credentials: {cause}; set AZURE_STORAGE_ACCOUNT_KEY or another kind of credentials"


def test_without_an_account_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_CONNECTION_STRING"):
        monkeypatch.delenv(name, raising=False)
    problem = "az://b/x: no storage account; set AZURE_STORAGE_ACCOUNT_NAME or AZURE_STORAGE_CONNECTION_STRING"
    assert storage.credentials_problem("az://b/x") == problem
    with pytest.raises(ConfigError, match=r"^az://b/x: no storage account; set"):
        storage.read("az://b/x")


def _read(path: str, answers: SimpleQueue[str]) -> None:
    try:
        answers.put(storage.read(path).decode())
    except ConfigError as error:
        answers.put(str(error))


def test_a_process_that_is_forked_later_is_told_instead_of_waiting_forever(container: str) -> None:
    storage.write(f"{container}/x", b"data")
    fork = multiprocessing.get_context("fork")
    answers = fork.SimpleQueue()
    process = fork.Process(target=_read, args=(f"{container}/x", answers))
    process.start()
    problem = f"{container}: Azure cannot be used in a process that is forked after its first use; "
    assert answers.get() == problem + "start workers by 'spawn' (of a DataLoader: multiprocessing_context='spawn')"
    process.join()


@pytest.fixture
def azure_stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Stub]]:
    with answering() as (handler, address):
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", f"{STRING}{address}/{ACCOUNT}")
        yield handler


def test_a_store_that_has_too_much_to_do_is_asked_again(azure_stub: type[Stub]) -> None:
    azure_stub.plan += [(503, b"", 0), (429, b"", 0), (200, b"data", 4)]
    assert storage.read("az://b/x") == b"data"
