"""What the deduplications share: finding repeated keys in streamed sketches, groups, and which of a group stays."""

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
MERITS = ("date", "length")
FOUND = pa.schema({"document_part": pa.int32(), "id": pa.string(), "kept": pa.string()})
"""What a scan for equal keys finds; `document_part` because a table that is read back has a `part` of its own."""
_KEYS_PER_SCAN = 16 << 20


def hash64(text: str) -> int:
    """A 64-bit hash: among a billion keys the chance of one false match is 3 %."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def merits(docs: Iterable[Document], texts: Iterable[str]) -> dict[str, pa.Array]:
    """The sketch columns that a keep policy may need: `date` in seconds since 1970, `length` of the text in characters."""
    dates, lengths = [_seconds(doc.source.date) for doc in docs], [len(text) for text in texts]
    return {"date": pa.array(dates, pa.int64()), "length": pa.array(lengths, pa.int64())}


def keyed(docs: Sequence[Document], contents: Sequence[str]) -> pa.Table:
    """The sketch of what must be equal: columns id, key, date, length. Empty content equals nothing and has no row."""
    pairs = [(doc, content) for doc, content in zip(docs, contents, strict=True) if content]
    some = [doc for doc, _ in pairs]
    ids = pa.array([doc.id for doc in some], pa.string())
    keys = pa.array([hash64(content) for _, content in pairs], pa.uint64())
    return pa.table({"id": ids, "key": keys, **merits(some, (doc.text for doc in some))})


def _seconds(iso: str) -> int:
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return UNDATED
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def merit(rows: pa.Table, keep: Keep) -> Ints:
    """What the policy looks at, the greatest stays: zeros for `first`, because then the input order alone decides."""
    if keep == "first":
        return np.zeros(len(rows), np.int64)
    return numbers(rows, "date" if keep == "newest" else "length")


def numbers(rows: pa.Table, column: str) -> npt.NDArray[Any]:
    """A column without nulls as one array."""
    return rows[column].combine_chunks().to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def kept_places(group: Ints, merits_: Ints) -> Ints:
    """For each row the place of the row that stays of its group: the greatest merit, the earliest among equals."""
    order = np.lexsort((~merits_, group))
    heads = np.flatnonzero(np.diff(group[order], prepend=group[order][:1] - 1))
    kept = np.empty_like(order)
    kept[order] = np.repeat(order[heads], np.diff(heads, append=len(order)))
    return kept


def scans_for(rows: int) -> int:
    """How many shares of the keys, so that one share's keys fit into 128 MB."""
    return max(1, -(-rows // _KEYS_PER_SCAN))


def in_share(keys: Keys, number: int, of: int) -> npt.NDArray[np.bool_]:
    """Which keys belong to share `number` of `of`: equal ranges of the upper 32 bits."""
    ranged: npt.NDArray[np.bool_] = ((keys >> np.uint64(32)) * np.uint64(of)) >> np.uint64(32) == np.uint64(number)
    return ranged


def repeated_keys(sketches: Rows, columns: Sequence[str], share: tuple[int, int], at_least: int = 2) -> list[tuple[Keys, Ints]]:
    """Per column the sorted keys of this share that occur `at_least` times, and how often. Holds eight bytes per row."""
    seen: list[list[Keys]] = [[] for _ in columns]
    for table in sketches.read(columns):
        for column, keys in zip(columns, seen, strict=True):
            these = numbers(table, column)
            keys.append(these[in_share(these, *share)] if share[1] > 1 else these)
    return [_repeated(keys, at_least) for keys in seen]


def _repeated(parts: list[Keys], at_least: int) -> tuple[Keys, Ints]:
    keys = np.concatenate([np.empty(0, np.uint64), *parts])
    parts.clear()
    keys.sort()
    heads = np.flatnonzero(np.diff(keys, prepend=~keys[:1]))
    counts = np.diff(heads, append=len(keys))
    often = counts >= at_least
    return keys[heads[often]], counts[often]


def rows_with(sketches: Rows, wanted: dict[str, Keys], others: Sequence[str]) -> pa.Table:
    """The rows that have a wanted key in any of these columns, in input order, with their `row` inside the part."""
    found = []
    for table in sketches.read([*wanted, *others]):
        table = table.append_column("row", pa.array(np.arange(len(table), dtype=np.int64)))
        hits = np.zeros(len(table), np.bool_)
        for column, keys in wanted.items():
            hits |= places(numbers(table, column), keys) >= 0
        if hits.any():
            found.append(table.filter(pa.array(hits)))
    return pa.concat_tables(found).combine_chunks()


def places(keys: Keys, among: Keys) -> Ints:
    """Where each key lies in the sorted `among`; -1 for a key that is not there."""
    if not len(among):
        return np.full(len(keys), -1, np.int64)
    place = np.minimum(np.searchsorted(among, keys), len(among) - 1)
    return np.where(among[place] == keys, place, -1)


def equal_keys(sketches: Rows, share: tuple[int, int], keep: Keep) -> pa.Table:
    """`FOUND`: all rows that share their `key` with a row that stays."""
    [(keys, _)] = repeated_keys(sketches, ["key"], share)
    if not len(keys):
        return FOUND.empty_table()
    rows = rows_with(sketches, {"key": keys}, ["id", *MERITS])
    kept = kept_places(places(numbers(rows, "key"), keys), merit(rows, keep))
    lost = pa.array(np.flatnonzero(kept != np.arange(len(kept))))
    columns = [rows["part"].take(lost), rows["id"].take(lost), rows["id"].take(pa.array(kept).take(lost))]
    return pa.table(columns, schema=FOUND)


def verdicts(found: Rows, schema: pa.Schema = FOUND) -> pa.Table:
    """All scans' rows with the columns that `decide` promises."""
    tables = [table.select(schema.names).cast(schema) for table in found.read(schema.names)]
    return pa.concat_tables([schema.empty_table(), *tables]).rename_columns(["part", *schema.names[1:]])


def without_duplicates(
    docs: Iterable[Document], verdicts: Mapping[str, list[dict[str, Any]]], drop: Callable[[Document, dict[str, Any]], Drop]
) -> Iterator[Outcome]:
    """Each document, or, if there is a verdict on it, that it goes for this `drop` and which document stands for it."""
    for doc in docs:
        verdict = next(iter(verdicts.get(doc.id, [])), None)
        yield doc if verdict is None else Dropped(doc.id, drop(doc, verdict), url=doc.source.url, kept=verdict["kept"])
