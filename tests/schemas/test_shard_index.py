"""The index of shards: what is packed is read back, and so is what earlier versions packed."""

from __future__ import annotations

import pytest

from interloom.schemas.shard_index import ShardEntry, ShardIndex, pack_shards
from interloom.schemas.split_buckets import BUCKETS, histogram

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


def test_an_index_of_version_1_is_read() -> None:
    content = bytearray(pack_shards(entries()))
    content[8] = 1  # the layout is the same; buckets of domains are those of hosts
    assert opened(bytes(content)).counts().tolist() == [7, 0]


@pytest.mark.parametrize(
    ("position", "value", "problem"),
    [(0, 0, "it is no index of Interloom"), (8, 9, "it has version 9, this Interloom reads up to 2")],
)
def test_what_is_no_index_of_a_known_version_is_refused(position: int, value: int, problem: str) -> None:
    content = bytearray(pack_shards(entries()))
    content[position] = value
    with pytest.raises(ValueError, match=problem):
        opened(bytes(content))
