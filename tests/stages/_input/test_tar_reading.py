"""Of a damaged tar, or of several in one file, every member is met or an error says that the rest is lost."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from interloom.pipeline.errors import Failure, until_broken
from interloom.stages._input.tar_reading import opened_tar

BLOCK = tarfile.BLOCKSIZE
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: bytes(pa.compress(data, codec="zstd", asbytes=True)),
}


def tar_of(*names: str) -> bytes:
    """A tar of files of two blocks: a header, and content that is no header."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = BLOCK
            tar.addfile(info, io.BytesIO(b"x" * BLOCK))
    return buffer.getvalue()


def read(path: Path, data: bytes) -> tuple[list[str], str]:
    """The names in a tar, and the error that ends it."""
    path.write_bytes(data)

    def members() -> Iterator[str]:
        with opened_tar(str(path)) as (tar, _):
            yield from (member.name for member in tar)

    *names, last = [*until_broken(members()), None]
    broken = [item.message for item in names if isinstance(item, Failure)]
    assert last is None
    return [name for name in names if isinstance(name, str)], "".join(broken)


@pytest.mark.parametrize("packing", PACKINGS)
def test_tars_that_follow_each_other_in_a_file_are_all_read(tmp_path: Path, packing: str) -> None:
    pack = PACKINGS[packing]
    assert read(tmp_path / f"a.tar{packing}", pack(tar_of("a")) + pack(tar_of("b", "c"))) == (["a", "b", "c"], "")


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_broken_header_is_an_error_and_no_end(tmp_path: Path, packing: str) -> None:
    whole = bytearray(tar_of("a", "b", "c"))
    whole[2 * BLOCK] ^= 1
    names, error = read(tmp_path / "a.tar", PACKINGS[packing](bytes(whole)))
    assert (names, error) == (["a"], "ReadError: broken header at byte 1024")


def test_a_header_that_was_zeroed_is_no_end(tmp_path: Path) -> None:
    whole = tar_of("a", "b", "c")
    names, error = read(tmp_path / "a.tar", whole[: 2 * BLOCK] + bytes(BLOCK) + whole[3 * BLOCK :])
    assert (names, error) == (["a"], "ReadError: broken header at byte 1536")


def test_what_follows_the_end_and_is_no_tar_is_an_error(tmp_path: Path) -> None:
    names, error = read(tmp_path / "a.tar", tar_of("a") + b"junk" * BLOCK)
    assert (names, error) == (["a"], f"TrailingDataError: broken header at byte {len(tar_of('a'))}")


@pytest.mark.parametrize("zeros", [BLOCK, 2 * BLOCK, 20 * BLOCK, 2 * BLOCK + 7])
def test_a_tar_may_end_in_any_number_of_zeros(tmp_path: Path, zeros: int) -> None:
    assert read(tmp_path / "a.tar", tar_of("a")[: 2 * BLOCK] + bytes(zeros)) == (["a"], "")


def test_a_tar_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    assert read(tmp_path / "a.tar", tar_of("a", "b")[: 2 * BLOCK]) == (["a"], "ReadError: cut off at byte 1024")


def test_every_bit_of_a_header_counts(tmp_path: Path) -> None:
    whole = tar_of("a", "b", "c")
    for place in range(2 * BLOCK, 3 * BLOCK, 13):
        damaged: Any = bytearray(whole)
        damaged[place] ^= 0x40
        names, error = read(tmp_path / "a.tar", bytes(damaged))
        assert error, (place, names)
