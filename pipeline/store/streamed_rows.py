"""Rows that steps of all documents read: sorted ranges, sketches, and the verdicts on the parts of a unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.exchange_rows import with_nodes
from interloom.pipeline.store.exchange import Range
from interloom.pipeline.store.merging import KEY, ORDER
from interloom.pipeline.store.parts import TableRef
from interloom.pipeline.store.tables import read_stored

Verdicts = Mapping[str, list[dict[str, Any]]]
"""The rows of a global step's verdicts on documents of one part, by document id."""
NO_VERDICTS: Verdicts = {}


@dataclass(frozen=True, slots=True)
class SortedRows:
    """`pipeline.stage.RangeRows` over ranges of keys, which are in order."""

    run: str
    ranges: tuple[Range, ...]
    before: int = 0
    total: int = 0

    def read(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        stored = None if columns is None else list(dict.fromkeys([KEY, ORDER, *columns]))
        for range_ in self.ranges:
            for rows in range_.read(self.run, stored):
                yield rows if columns is None else rows.select(columns)

    @property
    def count(self) -> int:
        return sum(range_.rows for range_ in self.ranges)


@dataclass(frozen=True, slots=True)
class SketchRows:
    """`pipeline.stage.Rows` over stored sketches, with the columns `part` and `node`."""

    run: str
    sketches: tuple[TableRef, ...]

    def read(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        for ref in self.sketches:
            stored = None if columns is None else [name for name in columns if name not in ("part", "node")]
            rows = with_nodes(read_stored(self.run, ref, stored), ref.ordinal)
            yield rows if columns is None else rows.select(columns)

    @property
    def count(self) -> int:
        return sum(ref.rows for ref in self.sketches)


def read_verdicts(run: str, ranges: Sequence[Range], parts: Sequence[int]) -> dict[int, dict[str, list[dict[str, Any]]]]:
    """The verdicts on each of these parts, from the ranges that hold them. Rows about the same document are sorted by what they
    say, because they come in any order."""
    wanted = pa.array(parts, pa.int32())
    tables = [rows.filter(pc.is_in(rows["part"], wanted)) for range_ in ranges for rows in range_.read(run)]
    if not tables:
        return {}
    table = pa.concat_tables(tables).drop_columns([KEY, ORDER])
    plain = [(name, "ascending") for name in table.column_names if not pa.types.is_nested(table[name].type)]
    verdicts: dict[int, dict[str, list[dict[str, Any]]]] = {}
    for row in table.sort_by(plain).to_pylist():
        verdicts.setdefault(row["part"], {}).setdefault(row["id"], []).append(row)
    return verdicts
