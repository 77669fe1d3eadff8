"""Finds equal keys in streamed sketches, groups documents by them, and decides which document of a group stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from interloom.pipeline.stage import Rows
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Dropped, Outcome

Keep = Literal["first", "newest", "longest"]
Keys = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

UNDATED = -(1 << 62)
"""The date of a document without a readable one: older than all others."""
KEEP_COLUMNS = ("date", "length")
"""The columns that a keep policy needs."""
DUPLICATES = pa.schema({"document_part": pa.int32(), "id": pa.string(), "kept": pa.string()})
"""A duplicate and the id of the document that stays. `document_part` is the part of the duplicate; it is not called `part`,
because tables that are read back have a column `part` of their own."""
_KEYS_PER_SCAN = 16 << 20
"""One scan holds this many keys: 128 MiB. Our choice."""


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
    return to_numpy(rows, "date" if keep == "newest" else "length")


def to_numpy(rows: pa.Table, column: str) -> npt.NDArray[Any]:
    """Returns a column without nulls as one array."""
    return rows[column].combine_chunks().to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def kept_rows(groups: Ints, priorities: Ints) -> Ints:
    """Returns for each row the number of the row that stays of its group.

    That is the row with the highest priority, and the first of several with the same priority.
    Example: groups `[7, 8, 7, 8]`, priorities `[1, 5, 3, 5]` -> `[2, 1, 2, 1]`.
    """
    order = np.lexsort((~priorities, groups))
    heads = np.flatnonzero(np.diff(groups[order], prepend=groups[order][:1] - 1))
    kept = np.empty_like(order)
    kept[order] = np.repeat(order[heads], np.diff(heads, append=len(order)))
    return kept


def scans_for(rows: int) -> int:
    """Returns the number of scans for this many rows, so that the keys of one scan take 128 MiB."""
    return max(1, -(-rows // _KEYS_PER_SCAN))


def in_share(keys: Keys, number: int, of: int) -> npt.NDArray[np.bool_]:
    """Returns which keys belong to share `number` of `of` shares: equal ranges of the upper 32 bits."""
    ranged: npt.NDArray[np.bool_] = ((keys >> np.uint64(32)) * np.uint64(of)) >> np.uint64(32) == np.uint64(number)
    return ranged


def repeated_keys(sketches: Rows, columns: Sequence[str], share: tuple[int, int], at_least: int = 2) -> list[tuple[Keys, Ints]]:
    """Returns for each column the sorted keys that occur `at_least` times, and how often each occurs.

    Parameters:
        sketches: The sketches of all documents. Eight bytes per row and column are held in memory.
        columns: Names of the columns of keys.
        share: (number, of): only keys of this share are counted.
        at_least: Minimum number of occurrences. Default 2.
    """
    parts: list[list[Keys]] = [[] for _ in columns]
    for table in sketches.read(columns):
        for column, column_parts in zip(columns, parts, strict=True):
            keys = to_numpy(table, column)
            column_parts.append(keys[in_share(keys, *share)] if share[1] > 1 else keys)
    return [_count_repeated(column_parts, at_least) for column_parts in parts]


def _count_repeated(parts: list[Keys], at_least: int) -> tuple[Keys, Ints]:
    """Returns the sorted keys that occur `at_least` times and their counts; it empties `parts` to free their memory.

    Example: `[[5, 3], [5, 9, 5]]`, 2 -> (`[5]`, `[3]`).
    """
    keys = np.concatenate([np.empty(0, np.uint64), *parts])
    parts.clear()
    keys.sort()
    heads = np.flatnonzero(np.diff(keys, prepend=~keys[:1]))
    counts = np.diff(heads, append=len(keys))
    is_repeated = counts >= at_least
    return keys[heads[is_repeated]], counts[is_repeated]


def rows_with_keys(sketches: Rows, wanted: dict[str, Keys], others: Sequence[str]) -> pa.Table:
    """Returns the rows that have a wanted key in any of the columns, in input order.

    Parameters:
        sketches: The sketches of all documents.
        wanted: The sorted wanted keys of each column.
        others: Names of further columns of the result. It also has the columns `part` and `row` (the number in the part).
    """
    tables = []
    for table in sketches.read([*wanted, *others]):
        table = table.append_column("row", pa.array(np.arange(len(table), dtype=np.int64)))
        hits = np.zeros(len(table), np.bool_)
        for column, keys in wanted.items():
            hits |= indices_in(keys, to_numpy(table, column)) >= 0
        if hits.any():
            tables.append(table.filter(pa.array(hits)))
    return pa.concat_tables(tables).combine_chunks()


def indices_in(ordered: Keys, keys: Keys) -> Ints:
    """Returns the index of each key in the sorted keys `ordered`, -1 for a key that is not in them.

    Example: `[3, 5, 9]`, `[9, 4]` -> `[2, -1]`.
    """
    if not len(ordered):
        return np.full(len(keys), -1, np.int64)
    index = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
    return np.where(ordered[index] == keys, index, -1)


def find_equal_keys(sketches: Rows, share: tuple[int, int], keep: Keep) -> pa.Table:
    """Returns a table DUPLICATES with all rows that have the same `key` as a row that stays.

    Parameters:
        sketches: The sketches of all documents, from `key_sketch`.
        share: (number, of): only keys of this share are compared.
        keep: Which row of a group stays.
    """
    [(keys, _)] = repeated_keys(sketches, ["key"], share)
    if not len(keys):
        return DUPLICATES.empty_table()
    rows = rows_with_keys(sketches, {"key": keys}, ["id", *KEEP_COLUMNS])
    kept = kept_rows(indices_in(keys, to_numpy(rows, "key")), priority(rows, keep))
    dropped = pa.array(np.flatnonzero(kept != np.arange(len(kept))))
    columns = [rows["part"].take(dropped), rows["id"].take(dropped), rows["id"].take(pa.array(kept).take(dropped))]
    return pa.table(columns, schema=DUPLICATES)


def collect_verdicts(found: Rows, schema: pa.Schema = DUPLICATES) -> pa.Table:
    """Returns the rows of all scans as verdicts: the column `document_part` becomes `part`.

    Parameters:
        found: The results of all scans.
        schema: Their schema; its first column is `document_part`. Default DUPLICATES.
    """
    tables = [table.select(schema.names).cast(schema) for table in found.read(schema.names)]
    return pa.concat_tables([schema.empty_table(), *tables]).rename_columns(["part", *schema.names[1:]])


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
