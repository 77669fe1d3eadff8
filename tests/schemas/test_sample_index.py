"""The index of the samples of a shard: what is packed is read back, and so is what earlier versions packed."""

from __future__ import annotations

import pytest

from interloom.schemas.sample_index import pack_rows, unpack_rows


def test_members_are_found_where_the_tar_has_them() -> None:
    rows = unpack_rows(pack_rows([[("json", 3), ("1.jpg", 513)], [], [("json", 0)]], [(0, 1), (2, 3), (4, 15)]))
    assert (rows.first, rows.sizes, rows.offsets) == ([0, 2, 2, 3], [3, 513, 0], [512, 1536, 3072])
    assert [rows.suffixes[code] for code in rows.codes] == ["json", "1.jpg", "json"]
    assert (rows.domain.tolist(), rows.document.tolist()) == ([0, 2, 4], [1, 3, 15])


def test_members_may_be_larger_than_4_gb() -> None:
    rows = unpack_rows(pack_rows([[("0.mp4", 5 << 30), ("json", 1)]], [(0, 0)]))
    assert rows.offsets == [512, 512 + (5 << 30) + 512]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it is cut"),
        (b"x" * 100, "it is no index of Interloom"),
        (pack_rows([[("json", 3)]], [(0, 0)])[:-1], "its size is not that of its content"),
        (pack_rows([], [], [4, 4])[:36], "it is cut"),
        (b"ILROWS\0\0\x09" + bytes(40), "it has version 9, this Interloom reads up to 2"),
    ],
)
def test_what_is_no_index_is_refused_in_a_line(content: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        unpack_rows(content)


def test_the_rows_of_row_groups_are_read_back() -> None:
    rows = unpack_rows(pack_rows([()] * 5, [(n, n) for n in range(5)], [3, 2]))
    assert (rows.groups, rows.domain.tolist(), rows.offsets) == ([3, 2], [0, 1, 2, 3, 4], [])


def test_an_index_of_version_1_has_no_row_groups() -> None:
    current = pack_rows([[("json", 3)], [("json", 5)]], [(0, 1), (2, 3)])
    first = b"ILROWS\0\0\x01" + current[9:28] + current[32:]  # without the number of row groups
    rows = unpack_rows(first)
    assert (rows.groups, rows.sizes, rows.document.tolist()) == ([], [3, 5], [1, 3])
