"""Finds the newest capture of each wanted image: a join of two streams on the normal form of the address."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.stage import Rows
from interloom.stages.fetch_images.image_url import keys, normalised

SKETCH = pa.schema([("id", pa.string()), ("position", pa.int32()), ("key", pa.uint64()), ("url", pa.string())])
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
_CAPTURE = ["url", "path", "offset", "length", "date"]
_NEWEST = [("url", "ascending"), ("date", "descending"), ("path", "ascending"), ("offset", "ascending")]
_ORDER = [("part", "ascending"), ("id", "ascending"), ("position", "ascending")]


def join(sketches: Rows, captures: Rows, number: int, of: int) -> pa.Table:
    """Rows of FOUND for the sketch rows whose key falls to share `number` of `of`. Holds only that share in memory."""
    wanted = _wanted(sketches, number, of)
    if wanted.num_rows == 0:
        return FOUND.empty_table()
    known = np.unique(wanted.column("key").to_numpy())
    found = wanted.drop_columns("key").join(_newest(captures, known), keys="url", join_type="inner", use_threads=False)
    return found.select(FOUND.names).cast(FOUND).sort_by(_ORDER)


def _wanted(sketches: Rows, number: int, of: int) -> pa.Table:
    """This share's sketch rows, `url` in normal form."""
    shares = []
    for table in sketches.read(["id", "position", "key", "url"]):
        share = table.filter(pa.array(table.column("key").to_numpy() % np.uint64(of) == number))
        shares.append(_renamed(share.select(["part", "id", "position", "key", "url"])))
    schema = pa.schema([FOUND.field("part"), *SKETCH])
    return pa.concat_tables(shares) if shares else schema.empty_table()


def _renamed(table: pa.Table) -> pa.Table:
    """The table with `url` in normal form."""
    return table.set_column(table.column_names.index("url"), "url", normalised(table.column("url")))


def _newest(captures: Rows, known: npt.NDArray[np.uint64]) -> pa.Table:
    """The newest capture of each address with a known key; of equally new ones that first by path and offset."""
    tables = [_known(table.select(_CAPTURE), known) for table in captures.read(_CAPTURE)]
    ordered = pa.concat_tables(tables).sort_by(_NEWEST) if tables else pa.table({name: [] for name in _CAPTURE})
    urls = ordered.column("url").combine_chunks()
    if len(urls) == 0:
        return ordered.cast(pa.schema([(name, pa.int64() if name in {"offset", "length"} else pa.string()) for name in _CAPTURE]))
    is_first = np.ones(len(urls), bool)
    is_first[1:] = pc.not_equal(urls[1:], urls[:-1]).to_numpy(zero_copy_only=False)
    return ordered.filter(pa.array(is_first))


def _known(table: pa.Table, known: npt.NDArray[np.uint64]) -> pa.Table:
    renamed = _renamed(table)
    key = keys(renamed.column("url").combine_chunks())
    places = np.minimum(np.searchsorted(known, key), len(known) - 1)
    return renamed.filter(pa.array(known[places] == key))
