"""Buckets of texts with an equal band key, and the near-duplicates in them.

Three exchanges: texts with the same band key meet and learn in which buckets they are; each is joined with its signature in its
own part; the members of a bucket meet with their signatures and are compared. Buckets with the same members are the same bucket:
texts that share many band keys are compared once, and their signatures travel once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import NODE_BITS, Ints, Keys, whole_keys
from interloom.pipeline.stage import Rows
from interloom.pipeline.store.merging import column
from interloom.stages._dedup.splitmix import hashed
from interloom.stages.dedup_minhash.kernels import MIX, NEAR, kernels

_MOST_LISTED = 1 << 16
"""So many rows of a bucket are held at least, so that it can be named after its members. Our choice."""
_DOCUMENT = ("id", "priority", "signature")


def send_band_keys(sketch: pa.Table, bands: Sequence[str]) -> pa.Table:
    """Sends each text to its key in each band."""
    keys = [column(sketch, name) + np.uint64(band * int(MIX) % (1 << 64)) for band, name in enumerate(bands)]
    return pa.table({"key": np.concatenate(keys), "order": np.tile(column(sketch, "node"), len(bands))})


def meet_band_keys(rows: Rows, most_listed: int = _MOST_LISTED) -> Iterator[pa.Table]:
    """Yields rows (node, bucket) for the texts whose key repeats.

    Parameters:
        rows: The rows that `send_band_keys` sent, by key and node.
        most_listed: A bucket with fewer texts is named after its members, a larger one after its key.
    """
    large: int | None = None
    for batch in whole_keys(rows.read(["key", "order"]), most_listed):
        keys, nodes = column(batch, "key"), column(batch, "order")
        if large is not None and large == keys[0]:  # a further piece of a large bucket, which begins with the first text again
            yield pa.table({"node": nodes[1:], "bucket": keys[1:]})
            continue
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        counts = np.diff(starts, append=len(keys))
        members = np.add.reduceat(hashed(nodes), starts)
        buckets = np.repeat(np.where(counts < most_listed, members, keys[starts]), counts)
        is_repeated = np.repeat(counts > 1, counts)
        large = int(keys[-1]) if counts[-1] >= most_listed else None
        yield pa.table({"node": nodes[is_repeated], "bucket": buckets[is_repeated]})


def send_to_parts(bucketed: pa.Table) -> pa.Table:
    """Sends the rows of `meet_band_keys` to the parts of their texts."""
    nodes = column(bucketed, "node")
    return pa.table({"part": (nodes >> NODE_BITS).astype(np.int32), "order": nodes, "bucket": bucketed["bucket"]})


def join_sketches(rows: Rows, sketches: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yields rows bucket, node, id, priority and signature: each text once for each of its buckets.

    Parameters:
        rows: The rows that `send_to_parts` sent to some parts.
        sketches: The columns node, id, priority and signature of the sketches of these parts, by node.
    """
    tables = rows.read(["order", "bucket"])
    nodes, buckets = np.empty(0, np.int64), np.empty(0, np.uint64)
    for sketch in sketches:
        if not len(sketch):
            continue
        last = sketch["node"][-1].as_py()
        while (not len(nodes) or nodes[-1] <= last) and (table := next(tables, None)) is not None:
            nodes = np.concatenate([nodes, column(table, "order")])
            buckets = np.concatenate([buckets, column(table, "bucket")])
        count = int(np.searchsorted(nodes, last, "right"))
        if count:
            yield _joined(sketch, *_distinct(nodes[:count], buckets[:count]))
        nodes, buckets = nodes[count:], buckets[count:]


def _distinct(nodes: Ints, buckets: Keys) -> tuple[Ints, Keys]:
    order = np.lexsort((buckets, nodes))
    nodes, buckets = nodes[order], buckets[order]
    is_new = np.concatenate([[True], (nodes[1:] != nodes[:-1]) | (buckets[1:] != buckets[:-1])])
    return nodes[is_new], buckets[is_new]


def _joined(sketch: pa.Table, nodes: Ints, buckets: Keys) -> pa.Table:
    texts = sketch.take(pa.array(np.searchsorted(column(sketch, "node"), nodes)))
    return pa.table({"bucket": buckets, "node": nodes, **{name: texts[name] for name in _DOCUMENT}})


def send_to_buckets(joined: pa.Table) -> pa.Table:
    """Sends the rows of `join_sketches` to their buckets."""
    return joined.rename_columns(["key", "order", *_DOCUMENT])


def meet_in_buckets(rows: Rows, values: int, least_matches: int) -> Iterator[pa.Table]:
    """Yields pairs of near-duplicates that connect what is near in each bucket: a, b, their ids and priorities, and `matches`.

    Of the bucket that may go on in the next table it holds the texts with which others are compared, at most NEAR + 1.

    Parameters:
        rows: The rows that `send_to_buckets` sent, by bucket and node.
        values: Number of bytes of a signature.
        least_matches: Texts with at least this many equal bytes are near-duplicates.
    """
    held, labels = None, np.empty(0, np.int64)
    for table in rows.read():
        if not len(table):
            continue
        table = (table if held is None else pa.concat_tables([held, table])).combine_chunks()
        keys, parent = column(table, "key"), np.arange(len(table))
        parent[: len(labels)] = labels
        bounds = np.append(np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])), len(keys))
        links = np.empty((len(table), 3), np.int64)
        count = kernels().link(bounds, (_signatures(table, values), parent, links), least_matches, len(labels))
        if count:
            yield _pairs(table, links[:count])
        members = np.arange(bounds[-2], len(keys))
        members = members if len(members) <= NEAR + 1 else np.append(members[:NEAR], members[-1])
        held, labels = table.take(pa.array(members)), _labels(parent, members)


def _signatures(table: pa.Table, values: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    chunk = table["signature"].chunk(0)  # of one that was combined; combining it again would copy it
    data = np.frombuffer(chunk.buffers()[1], np.uint8)[chunk.offset * values :]
    return data[: len(table) * values].reshape(len(table), values)


def _labels(parent: Ints, members: Ints) -> Ints:
    """Returns for each member the place of the first member in the same tree. Members 1, 3, 4 with roots 0, 2, 0 -> 0, 1, 0."""
    roots = members.copy()
    while (parent[roots] != roots).any():
        roots = parent[roots]
    _, first, place = np.unique(roots, return_index=True, return_inverse=True)
    return first[place]


def _pairs(table: pa.Table, links: Ints) -> pa.Table:
    ends = [table.select(["order", "id", "priority"]).take(pa.array(links[:, side])) for side in (0, 1)]
    names = [*("a", "id_a", "priority_a"), *("b", "id_b", "priority_b"), "matches"]
    return pa.table([column for end in ends for column in end.columns] + [pa.array(links[:, 2])], names=names)
