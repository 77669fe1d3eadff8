"""Helpers for authors of global steps: rows of sketches as nodes, sorted rows in batches of whole keys, counts of keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from interloom.pipeline.store.merging import KEY, ORDER, column

Keys = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

NODE_BITS = 40
"""A node is one number: the part of the document in the upper bits, its row in the part's sketch in the lower ones."""
_MOST_ROWS = 1 << 17


def with_nodes(sketch: pa.Table, part: int) -> pa.Table:
    """The sketch of a part with the columns `part` and `node`. Part 2, row 5 -> node 2 * 2**40 + 5."""
    nodes = (part << NODE_BITS) + np.arange(sketch.num_rows, dtype=np.int64)
    numbered = sketch.append_column("part", pa.array(np.full(sketch.num_rows, part, np.int32)))
    return numbered.append_column("node", pa.array(nodes))


def keys_of_parts(parts: npt.NDArray[Any], of: int) -> Keys:
    """A key for each part, so that `of` parts are spread evenly over all keys, in order: part * 2**64 // of."""
    numbers, whole, rest = parts.astype(np.uint64), np.uint64((1 << 64) // of % (1 << 64)), np.uint64((1 << 64) % of)
    return numbers * whole + numbers * rest // np.uint64(of)


def whole_keys(tables: Iterable[pa.Table], most_rows: int = _MOST_ROWS) -> Iterator[pa.Table]:
    """The rows, sorted by key, in batches that hold all rows of their keys.

    Only a key with more than `most_rows` rows is given in several batches of its own, each of which begins with the key's first
    row. So what joins the rows of every batch through its first one joins all rows of the key. A batch has at most twice
    `most_rows` rows.
    """
    waiting: list[pa.Table] = []
    count = 0
    head: pa.Table | None = None
    for piece in _pieces(tables, most_rows):
        waiting.append(piece)
        count += piece.num_rows
        if count >= most_rows:
            batches, head, rest = _divided(pa.concat_tables(waiting).combine_chunks(), head, most_rows)
            yield from batches
            waiting, count = [rest], rest.num_rows
    if count:
        batches, _, rest = _divided(pa.concat_tables(waiting).combine_chunks(), head, most_rows)
        yield from (batch for batch in (*batches, rest) if batch.num_rows)


def _pieces(tables: Iterable[pa.Table], most_rows: int) -> Iterator[pa.Table]:
    for table in tables:
        for first in range(0, table.num_rows, most_rows):
            yield table.slice(first, most_rows)


def _divided(rows: pa.Table, head: pa.Table | None, most_rows: int) -> tuple[list[pa.Table], pa.Table | None, pa.Table]:
    """Batches that are complete, the first row of a key that goes on in the next batch, and rows whose key may go on.

    `head` is the first row of the key of which the last batch was a part.
    """
    keys = column(rows, KEY)
    batches = []
    if head is not None:
        more = int(np.searchsorted(keys, np.uint64(head[KEY][0].as_py()), "right"))
        batches = [pa.concat_tables([head, rows.slice(0, more)]).combine_chunks()] if more else []
        rows, keys = rows.slice(more), keys[more:]
        if not len(keys):
            return batches, head, rows
    last = int(np.searchsorted(keys, keys[-1], "left"))
    if last:
        return [*batches, rows.slice(0, last)], None, rows.slice(last)
    if len(keys) < most_rows:
        return batches, None, rows
    return [*batches, rows], rows.slice(0, 1), rows.slice(len(keys))


def pieces_of_keys(tables: Iterable[pa.Table]) -> Iterator[tuple[int, Iterator[pa.Table]]]:
    """Each key of rows sorted by key, with its rows as a stream of tables, to be read before the next key.

    Keys 3 5 | 5 5 9 -> (3, [3]), (5, [5], [5 5]), (9, [9]).
    """
    for key, pieces in groupby(_cut_by_key(tables), key=itemgetter(0)):
        yield key, (piece for _, piece in pieces)


def _cut_by_key(tables: Iterable[pa.Table]) -> Iterator[tuple[int, pa.Table]]:
    for table in tables:
        keys = column(table, KEY)
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else ()
        for first, after in pairwise([*starts, len(keys)]):
            yield int(keys[first]), table.slice(first, after - first)


def numbered(tables: Iterable[pa.Table]) -> Iterator[tuple[pa.Table, Ints]]:
    """Each table of rows sorted by key with the number of each row among all rows of its key, from 0.

    Keys 3 5 | 5 5 9 -> 0 0 | 1 2 0.
    """
    last: np.uint64 | None = None
    seen = 0
    for table in tables:
        if not table.num_rows:
            continue
        keys = column(table, KEY)
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        counts = np.diff(starts, append=len(keys))
        numbers = np.arange(len(keys)) - np.repeat(starts, counts)
        if last == keys[0]:
            numbers[: counts[0]] += seen
        yield table, numbers
        last, seen = keys[-1], int(numbers[-1]) + 1


def key_counts(tables: Iterable[pa.Table]) -> Iterator[tuple[Keys, Ints]]:
    """The keys of rows sorted by key, each once, with its number of rows; the last key of a table waits for the next one.

    Keys 3 5 | 5 5 9 -> (3, 1), (5, 3), (9, 1).
    """
    last = np.empty(0, np.uint64), np.empty(0, np.int64)
    for table, numbers in numbered(tables):
        keys = column(table, KEY)
        if len(last[0]) and last[0][0] != keys[0]:
            yield last
        ends = np.flatnonzero(keys[1:] != keys[:-1])
        yield keys[ends], numbers[ends] + 1
        last = keys[-1:], numbers[-1:] + 1
    if len(last[0]):
        yield last


def frequent_keys(tables: Iterable[pa.Table], at_least: int) -> tuple[Keys, Ints]:
    """The sorted keys that occur `at_least` times in rows sorted by key, and how often each occurs. Only these are held.

    Keys 3 5 | 5 5 9, 2 -> [5], [3].
    """
    frequent = [(np.empty(0, np.uint64), np.empty(0, np.int64))]
    for keys, counts in key_counts(tables):
        is_frequent = counts >= at_least
        frequent.append((keys[is_frequent], counts[is_frequent]))
    return np.concatenate([keys for keys, _ in frequent]), np.concatenate([counts for _, counts in frequent])


def in_total_order(tables: Iterable[pa.Table], by: Sequence[str]) -> Iterator[pa.Table]:
    """The rows sorted by key and order, and those that are equal in both by the columns `by`, so that their order depends on
    nothing but themselves. For orders that are hashes: it holds the rows that are equal in both."""
    held: pa.Table | None = None
    for table in tables:
        if not table.num_rows:
            continue
        rows = table if held is None else pa.concat_tables([held, table])
        keys, order = column(rows, KEY), column(rows, ORDER)
        is_new = np.concatenate([[True], (keys[1:] != keys[:-1]) | (order[1:] != order[:-1])])
        if not is_new.all():
            rows = rows.sort_by([(name, "ascending") for name in (KEY, ORDER, *by)])
        last = int(np.flatnonzero(is_new)[-1])
        yield rows.slice(0, last)
        held = rows.slice(last)
    if held is not None:
        yield held
