"""The index of shards: what is packed is read back, page by page, and buckets split documents alike wherever they lie."""

from __future__ import annotations

import pytest

from interloom.schemas.shard_index import (
    BUCKETS,
    ShardEntry,
    ShardIndex,
    bucket_of,
    buckets_of,
    histogram,
    pack_rows,
    pack_shards,
    unpack_rows,
)

HASHES = ["aa" * 32, "0f" * 32]
COUNTS = histogram([(0, 3), (15, 0)])


def entries(names: tuple[str, str] = ("shard-000000.tar", "shard-000001.tar")) -> list[ShardEntry]:
    return [ShardEntry(names[0], 5 << 32, HASHES[0], 7, True, COUNTS), ShardEntry(names[1], 3, HASHES[1], 0)]


def opened(content: bytes) -> ShardIndex:
    return ShardIndex.opened(lambda offset, size: content[offset : offset + size])


@pytest.mark.parametrize("names", [("shard-000000.tar", "shard-000001.tar"), ("b.tar", "a-000000.tar")])
def test_what_is_packed_of_shards_is_read_back(names: tuple[str, str]) -> None:
    index = opened(pack_shards(entries(names)))
    assert (index.shards, index.samples, list(index.names())) == (2, 7, list(names))
    assert (index.counts().tolist(), index.sizes().tolist()) == ([7, 0], [5 << 32, 3])
    assert [index.sha256(shard) for shard in (0, 1)] == HASHES
    assert (index.has_rows().tolist(), index.has_buckets().tolist()) == ([True, False], [True, False])
    assert index.buckets("domain").tolist() == [COUNTS[0], [0] * BUCKETS]
    assert index.buckets("document").tolist() == [COUNTS[1], [0] * BUCKETS]


def test_the_data_id_changes_with_a_shard_and_not_with_its_name() -> None:
    first, renamed = entries(), entries(("x.tar", "y.tar"))
    assert opened(pack_shards(first)).data == opened(pack_shards(renamed)).data
    assert opened(pack_shards(first[::-1])).data != opened(pack_shards(first)).data


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
        (b"ILROWS\0\0\x02" + bytes(40), "it has version 2, this Interloom reads 1"),
    ],
)
def test_what_is_no_index_is_refused_in_a_line(content: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        unpack_rows(content)


def test_each_bucket_holds_half_as_many_names_as_the_one_before() -> None:
    [counts, _] = histogram([(bucket_of(f"name {n}"), 0) for n in range(4096)])
    assert counts[:4] == [2015, 1035, 549, 233]
    assert sum(counts) == 4096


def test_parts_of_a_document_and_pages_of_a_domain_have_one_bucket() -> None:
    assert buckets_of("a#1", "https://www.a.example/x") == buckets_of("a", "https://a.example/y")
    assert buckets_of("a#1", "") == (bucket_of("a"), bucket_of("a"))


def test_a_joined_sample_is_split_off_with_any_of_its_documents() -> None:
    members = [{"id": f"d{n}", "url": f"https://h{n}.example/"} for n in range(20)]
    assert buckets_of("d0", "", members) == (
        max(bucket_of(f"h{n}.example") for n in range(20)),
        max(bucket_of(f"d{n}") for n in range(20)),
    )
