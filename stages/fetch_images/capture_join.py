"""Finds the newest capture of each wanted image: joins images and captures on the normal form of their URLs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.stage import Rows
from interloom.stages._web.urls import normalise_image_urls
from interloom.stages.fetch_images.image_url import hash_urls

SKETCH = pa.schema([("id", pa.string()), ("position", pa.int32()), ("key", pa.uint64()), ("url", pa.string())])
"""A wanted image: its document, its position, the hash of its normalised URL, and its URL."""
FOUND = pa.schema(
    [
        ("part", pa.int32()),
        ("id", pa.string()),
        ("position", pa.int32()),
        ("path", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
    ]
)
"""A wanted image and the byte range of its newest capture."""
_CAPTURE_COLUMNS = ["url", "path", "offset", "length", "date"]
_CAPTURE_SCHEMA = pa.schema([(n, pa.int64() if n in {"offset", "length"} else pa.string()) for n in _CAPTURE_COLUMNS])
_NEWEST_FIRST = [("url", "ascending"), ("date", "descending"), ("path", "ascending"), ("offset", "ascending")]
_ORDER = [("part", "ascending"), ("id", "ascending"), ("position", "ascending")]


def join(sketches: Rows, captures: Rows, number: int, of: int) -> pa.Table:
    """Returns a table FOUND for the images of one share. Only that share is held in memory.

    Parameters:
        sketches: All wanted images, as SKETCH.
        captures: The side table of all captures.
        number: Number of the share; a key belongs to it if key % of == number.
        of: How many shares there are.
    """
    wanted = _wanted_images(sketches, number, of)
    if wanted.num_rows == 0:
        return FOUND.empty_table()
    wanted_keys = np.unique(wanted.column("key").to_numpy())
    newest = _newest_captures(captures, wanted_keys)
    found = wanted.drop_columns("key").join(newest, keys="url", join_type="inner", use_threads=False)
    return found.select(FOUND.names).cast(FOUND).sort_by(_ORDER)


def _wanted_images(sketches: Rows, number: int, of: int) -> pa.Table:
    """Returns the rows of one share of the sketches, with normalised URLs."""
    shares = []
    for table in sketches.read(["id", "position", "key", "url"]):
        share = table.filter(pa.array(table.column("key").to_numpy() % np.uint64(of) == number))
        shares.append(_with_normalised_urls(share.select(["part", "id", "position", "key", "url"])))
    schema = pa.schema([FOUND.field("part"), *SKETCH])
    return pa.concat_tables(shares) if shares else schema.empty_table()


def _with_normalised_urls(table: pa.Table) -> pa.Table:
    """Returns the table with normalised URLs."""
    return table.set_column(table.column_names.index("url"), "url", normalise_image_urls(table.column("url")))


def _newest_captures(captures: Rows, wanted_keys: npt.NDArray[np.uint64]) -> pa.Table:
    """Returns the newest capture of each URL with a wanted key; of equally new ones the first by path and offset."""
    tables = [_with_wanted_keys(table.select(_CAPTURE_COLUMNS), wanted_keys) for table in captures.read(_CAPTURE_COLUMNS)]
    ordered = pa.concat_tables(tables).sort_by(_NEWEST_FIRST) if tables else pa.table({name: [] for name in _CAPTURE_COLUMNS})
    urls = ordered.column("url").combine_chunks()
    if len(urls) == 0:
        return ordered.cast(_CAPTURE_SCHEMA)
    is_first = np.ones(len(urls), bool)
    is_first[1:] = pc.not_equal(urls[1:], urls[:-1]).to_numpy(zero_copy_only=False)
    return ordered.filter(pa.array(is_first))


def _with_wanted_keys(table: pa.Table, wanted_keys: npt.NDArray[np.uint64]) -> pa.Table:
    """Returns the captures whose key is one of the sorted wanted keys, with normalised URLs."""
    captures = _with_normalised_urls(table)
    keys = hash_urls(captures.column("url").combine_chunks())
    index = np.minimum(np.searchsorted(wanted_keys, keys), len(wanted_keys) - 1)
    return captures.filter(pa.array(wanted_keys[index] == keys))
