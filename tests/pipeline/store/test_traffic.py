"""What is read and written through `storage` is counted as an object store counts it, also in a local folder."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

import pytest

from interloom.pipeline.store import storage, traffic

KB = 1 << 10
MB = 1 << 20


@pytest.fixture
def counted() -> Callable[[Callable[[], object]], tuple[int, ...]]:
    """Gets, puts, lists, bytes read and bytes written by a call."""
    traffic.count()

    def count(call: Callable[[], object]) -> tuple[int, ...]:
        before = astuple(traffic.so_far())
        call()
        return tuple(after - earlier for after, earlier in zip(astuple(traffic.so_far()), before, strict=True))

    return count


Counted = Callable[[Callable[[], object]], tuple[int, ...]]


@pytest.mark.parametrize("place", ["disk", "s3"])
def test_each_call_is_the_requests_and_bytes_that_a_store_sees(
    place: str, tmp_path: Path, counted: Counted, request: pytest.FixtureRequest
) -> None:
    folder = str(tmp_path) if place == "disk" else f"{request.getfixturevalue('s3')}/some"
    path, local = f"{folder}/a", tmp_path / "local"
    local.write_bytes(bytes(300))
    assert counted(lambda: storage.write(path, bytes(200))) == (0, 1, 0, 0, 200)
    assert counted(lambda: storage.write_once(f"{folder}/b", bytes(50))) == (0, 1, 0, 0, 50)
    assert counted(lambda: storage.upload(local, f"{folder}/c")) == (0, 1, 0, 0, 300)
    assert counted(lambda: storage.write_if(path, bytes(100), lambda: None)) == (1, 1, 0, 0, 100)
    assert counted(lambda: storage.read(path)) == (1, 0, 0, 100, 0)
    assert counted(lambda: storage.read_range(path, 10, 20)) == (1, 0, 0, 20, 0)
    assert counted(lambda: storage.exists(path)) == (1, 0, 0, 0, 0)
    assert counted(lambda: storage.list_names(folder)) == (0, 0, 1, 0, 0)
    assert counted(lambda: storage.glob(f"{folder}/*")) == (0, 0, 1, 0, 0)


def test_a_file_that_is_streamed_is_fetched_in_ever_larger_pieces(tmp_path: Path, counted: Counted) -> None:
    (tmp_path / "a").write_bytes(bytes(4 * MB))

    def stream() -> None:
        with storage.open(str(tmp_path / "a")) as file:
            while file.read(100 * KB):
                pass

    # looked at once, then pieces of 256 KB, 1 MB and 4 MB
    assert counted(stream) == (1 + 3, 0, 0, 4 * MB, 0)


def test_the_requests_of_a_stream_are_known_from_its_size() -> None:
    assert [traffic.gets_of(size) for size in (0, 100 * KB, 4 * MB, 21 * MB)] == [1, 2, 1 + 3, 1 + 5]


def test_a_jump_in_a_file_is_another_request(tmp_path: Path, counted: Counted) -> None:
    (tmp_path / "a").write_bytes(bytes(4 * MB))

    def jump() -> None:
        with storage.open(str(tmp_path / "a")) as file:
            for place in (3 * MB, 3 * MB + KB, 0):
                file.seek(place)
                file.read(KB)

    gets, *_, read, _ = counted(jump)
    assert gets == 1 + 2
    assert read < MB


def test_a_file_that_is_counted_reads_as_it_does_otherwise(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(range(200)) * 1000)
    traffic.count()
    with storage.open(str(tmp_path / "a")) as file:
        assert (file.read(3), file.tell()) == (b"\x00\x01\x02", 3)
        file.seek(-2, 2)
        assert file.read() == bytes([198, 199])
        file.seek(150_001)
        assert file.read(2) == bytes([1, 2])


def test_a_large_object_is_written_in_parts() -> None:
    assert [traffic.puts_of(size) for size in (0, 64 * MB, 64 * MB + 1, 160 * MB)] == [1, 1, 7, 12]


def test_what_a_thread_does_for_other_units_is_not_counted(tmp_path: Path, counted: Counted) -> None:
    def write(name: str) -> None:
        with traffic.uncounted():
            storage.write(str(tmp_path / name), b"commit")
        storage.write(str(tmp_path / name), b"12")

    def both() -> None:
        thread = threading.Thread(target=write, args=("a",))
        thread.start()
        thread.join()
        write("b")

    assert counted(both) == (0, 2, 0, 0, 4)
