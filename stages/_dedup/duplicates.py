"""Groups documents by equal keys and decides which document of a group stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from interloom.pipeline.exchange_rows import Ints, Keys, whole_keys
from interloom.pipeline.stage import Rows
from interloom.pipeline.store.merging import column
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Dropped, Outcome

Keep = Literal["first", "newest", "longest"]

UNDATED = -(1 << 62)
"""The date of a document without a readable one: older than all others."""
KEEP_COLUMNS = ("date", "length")
"""The columns that a keep policy needs."""
_NO_ROWS = pa.schema({"key": pa.uint64(), "order": pa.int64(), "id": pa.string(), "priority": pa.int64()}).empty_table()


def hash64(text: str) -> int:
    """Returns a 64-bit hash of the text. Among a billion keys the probability of one false match is 3 %."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def keep_columns(docs: Iterable[Document], texts: Iterable[str]) -> dict[str, pa.Array]:
    """Returns the columns of a sketch that a keep policy needs.

    `date` is in seconds since 1970, `length` is the length of the text in characters.

    Parameters:
        docs: The documents.
        texts: Their texts, in the same order.
    """
    dates, lengths = [_seconds_since_1970(doc.source.date) for doc in docs], [len(text) for text in texts]
    return {"date": pa.array(dates, pa.int64()), "length": pa.array(lengths, pa.int64())}


def key_sketch(docs: Sequence[Document], contents: Sequence[str]) -> pa.Table:
    """Returns a sketch with the columns id, key, date and length.

    Parameters:
        docs: The documents.
        contents: Of each document what must be equal in duplicates. A document with empty content has no row.
    """
    pairs = [(doc, content) for doc, content in zip(docs, contents, strict=True) if content]
    kept = [doc for doc, _ in pairs]
    ids = pa.array([doc.id for doc in kept], pa.string())
    keys = pa.array([hash64(content) for _, content in pairs], pa.uint64())
    return pa.table({"id": ids, "key": keys, **keep_columns(kept, (doc.text for doc in kept))})


def _seconds_since_1970(iso: str) -> int:
    """Returns the seconds since 1970 of an ISO 8601 date, UTC if it names no zone; UNDATED if it cannot be parsed."""
    try:
        date = datetime.fromisoformat(iso)
    except ValueError:
        return UNDATED
    return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())


def priority(rows: pa.Table, keep: Keep) -> Ints:
    """Returns the priority of each row; of a group the row with the highest priority stays.

    Parameters:
        rows: Rows with the columns date and length.
        keep: The policy. "newest": priority is the date; "longest": the length; "first": 0, so that the input order decides.
    """
    if keep == "first":
        return np.zeros(len(rows), np.int64)
    return column(rows, "date" if keep == "newest" else "length")


def send_keys(sketch: pa.Table, keep: Keep) -> pa.Table:
    """Returns the rows of a sketch from `key_sketch` on their way to those with the same key: key, order, part, id, priority."""
    names = {"key": "key", "node": "order", "part": "part", "id": "id"}
    rows = sketch.select(list(names)).rename_columns(list(names.values()))
    return rows.append_column("priority", pa.array(priority(sketch, keep)))


def meet_equal_keys(rows: Rows, also: Sequence[str] = ()) -> Iterator[pa.Table]:
    """Yields the rows that have the same key as a row that stays: part, id, `kept` (the id of what stays), and `also`.

    The first pass finds the row that stays for each repeated key; only these are held in memory. The second finds all others.

    Parameters:
        rows: Rows with the columns of `send_keys`.
        also: Further columns of the rows.
    """
    staying = _staying_rows(rows)
    keys, order = column(staying, "key"), column(staying, "order")
    for table in rows.read(["key", "order", "part", "id", *also]):
        place = indices_in(keys, column(table, "key"))
        is_dropped = place >= 0
        is_dropped[is_dropped] = order[place[is_dropped]] != column(table, "order")[is_dropped]
        dropped = table.filter(pa.array(is_dropped))
        kept = staying["id"].take(pa.array(place[is_dropped]))
        yield pa.table({"part": dropped["part"], "id": dropped["id"], "kept": kept, **{name: dropped[name] for name in also}})


def _staying_rows(rows: Rows) -> pa.Table:
    """Returns the row that stays of each repeated key, sorted by key."""
    tables = [_best_of_repeated(table) for table in whole_keys(rows.read(["key", "order", "id", "priority"]))]
    return _best_of_repeated(pa.concat_tables(tables), at_least=1) if tables else _NO_ROWS


def _best_of_repeated(rows: pa.Table, at_least: int = 2) -> pa.Table:
    """Returns of each key that occurs `at_least` times the row with the highest priority; of several the first."""
    keys = column(rows, "key")
    best = np.lexsort((column(rows, "order"), ~column(rows, "priority"), keys))
    heads = np.flatnonzero(np.diff(keys[best], prepend=~keys[best][:1]))
    counts = np.diff(heads, append=len(best))
    return rows.take(pa.array(best[heads[counts >= at_least]]))


def indices_in(ordered: Keys, keys: Keys) -> Ints:
    """Returns the index of each key in the sorted keys `ordered`, -1 for a key that is not in them.

    Example: `[3, 5, 9]`, `[9, 4]` -> `[2, -1]`.
    """
    if not len(ordered):
        return np.full(len(keys), -1, np.int64)
    index = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
    return np.where(ordered[index] == keys, index, -1)


def drop_duplicates(
    docs: Iterable[Document], verdicts: Mapping[str, list[dict[str, Any]]], drop: Callable[[Document, dict[str, Any]], Drop]
) -> Iterator[Outcome]:
    """Yields each document without a verdict, and for each document with one that it is dropped and which document stays.

    Parameters:
        docs: The documents.
        verdicts: The verdicts by id, each with the id of the document that stays in `kept`.
        drop: Makes the Drop of a document and its verdict.
    """
    for doc in docs:
        verdict = next(iter(verdicts.get(doc.id, [])), None)
        yield doc if verdict is None else Dropped(doc.id, drop(doc, verdict), url=doc.source.url, kept=verdict["kept"])
