"""The index of the samples of a shard: what is packed is read back, and so is what earlier versions packed."""

from __future__ import annotations

import pytest

from interloom.schemas.sample_index import Checked, pack_rows, unpack_rows

SHARD = ("a.tar", 10240)
TWO = pack_rows([[("json", 3)], [("json", 5)]], [(0, 1), (2, 3)], Checked(SHARD, [7, 8]))


def test_members_are_found_where_the_tar_has_them() -> None:
    content = pack_rows([[("json", 3), ("1.jpg", 513)], [], [("json", 0)]], [(0, 1), (2, 3), (4, 15)], Checked(SHARD, [7, 8, 9]))
    rows = unpack_rows(content, SHARD)
    assert rows.checks == [7, 8, 9]
    assert (rows.first, rows.sizes, rows.offsets) == ([0, 2, 2, 3], [3, 513, 0], [512, 1536, 3072])
    assert [rows.suffixes[code] for code in rows.codes] == ["json", "1.jpg", "json"]
    assert (rows.domain.tolist(), rows.document.tolist()) == ([0, 2, 4], [1, 3, 15])


def test_members_may_be_larger_than_4_gb() -> None:
    rows = unpack_rows(pack_rows([[("0.mp4", 5 << 30), ("json", 1)]], [(0, 0)], Checked(SHARD, [0, 0])), SHARD)
    assert rows.offsets == [512, 512 + (5 << 30) + 512]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it is cut"),
        (b"x" * 100, "it is no index of Interloom"),
        (TWO[:-1], "its checksum is wrong"),
        (TWO[:40] + b"x" + TWO[41:], "its checksum is wrong"),
        (pack_rows([], [], Checked(("b.tar", 10240), [])), "its checksum is wrong: it is damaged, or that of another shard"),
        (pack_rows([], [], Checked(("a.tar", 20480), [])), "its checksum is wrong"),
        (b"ILROWS\0\0\x09" + bytes(40), "it has version 9, this Interloom reads up to 2"),
    ],
)
def test_what_is_no_index_is_refused_in_a_line(content: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        unpack_rows(content, SHARD)


def test_the_rows_of_row_groups_are_read_back() -> None:
    rows = unpack_rows(pack_rows([()] * 5, [(n, n) for n in range(5)], Checked(SHARD, [9]), [3, 2]), SHARD)
    assert (rows.checks, rows.groups, rows.domain.tolist(), rows.offsets) == ([9], [3, 2], [0, 1, 2, 3, 4], [])


def test_an_index_of_version_1_has_no_row_groups_and_no_checksums() -> None:
    buckets = len(TWO) - 4 - len(b'["json"]') - 4
    first = b"ILROWS\0\0\x01" + TWO[9:28] + TWO[32 : buckets - 8] + TWO[buckets:-4]  # without row groups and checksums
    rows = unpack_rows(first, SHARD)
    assert (rows.checks, rows.groups, rows.sizes, rows.document.tolist()) == ([], [], [3, 5], [1, 3])
