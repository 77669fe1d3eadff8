"""Rows of a global step meet where their keys say: an Exchange, with all its rounds.

Its units, round by round: units that send sort the rows of packs of stored tables into ranges of keys; units of further levels
cut ranges that are too large or lie in too many files; units of ranges let their rows meet, and store what comes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.errors import FatalError
from interloom.pipeline.exchange_rows import keys_of_parts, with_nodes
from interloom.pipeline.execution import levels
from interloom.pipeline.execution import units as any_units
from interloom.pipeline.execution.parts_of_ranges import PartsOfRanges
from interloom.pipeline.execution.step import Record
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.planning.phases import SKETCH, Phase
from interloom.pipeline.stage import Exchange, GlobalStage
from interloom.pipeline.store.commits import files_of
from interloom.pipeline.store.exchange import Range, Segment, segments_from_json
from interloom.pipeline.store.merging import KEY, column, sorted_rows
from interloom.pipeline.store.parts import StoredFile, TableRef, UnitFolder
from interloom.pipeline.store.streamed_rows import SketchRows, SortedRows
from interloom.pipeline.store.tables import read_stored

PACK_BYTES = 32 << 20
"""Stored tables of a unit that sends, about; in memory, where rows that repeat take more, twice as much. Our choice."""
MEET_BYTES = 64 << 20
"""Stored rows of a unit in which rows meet, if they are of several ranges. Our choice."""
RANGE_BYTES = 256 << 20
"""A larger range is cut into finer ones. Our choice."""
SKETCH_BYTES = 256 << 20
"""Sketches that a unit reads beside its rows, if they are of several ranges. Our choice."""
TABLE_BYTES = 64 << 20
"""A table of results, in memory. Our choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit(any_units.Unit):
    """Tables of `source` to send, segments of one range to cut, or ranges whose rows meet. `parts`: how many parts of documents
    there are, where rows are sent to parts. `before`: how many rows lie in the ranges before these, of `total` in all ranges.
    `shared`: the whole results of earlier exchanges, by name."""

    round: int = 0
    level: int = 0
    parts: int = 0
    source: str = ""
    tables: tuple[TableRef, ...] = ()
    segments: tuple[Segment, ...] = ()
    ranges: tuple[Range, ...] = ()
    sketches: tuple[TableRef, ...] = ()
    before: int = 0
    total: int = 0
    shared: Mapping[str, tuple[TableRef, ...]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        lists = {name: tuple(map(TableRef.from_json, values[name])) for name in ("tables", "sketches")}
        ranges = tuple(map(Range.from_json, values["ranges"]))
        shared = {name: tuple(map(TableRef.from_json, refs)) for name, refs in values["shared"].items()}
        own = {"segments": segments_from_json(values["segments"]), "ranges": ranges, "shared": shared}
        return cls(**{**values, **lists, **own})


def exchange_of(phase: Phase) -> Exchange:
    """What the step says of this phase."""
    step = phase.steps[0]
    return next(exchange for exchange in step.build_as(GlobalStage).exchanges() if f"{step.key}.{exchange.name}" == phase.name)


def units(phase: Phase, finished: FinishedPhases) -> Iterator[Unit | None]:
    """Sends, cuts and meets, and again for each further round, until one changes nothing. Raises FatalError after too many."""
    exchange, number = exchange_of(phase), 0
    while exchange.joins_parts and not finished.are_complete((*phase.inputs, *phase.sketched)):
        yield None
    parts = PartsOfRanges.of(phase, finished, SKETCH_BYTES) if exchange.joins_parts else PartsOfRanges()
    shared = {name: TableRef.of(result_files(f"{phase.steps[0].key}.{name}", finished)) for name in exchange.shared}
    before = 0
    while True:
        count = before
        for unit in _round(phase, finished, _Round(number, before), parts):
            yield unit and replace(unit, shared={} if unit.segments else shared).identified(phase)
            count += unit is not None
        if not exchange.most_rounds:
            return
        changed = sum(result.get("changed", 0) for result in finished.results_so_far(phase.name, before))
        number, before = number + 1, count
        if not changed:
            return
        if number >= exchange.most_rounds:
            settled = f"{phase.steps[0].use} did not settle in {exchange.most_rounds} rounds"
            raise FatalError(f"{settled}; the last one changed {changed} rows")


@dataclass(frozen=True, slots=True)
class _Round:
    """The number of a round, and how many units the phase has in those before."""

    number: int
    before: int


def _round(phase: Phase, finished: FinishedPhases, round: _Round, parts: PartsOfRanges) -> Iterator[Unit | None]:
    """The units of one round. Ends when all of them are committed, or, without rounds, known."""
    number, count, has_rounds = round.number, 0, exchange_of(phase).most_rounds > 0
    for unit in _sends(phase, finished, number, len(parts)):
        yield unit
        count += unit is not None

    def must_be_cut(range_: Range) -> bool:
        return range_.must_be_cut(RANGE_BYTES) or (parts.are_too_large(range_) and range_.must_be_cut(0))

    def committed() -> int:
        return finished.count_so_far(phase.name) - round.before

    def results() -> list[levels.Result]:
        return [result for result in finished.results_so_far(phase.name, round.before) if "segments" in result]

    for cut in levels.cuts(count, committed, results, must_be_cut):
        yield Unit(round=number, level=cut[0], segments=cut[1]) if cut else None
        count += cut is not None
    ranges, before = levels.whole_ranges(results(), must_be_cut), 0
    total = sum(range_.rows for range_ in ranges)
    for some in _runs(ranges, parts):
        yield Unit(round=number, ranges=some, sketches=parts.sketches(some), before=before, total=total)
        before += sum(range_.rows for range_ in some)
        count += 1
    while has_rounds and committed() < count:
        yield None


def _sends(phase: Phase, finished: FinishedPhases, number: int, parts: int) -> Iterator[Unit | None]:
    exchange = exchange_of(phase)
    for source in exchange.reads if number == 0 else [exchange.name]:
        for pack in packs(_files(phase, finished, source, number)):
            yield Unit(round=number, parts=parts, source=source, tables=pack) if pack else None


def _files(phase: Phase, finished: FinishedPhases, source: str, number: int) -> Iterable[StoredFile | None]:
    """The tables to send, as they become known."""
    if number:
        return result_files(phase.name, finished, number - 1)
    if source == SKETCH:
        return finished.follow(phase.sketched, f"sketch:{phase.steps[0].key}")
    earlier = f"{phase.steps[0].key}.{source}"
    return result_files(earlier, finished) if earlier in phase.exchanges else finished.follow(phase.sides, f"side:{source}")


def result_files(name: str, finished: FinishedPhases, number: int | None = None) -> list[StoredFile]:
    """What an exchange stored in a round, or in its last one."""
    commits = finished.commits_so_far(name)
    last = max((commit.result["round"] for commit in commits), default=0) if number is None else number
    return list(files_of((commit for commit in commits if commit.result["round"] == last), "rows"))


def packs(files: Iterable[StoredFile | None]) -> Iterator[tuple[TableRef, ...]]:
    """Consecutive tables, up to about PACK_BYTES. Yields an empty pack when the next one is not known yet."""
    return levels.packs(files, lambda file: max(file.size_bytes, file.memory_bytes // 2), PACK_BYTES)


def _runs(ranges: Sequence[Range], parts: PartsOfRanges) -> Iterator[tuple[Range, ...]]:
    """Consecutive ranges, up to about MEET_BYTES of rows and SKETCH_BYTES of sketches."""
    run: list[Range] = []
    for range_ in ranges:
        longer = [*run, range_]
        if run and (sum(each.size_bytes for each in longer) > MEET_BYTES or parts.are_too_large(*longer)):
            yield tuple(run)
            longer = [range_]
        run = longer
    if run:
        yield tuple(run)


def run(phase: Phase, unit: Unit, folder: UnitFolder, record: Record) -> Mapping[str, Any]:
    """Stores the rows sorted, with the place of each range in the result, or what comes of their meeting."""
    exchange = exchange_of(phase)
    shared = [{name: _whole(folder.run, refs) for name, refs in unit.shared.items()}] if exchange.shared else []
    if unit.tables:
        sent = [sorted_rows(rows) for rows in _sent(exchange, unit, folder.run, shared)]
        return {"round": unit.round, **levels.store_sorted(folder, 0, sent)}
    if unit.segments:
        merged = levels.merge_segments(folder.run, unit.segments)
        return {"round": unit.round, **levels.store_sorted(folder, unit.level, merged)}
    rows = SortedRows(folder.run, unit.ranges, unit.before, unit.total)
    sketches = [SketchRows(folder.run, unit.sketches)] if exchange.joins_parts else []
    changed = 0
    for number, table in enumerate(_tables(exchange.meet(rows, *sketches, *shared))):
        folder.store_table("rows", f"rows-{number:04d}.parquet", table)
        changed += pc.sum(table["changed"]).as_py() if exchange.most_rounds else 0
    return {"round": unit.round, "changed": changed}


def _whole(run: str, refs: Iterable[TableRef]) -> pa.Table:
    """The whole result of an exchange."""
    tables = [read_stored(run, ref) for ref in refs]
    return pa.concat_tables(tables).combine_chunks() if tables else pa.table({})


def _sent(exchange: Exchange, unit: Unit, run: str, shared: Sequence[Mapping[str, pa.Table]]) -> Iterator[pa.Table]:
    """The rows of the unit's tables, with their keys, in one table; none without rows."""
    tables = []
    for ref in unit.tables:
        stored = read_stored(run, ref)
        rows = exchange.send(unit.source, with_nodes(stored, ref.ordinal) if unit.source == SKETCH else stored, *shared)
        if rows.num_rows:
            tables.append(keyed_by_part(rows, unit.parts) if exchange.joins_parts else rows)
    if tables:
        yield pa.concat_tables(tables)


def keyed_by_part(rows: pa.Table, parts: int) -> pa.Table:
    """The rows with the key of the part that each names."""
    return rows.append_column(KEY, pa.array(keys_of_parts(column(rows, "part"), parts)))


def _tables(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows in tables of about TABLE_BYTES; none without rows."""
    waiting: list[pa.Table] = []
    size = 0
    for table in tables:
        if not table.num_rows:
            continue
        waiting.append(table)
        size += table.nbytes
        if size >= TABLE_BYTES:
            yield pa.concat_tables(waiting)
            waiting, size = [], 0
    if waiting:
        yield pa.concat_tables(waiting)
