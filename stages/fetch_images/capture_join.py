"""Finds the newest capture of each wanted image: joins images and captures on the normal form of their URLs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.exchange_rows import whole_keys
from interloom.pipeline.stage import Rows
from interloom.stages._web.urls import normalise_image_urls
from interloom.stages.fetch_images.image_url import hash_urls

SKETCH = pa.schema([("id", pa.string()), ("position", pa.int32()), ("key", pa.uint64()), ("url", pa.string())])
"""A wanted image: its document, its position, the hash of its normalised URL, and its URL."""
ROWS = pa.schema(
    [
        ("key", pa.uint64()),
        ("order", pa.int64()),
        ("url", pa.string()),
        ("part", pa.int32()),
        ("id", pa.string()),
        ("position", pa.int32()),
        ("path", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("date", pa.string()),
    ]
)
"""Wanted images and captures on their way to where those of the same URL meet. `url` is normalised, `key` is its hash."""
FOUND = pa.schema([ROWS.field(name) for name in ("part", "id", "position", "path", "offset", "length")])
"""A wanted image and the byte range of its newest capture."""
_BEFORE_IMAGES = -1
"""The order of captures: those of a URL come before the images that want it."""
_NEWEST_FIRST = [("url", "ascending"), ("date", "descending"), ("path", "ascending"), ("offset", "ascending")]
_ORDER = [("part", "ascending"), ("id", "ascending"), ("position", "ascending")]


def send_images(sketch: pa.Table) -> pa.Table:
    """Returns the rows ROWS of wanted images, given as SKETCH with part and node."""
    columns = {name: sketch[name] for name in ("key", "part", "id", "position")}
    return _rows({**columns, "order": sketch["node"], "url": normalise_image_urls(sketch["url"])}, sketch.num_rows)


def send_captures(captures: pa.Table) -> pa.Table:
    """Returns the rows ROWS of a side table of captures."""
    urls = normalise_image_urls(captures["url"])
    columns = {name: captures[name] for name in ("path", "offset", "length", "date")}
    order = pa.array(np.full(captures.num_rows, _BEFORE_IMAGES, np.int64))
    return _rows({**columns, "url": urls, "key": pa.array(hash_urls(urls)), "order": order}, captures.num_rows)


def _rows(columns: Mapping[str, pa.Array | pa.ChunkedArray], count: int) -> pa.Table:
    return pa.table([columns.get(field.name, pa.nulls(count, field.type)) for field in ROWS], schema=ROWS)


def meet(rows: Rows) -> Iterator[pa.Table]:
    """Yields tables FOUND: each wanted image with the newest capture of its URL; of equally new ones the first by its place.

    URLs themselves are compared, because different URLs may have the same hash. Of a key whose rows come in several tables only
    the newest capture of each URL is remembered.
    """
    last = ROWS.empty_table()
    for table in whole_keys(rows.read(ROWS.names)):
        is_capture = pc.less(table["order"], 0)
        newest = _newest_captures(pa.concat_tables([last, table.filter(is_capture)]))
        yield _join(table.filter(pc.invert(is_capture)), newest)
        last = newest.filter(pc.equal(newest["key"], table["key"][-1]))


def _newest_captures(captures: pa.Table) -> pa.Table:
    """Returns the newest capture of each URL; of equally new ones the first by path and offset."""
    ordered = captures.sort_by(_NEWEST_FIRST)
    urls = ordered["url"].combine_chunks()
    is_first = np.ones(len(urls), bool)
    is_first[1:] = pc.not_equal(urls[1:], urls[:-1]).to_numpy(zero_copy_only=False)
    return ordered.filter(pa.array(is_first))


def _join(wanted: pa.Table, newest: pa.Table) -> pa.Table:
    """Returns the wanted images whose URLs were captured, as FOUND."""
    images = wanted.select(["url", "part", "id", "position"])
    captures = newest.select(["url", "path", "offset", "length"])
    found = images.join(captures, keys="url", join_type="inner", use_threads=False)
    return found.select(FOUND.names).cast(FOUND).sort_by(_ORDER)
