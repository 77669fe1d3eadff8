"""Finds the newest capture of each wanted image, and what is known of its URL: joins images with captures and failures on the
normal form of their URLs."""

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
        ("reason", pa.string()),
    ]
)
"""Wanted images, captures and failures on their way to where those of a URL meet. `url` is normalised, `key` is its hash."""
FOUND = pa.schema([ROWS.field(name) for name in ("part", "id", "position", "path", "offset", "length", "reason")])
"""A wanted image and the byte range of its newest capture; or, with a reason, why its URL need not be asked for again."""
_BEFORE_IMAGES = -1
"""The order of captures and failures: those of a URL come before the images that want it."""
_NEWEST_FIRST = [("date", "descending"), ("path", "ascending"), ("offset", "ascending"), ("reason", "ascending")]
_LASTING = r"^(http_\d+|unreachable|bad_url|broken_coding)$"
"""Reasons that are about the URL and not about our limits or another source; if they are not passing, they last. Those that may
be about https alone (`tls_failed`, `too_many_redirects`) are not among them, because here http and https are one URL."""
_ORDER = [("part", "ascending"), ("id", "ascending"), ("position", "ascending"), ("path", "ascending")]


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


def send_failures(failed: pa.Table) -> pa.Table:
    """Returns the rows ROWS of what failed for good, of the side table of failures."""
    lasts = pc.and_(pc.invert(failed["passing"]), pc.match_substring_regex(failed["reason"], _LASTING))
    failed = failed.filter(lasts)
    urls = normalise_image_urls(failed["url"])
    order = pa.array(np.full(failed.num_rows, _BEFORE_IMAGES, np.int64))
    return _rows({"url": urls, "key": pa.array(hash_urls(urls)), "order": order, "reason": failed["reason"]}, failed.num_rows)


def _rows(columns: Mapping[str, pa.Array | pa.ChunkedArray], count: int) -> pa.Table:
    return pa.table([columns.get(field.name, pa.nulls(count, field.type)) for field in ROWS], schema=ROWS)


def meet(rows: Rows) -> Iterator[pa.Table]:
    """Yields tables FOUND: each wanted image with the newest capture of its URL, of equally new ones the first by its place; and
    with the failure of its URL.

    URLs themselves are compared, because different URLs may have the same hash. Of a key whose rows come in several tables only
    the newest capture and one failure of each URL are remembered.
    """
    last = ROWS.empty_table()
    for table in whole_keys(rows.read(ROWS.names)):
        is_known = pc.less(table["order"], 0)
        known = _newest(pa.concat_tables([last, table.filter(is_known)]))
        yield _join(table.filter(pc.invert(is_known)), known)
        last = known.filter(pc.equal(known["key"], table["key"][-1]))


def _newest(known: pa.Table) -> pa.Table:
    """Returns the newest capture of each URL, of equally new ones the first by path and offset, and its first failure."""
    known = known.append_column("is_capture", pc.is_valid(known["path"]))
    ordered = known.sort_by([("url", "ascending"), ("is_capture", "ascending"), *_NEWEST_FIRST]).combine_chunks()
    is_first = np.ones(ordered.num_rows, bool)
    differs = [pc.not_equal(ordered[name][1:], ordered[name][:-1]) for name in ("url", "is_capture")]
    is_first[1:] = pc.or_(*differs).to_numpy()
    return ordered.filter(pa.array(is_first)).select(ROWS.names)


def _join(wanted: pa.Table, known: pa.Table) -> pa.Table:
    """Returns the wanted images whose URLs were captured or failed, as FOUND; those of which both is known twice."""
    images = wanted.select(["url", "part", "id", "position"])
    joined = images.join(
        known.select(["url", "path", "offset", "length", "reason"]), keys="url", join_type="inner", use_threads=False
    )
    return joined.select(FOUND.names).cast(FOUND).sort_by(_ORDER)
