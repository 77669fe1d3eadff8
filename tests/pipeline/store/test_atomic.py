"""Local files appear whole or not at all, on file systems with and without unnamed files and hard links."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.store import atomic


def no_links(*_: Any, **__: Any) -> None:
    raise OSError(errno.EPERM, "no hard links here")


@pytest.fixture(params=["unnamed files", "no unnamed files", "no hard links"])
def file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "no unnamed files":
        monkeypatch.setattr(atomic, "_UNNAMED", 0)
    elif request.param == "no hard links":
        monkeypatch.setattr(os, "link", no_links)
    return str(request.param)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def sync(handle: int) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "fsync", sync)


@pytest.fixture
def strict_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_a_file_is_created_in_a_folder_that_was_not_there_and_is_alone_in_it(file_system: str, tmp_path: Path) -> None:
    assert atomic.create(str(tmp_path / "a" / "b" / "x"), b"one")
    assert {path.name: path.read_bytes() for path in (tmp_path / "a" / "b").iterdir()} == {"x": b"one"}


def test_a_file_that_is_there_is_not_created_again(file_system: str, tmp_path: Path) -> None:
    assert [atomic.create(str(tmp_path / "x"), data) for data in (b"one", b"two")] == [True, False]
    assert (tmp_path / "x").read_bytes() == b"one"


@pytest.mark.parametrize("unnamed", [atomic._UNNAMED, 0])
def test_of_many_writers_at_the_same_time_one_creates_the_file(
    unnamed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic, "_UNNAMED", unnamed)
    for number in range(20):
        path, start = tmp_path / str(number), threading.Barrier(8)

        def race(me: int, path: Path = path, start: threading.Barrier = start) -> bool:
            start.wait()
            return atomic.create(str(path), bytes([me]) * 1000)

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(race, range(8)))
        assert won.count(True) == 1
        assert path.read_bytes() == bytes([won.index(True)]) * 1000
    assert len(os.listdir(tmp_path)) == 20


def test_everyone_may_read_a_file_whatever_the_umask(file_system: str, strict_umask: None, tmp_path: Path) -> None:
    atomic.create(str(tmp_path / "created"), b"")
    atomic.replace(str(tmp_path / "replaced"), lambda file: None)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o644}


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[int, bool]]:
    """Of each file that is brought to the disk: how many bytes it has, and whether `x` is there by then."""
    synced, sync = list[tuple[int, bool]](), os.fsync

    def noted_sync(handle: int) -> None:
        synced.append((os.fstat(handle).st_size, os.path.exists(tmp_path / "x")))
        sync(handle)

    monkeypatch.setattr(os, "fsync", noted_sync)
    return synced


def test_the_content_is_on_the_disk_before_the_file_has_its_name(
    file_system: str, synced: list[tuple[int, bool]], tmp_path: Path
) -> None:
    assert atomic.create(str(tmp_path / "x"), b"one")
    assert set(synced) == {(3, False)}


def test_the_content_is_on_the_disk_before_it_replaces_what_is_there(synced: list[tuple[int, bool]], tmp_path: Path) -> None:
    atomic.replace(str(tmp_path / "x"), lambda file: file.write(b"one"))
    assert synced == [(3, False)]


def test_a_file_that_the_disk_does_not_take_is_not_created(file_system: str, full_disk: None, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no space left"):
        atomic.create(str(tmp_path / "x"), b"one")
    assert os.listdir(tmp_path) == []


def test_a_file_that_the_disk_does_not_take_replaces_nothing(full_disk: None, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"one")
    with pytest.raises(OSError, match="no space left"):
        atomic.replace(str(tmp_path / "x"), lambda file: file.write(b"two"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"x": b"one"}


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(FileExistsError):
        atomic.create(str(tmp_path / "a" / "x"), b"")


def test_a_file_that_goes_while_ages_are_asked_for_has_none(tmp_path: Path) -> None:
    (tmp_path / "stays").touch()
    (tmp_path / "goes").symlink_to(tmp_path / "gone")  # listed, but not there when it is looked at
    assert list(atomic.ages(str(tmp_path))) == ["stays"]
