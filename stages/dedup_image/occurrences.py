"""The occurrences of images that occur too often: each image's occurrences meet with its totals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from interloom.pipeline.stage import Rows
from interloom.pipeline.store.merging import column
from interloom.stages._dedup.duplicates import indices_in
from interloom.stages.dedup_image import totals

OCCURRENCES = pa.schema({"part": pa.int32(), "id": pa.string(), "position": pa.int64(), "count": pa.int64()})
"""One occurrence of an image to drop, and how often that image occurs."""
_TOTAL = -1
"""The order of a row of totals: before all occurrences of the image."""
_PLACE = ("part", "id", "position")


def send(sketch: pa.Table) -> pa.Table:
    """Sends the occurrences in a sketch to their images."""
    keys = totals.image_keys(column(sketch, "hash"), column(sketch, "scope"))
    return pa.table([keys, sketch["node"], *sketch.select(list(_PLACE)).columns], names=["key", "order", *_PLACE])


def send_with_totals(which: str, table: pa.Table) -> pa.Table:
    """Sends the occurrences in a sketch to their images, and the totals of images."""
    count = len(table)
    if which == "sketch":
        zeros = pa.array(np.zeros(count, np.int64))
        return send(table).append_column("count", zeros).append_column("first", zeros)
    parts, ids = pa.array(np.full(count, -1, np.int32)), pa.array([""] * count, pa.string())
    orders, positions = pa.array(np.full(count, _TOTAL)), pa.array(np.zeros(count, np.int64))
    columns = [table["image"], orders, parts, ids, positions, table["count"], table["first"]]
    return pa.table(columns, names=["key", "order", *_PLACE, "count", "first"])


def meet_totals(rows: Rows, *, keep_first: bool) -> Iterator[pa.Table]:
    """Yields tables OCCURRENCES of the images of which there are totals. The first pass reads the totals, which are held; the
    second one finds the occurrences."""
    read = rows.read(["key", "order", "count", "first"])
    tables = [table.filter(pa.array(column(table, "order") == _TOTAL)) for table in read]
    if tables:
        yield from _occurrences(rows, pa.concat_tables(tables), keep_first)


def meet_equal(rows: Rows, at_most: int, *, keep_first: bool) -> Iterator[pa.Table]:
    """Yields tables OCCURRENCES of the images that occur more often than `at_most`. The first pass counts; the keys and counts of
    these images are held. The second one finds the occurrences."""
    frequent = pa.concat_tables(totals.frequent(totals.summed(rows, of_one=True), at_most))
    yield from _occurrences(rows, frequent.rename_columns(["key", "count", "first"]), keep_first)


def _occurrences(rows: Rows, held: pa.Table, keep_first: bool) -> Iterator[pa.Table]:
    """Yields the occurrences of the images with these key, count and first node; with `keep_first`, those after the first."""
    keys, counts, firsts = (column(held, name) for name in ("key", "count", "first"))
    least = firsts if keep_first else np.full(len(keys), _TOTAL)
    for table in rows.read(["key", "order", *_PLACE]):
        place = indices_in(keys, column(table, "key"))
        is_dropped = place >= 0
        is_dropped[is_dropped] = column(table, "order")[is_dropped] > least[place[is_dropped]]
        columns = table.select(list(_PLACE)).filter(pa.array(is_dropped)).columns
        yield pa.table([*columns, counts[place[is_dropped]]], schema=OCCURRENCES)
