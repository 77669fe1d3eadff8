"""Storage on disk, on an S3 server (moto), on an Azure server (Azurite): atomic, write-once, the same answers, clear errors."""

import io
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from answering_server import Stub, fault

from interloom.pipeline.errors import ConfigError, FatalError, UnitError
from interloom.pipeline.store import storage
from interloom.pipeline.store.range_reader import LARGE_READ, RangeReader
from interloom.pipeline.store.s3 import conditional


@pytest.fixture(params=["disk", "s3", "azure", "gcs"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "disk":
        return str(tmp_path / "root")
    return str(request.getfixturevalue({"s3": "bucket", "azure": "container", "gcs": "gcs_bucket"}[request.param])) + "/root"


def test_what_is_written_is_read(root: str) -> None:
    path = storage.join(root, "a", "b.bin")
    storage.write(path, b"first")
    storage.write(path, b"second")
    assert storage.read(path) == b"second"
    assert storage.exists(path) and not storage.exists(path + "x")


def test_a_removed_file_is_gone_and_may_be_removed_again(root: str) -> None:
    path = storage.join(root, "x")
    storage.write(path, b"")
    storage.remove(path)
    storage.remove(path)
    assert not storage.exists(path)


def test_a_missing_file_is_named(root: str) -> None:
    path = storage.join(root, "gone.bin")
    for call in (storage.read, storage.open, lambda path: storage.read_range(path, 0, 1)):
        with pytest.raises(FileNotFoundError, match=r"gone\.bin"):
            call(path)


def test_a_range_is_exact_or_an_error(root: str) -> None:
    path = storage.join(root, "digits")
    storage.write(path, b"0123456789")
    assert storage.read_range(path, 3, 4) == b"3456"
    assert storage.read_range(path, 10, 0) == b""
    for offset in (8, 100):
        with pytest.raises(UnitError, match="digits"):
            storage.read_range(path, offset, 4)
    with pytest.raises(ValueError, match="digits"):
        storage.read_range(path, -1, 4)


def test_writing_once_does_not_replace(root: str) -> None:
    path = storage.join(root, "commit.json")
    assert storage.write_once(path, b"one") is True
    assert storage.write_once(path, b"two") is False
    assert storage.read(path) == b"one"


def test_of_eight_racing_writers_one_wins(tmp_path: Path) -> None:
    for number in range(20):
        path, start = str(tmp_path / f"{number}.json"), threading.Barrier(8)

        def race(me: int, path: str = path, start: threading.Barrier = start) -> bool:
            start.wait()
            return storage.write_once(path, bytes([me]) * 1000)

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(race, range(8)))
        assert won.count(True) == 1
        assert storage.read(path) == bytes([won.index(True)]) * 1000
    assert len(os.listdir(tmp_path)) == 20, "no temporary file is left"


def test_reading_goes_forward_and_back(root: str) -> None:
    path, data = storage.join(root, "big"), random.Random(0).randbytes(1_500_000)
    storage.write(path, data)
    with storage.open(path) as file:
        assert file.read(10) == data[:10]
        assert file.seek(-7, os.SEEK_END) == len(data) - 7
        assert file.read() == data[-7:]
        assert file.read(1) == b""
        file.seek(700_000)
        assert file.read(600_000) == data[700_000:1_300_000]
        file.seek(0)
        assert file.read() == data
        assert file.tell() == len(data)
        file.seek(len(data) + 5)
        assert file.read() == b""


def test_an_empty_file_reads_as_empty(root: str) -> None:
    path = storage.join(root, "empty")
    storage.write(path, b"")
    assert storage.read(path) == b""
    with storage.open(path) as file:
        assert file.read() == b""


def test_streaming_an_object_takes_large_pieces(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 24 << 20
    storage.write(f"{bucket}/warc", bytes(size))
    pieces: list[int] = []
    fetch = RangeReader._fetch
    monkeypatch.setattr(RangeReader, "_fetch", lambda self, wanted: (fetch(self, wanted), pieces.append(len(self._piece)))[0])
    with storage.open(f"{bucket}/warc") as file:
        while file.read(1 << 20):
            pass
    assert sum(pieces) == size
    assert max(pieces) == LARGE_READ
    assert len(pieces) < 10


def test_an_object_replaced_while_it_is_read_is_an_error(bucket: str) -> None:
    storage.write(f"{bucket}/x", bytes(1 << 20))
    with storage.open(f"{bucket}/x") as file:
        file.read(10)
        storage.write(f"{bucket}/x", b"\1" * (1 << 20))
        file.seek(900_000)
        with pytest.raises(UnitError, match="/x"):
            file.read(10)


def test_a_large_file_is_uploaded_whole(bucket: str, tmp_path: Path) -> None:
    data = random.Random(1).randbytes(1 << 20) * 65
    (tmp_path / "shard.tar").write_bytes(data)
    storage.upload(tmp_path / "shard.tar", f"{bucket}/out/shard.tar")
    (found,) = storage.glob(f"{bucket}/out/")
    assert found.size == len(data)
    assert found.identity.endswith("-5"), "five parts of 16 MB: the etag of a multipart upload"
    assert storage.read(f"{bucket}/out/shard.tar") == data
    assert (tmp_path / "shard.tar").exists()


def test_a_small_file_is_uploaded(root: str, tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"small")
    storage.upload(str(tmp_path / "small"), storage.join(root, "deep", "copy"))
    assert storage.read(storage.join(root, "deep", "copy")) == b"small"


FILES = ["a.txt", "b.warc.gz", "in/c.warc.gz", "in/deep/d.warc.gz", "in/e.txt", "[odd].txt", ".hidden/f.warc.gz"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("", FILES),
        ("/", FILES),
        ("in", [name for name in FILES if name.startswith("in/")]),
        ("in/", [name for name in FILES if name.startswith("in/")]),
        ("a.txt", ["a.txt"]),
        ("[odd].txt", ["[odd].txt"]),
        ("*.gz", ["b.warc.gz"]),
        ("*/*.gz", ["in/c.warc.gz"]),
        ("**/*.gz", ["b.warc.gz", "in/c.warc.gz", "in/deep/d.warc.gz"]),
        ("in/**", ["in/c.warc.gz", "in/deep/d.warc.gz", "in/e.txt"]),
        ("[ab].*", ["a.txt", "b.warc.gz"]),
        ("?.txt", ["a.txt"]),
        ("missing", []),
        ("missing/*", []),
        ("i", []),
    ],
)
def test_patterns_mean_the_same_everywhere(root: str, pattern: str, names: list[str]) -> None:
    for name in FILES:
        storage.write(storage.join(root, name), name.encode())
    found = storage.glob(root + "/" + pattern.lstrip("/") if pattern else root)
    assert [one.path for one in found] == sorted(storage.join(root, name) for name in names)
    assert all(one.size == len(one.path.removeprefix(root + "/")) for one in found)


def test_identity_changes_with_the_content(root: str) -> None:
    path = storage.join(root, "x")
    storage.write(path, b"aaaa")
    (before,) = storage.glob(path)
    assert storage.glob(path) == [before]
    storage.write(path, b"bbbb")
    assert storage.glob(path)[0].identity != before.identity


def test_the_root_is_what_names_are_relative_to(root: str) -> None:
    storage.write(storage.join(root, "in/c.gz"), b"")
    assert storage.root_of(f"{root}/*.gz") == root
    assert storage.root_of(f"{root}/in*/x") == root
    assert storage.root_of(f"{root}/in/c.gz") == f"{root}/in"
    assert storage.root_of(f"{root}/in") == f"{root}/in"
    assert storage.root_of(f"{root}/in/") == f"{root}/in"
    assert storage.root_of("*.gz") == ""


def test_names_under_a_folder(root: str) -> None:
    for name in ("b", "a/x", "a/y", "c"):
        storage.write(storage.join(root, name), b"")
    assert storage.list_names(root) == ["a", "b", "c"]
    assert storage.list_names(storage.join(root, "a") + "/") == ["x", "y"]
    assert storage.list_names(storage.join(root, "none")) == []


def test_a_bucket_that_is_not_there_is_told(bucket: str) -> None:
    with pytest.raises(ConfigError, match=r"^s3://no-such-bucket-1/.*: no such bucket; create it or check its name$"):
        storage.glob("s3://no-such-bucket-1/*")


def test_joining_puts_one_slash_between() -> None:
    assert storage.join("s3://b/", "/x/", "", "y") == "s3://b/x/y"
    assert storage.join("/", "x") == "/x"
    assert storage.join("", "x", "y") == "x/y"
    assert storage.join("a//") == "a"


def test_files_being_written_are_not_found(tmp_path: Path) -> None:
    (tmp_path / ".interloom-tmp-abc").write_bytes(b"half")
    assert storage.glob(str(tmp_path)) == []
    assert storage.list_names(str(tmp_path)) == []


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        storage.write(str(tmp_path / "x"), "text")  # type: ignore[arg-type]
    assert os.listdir(tmp_path) == []


def test_other_schemes_are_refused() -> None:
    works = (
        "a local path, s3://bucket/key (also other stores that speak S3: AWS_ENDPOINT_URL), gs://bucket/key or az://container/key"
    )
    for call in (storage.read, storage.glob, storage.open):
        with pytest.raises(ConfigError) as error:
            call("abfs://b/x")
        way_out = "write az://container/key and set AZURE_STORAGE_ACCOUNT_NAME"
        assert str(error.value) == f"abfs://b/x: {way_out}: {works}"
    assert storage.credentials_problem("ftp://b/x") == f"ftp://b/x: write {works}"


def test_missing_credentials_are_found_offline(keys: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert storage.credentials_problem("s3://b/x") is None
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert "AWS_ACCESS_KEY_ID" in str(storage.credentials_problem("s3://b/x"))
    assert storage.credentials_problem("/local/x") is None
    with pytest.raises(ConfigError, match=r"s3://b/x.*AWS_ACCESS_KEY_ID"):
        storage.read("s3://b/x")


def test_an_endpoint_that_fails_twice_is_tried_again(stub: type[Stub]) -> None:
    stub.plan += [fault(503, "SlowDown"), fault(503, "SlowDown"), (200, b"data", 4)]
    assert storage.read("s3://b/x") == b"data"
    assert len(stub.asked) == 3


def test_a_body_that_breaks_off_is_read_again(stub: type[Stub]) -> None:
    stub.plan += [(200, b"da", 4), (200, b"data", 4)]
    assert storage.read("s3://b/x") == b"data"


def test_a_store_that_sends_less_than_asked_is_an_error(stub: type[Stub]) -> None:
    stub.plan += [(206, b"dat", 3)]
    with pytest.raises(UnitError, match="wanted 4 bytes at 0, got 3"):
        storage.read_range("s3://b/x", 0, 4)


def test_denied_access_is_one_clear_line(stub: type[Stub]) -> None:
    stub.plan += [fault(403, "AccessDenied"), (403, b"", 0)]
    for call in (storage.read, storage.exists):
        with pytest.raises(ConfigError, match="s3://b/x: access denied") as told:
            call("s3://b/x")
        assert "\n" not in str(told.value)


def test_a_store_without_conditional_writes_is_asked_first(stub: type[Stub]) -> None:
    stub.plan += [fault(501, "NotImplemented"), (404, b"", 0), (200, b"", 0), fault(501, "NotImplemented"), (200, b"", 4)]
    assert storage.write_once("s3://b/x", b"data") is True
    assert storage.write_once("s3://b/x", b"data") is False
    assert stub.asked == ["PUT", "HEAD", "PUT", "PUT", "HEAD"]


def test_a_store_without_conditional_writes_takes_what_is_allowed(stub: type[Stub]) -> None:
    stub.plan += [(404, b"", 0), fault(501, "NotImplemented"), (200, b"", 0)]
    storage.write_if("s3://b/x", b"data", lambda: stub.asked.append("allowed?"))
    assert stub.asked == ["HEAD", "allowed?", "PUT", "PUT"]


def test_a_conflict_of_two_writers_is_tried_again(stub: type[Stub]) -> None:
    stub.plan += [fault(409, "ConditionalRequestConflict"), fault(412, "PreconditionFailed")]
    assert storage.write_once("s3://b/x", b"data") is False


def test_an_object_is_a_buffered_binary_file(bucket: str) -> None:
    storage.write(f"{bucket}/lines", b"a\nb\n")
    with storage.open(f"{bucket}/lines") as file:
        assert isinstance(file, io.BufferedReader)
        assert list(file) == [b"a\n", b"b\n"]


@pytest.mark.parametrize("content", ["bytes", "file"])
@pytest.mark.parametrize("there", [None, b"before"])
def test_what_was_allowed_before_a_takeover_does_not_appear_after_it(
    root: str, there: bytes | None, content: str, tmp_path: Path
) -> None:
    path, asked = storage.join(root, "x"), []
    (tmp_path / "late").write_bytes(b"late")
    if there is not None:
        storage.write(path, there)

    def allow_and_fall_asleep() -> None:
        asked.append(1)
        if len(asked) > 1:
            raise FatalError("taken over")
        storage.write(path, b"new")
        storage.discard_unfinished(root)

    with pytest.raises(FatalError, match="taken over"):
        storage.write_if(path, b"late" if content == "bytes" else tmp_path / "late", allow_and_fall_asleep)
    assert storage.read(path) == b"new"
    assert storage.list_names(root) == ["x"]


def test_what_is_allowed_replaces_what_is_there(root: str, tmp_path: Path) -> None:
    path = storage.join(root, "x")
    (tmp_path / "file").write_bytes(b"two")
    for content in (b"one", tmp_path / "file", b"one"):
        storage.write_if(path, content, lambda: None)
        assert storage.read(path) == (content if isinstance(content, bytes) else b"two")


def test_a_large_file_is_sent_in_parts_on_a_condition(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditional, "MULTIPART_BYTES", 1 << 20)
    (tmp_path / "large").write_bytes(random.Random(0).randbytes((16 << 20) + 5))
    storage.write_if(f"{bucket}/large", tmp_path / "large", lambda: None)
    assert storage.read(f"{bucket}/large") == (tmp_path / "large").read_bytes()


def test_ages_are_told_by_the_clock_of_the_store(root: str) -> None:
    storage.write(storage.join(root, "folder", "x"), b"")
    storage.write(storage.join(root, "folder", "deeper", "y"), b"")
    ages = storage.ages(storage.join(root, "folder"))
    assert "x" in ages
    assert abs(ages["x"]) < 30
    assert storage.ages(storage.join(root, "none")) == {}


def test_a_file_that_is_kept_young_loses_its_age(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    os.utime(tmp_path / "x", (0, 0))
    assert storage.ages(str(tmp_path))["x"] > 1e9
    storage.keep_young(str(tmp_path / "x"), b"")
    assert storage.ages(str(tmp_path))["x"] < 30
    with pytest.raises(FileNotFoundError):
        storage.keep_young(str(tmp_path / "gone"), b"")
