"""A global step with exchanges of all kinds: how often each word occurs, and which documents say a word first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from interloom.pipeline.exchange_rows import whole_keys
from interloom.pipeline.stage import Exchange, GlobalStage, Rows
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome

WORDS = pa.schema({"key": pa.uint64(), "order": pa.int64(), "part": pa.int32(), "row": pa.int64(), "word": pa.string()})
COUNTED = pa.schema({"part": pa.int32(), "row": pa.int64(), "word": pa.string(), "count": pa.int64()})
SAID = pa.schema({"part": pa.int32(), "id": pa.string(), "word": pa.string(), "count": pa.int64()})
MOST_ROWS = 5


@dataclass(frozen=True, kw_only=True)
class CountsWords(GlobalStage):
    """Labels each document with the words that no document before it has, and how often they occur in all of them."""

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        return pa.table({"id": [doc.id for doc in docs], "text": [doc.text for doc in docs]})

    def exchanges(self) -> tuple[Exchange, ...]:
        counted = Exchange(name="words", reads=("sketch",), send=_words, meet=_count)
        return counted, Exchange(name="said", reads=("words",), send=_to_parts, meet=_with_ids, joins_parts=True)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        for doc in docs:
            yield doc.with_labels(first=" ".join(f"{row['word']}:{row['count']}" for row in verdicts.get(doc.id, [])))


def _words(source: str, sketch: pa.Table) -> pa.Table:
    rows = [
        {
            "key": int.from_bytes(blake2b(word.encode(), digest_size=8).digest()),
            "order": row["node"],
            "part": row["part"],
            "row": row["node"] & ((1 << 40) - 1),
            "word": word,
        }
        for row in sketch.to_pylist()
        for word in row["text"].split()
    ]
    return pa.Table.from_pylist(rows, WORDS)


def _count(rows: Rows) -> Iterator[pa.Table]:
    """The first row of each word with its count. A piece of a word with many rows begins with the word's first row again."""
    found: dict[int, dict[str, Any]] = {}
    for table in whole_keys(rows.read(), MOST_ROWS):
        for number, row in enumerate(table.to_pylist()):
            if row["key"] not in found:
                found[row["key"]] = {**row, "count": 1}
            elif number:
                found[row["key"]]["count"] += 1
    yield pa.Table.from_pylist([{name: row[name] for name in COUNTED.names} for row in found.values()], COUNTED)


def _to_parts(source: str, words: pa.Table) -> pa.Table:
    return words.append_column("order", words["row"])


def _with_ids(rows: Rows, sketches: Rows) -> Iterator[pa.Table]:
    ids = {row["node"]: row["id"] for table in sketches.read(["node", "id"]) for row in table.to_pylist()}
    for table in rows.read():
        nodes = ((row["part"] << 40) + row["row"] for row in table.to_pylist())
        yield pa.table([table["part"], [ids[node] for node in nodes], table["word"], table["count"]], schema=SAID)
