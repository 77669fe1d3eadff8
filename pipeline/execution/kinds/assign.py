"""Where the shards of a sink begin: the order of all documents, cut by bytes. Each unit does this for a run of ranges of keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from interloom.pipeline.execution import units as any_units
from interloom.pipeline.execution.kinds import scatter
from interloom.pipeline.execution.shuffle import INDEX, SIZE, WEIGHTS, raw_shards, runs
from interloom.pipeline.execution.step import Record
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.stage import Sink
from interloom.pipeline.store.commits import Commit
from interloom.pipeline.store.exchange import Range
from interloom.pipeline.store.merging import column
from interloom.pipeline.store.parts import UnitFolder

UNIT_ROWS = 2_000_000
"""Documents of a unit. Our choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit(any_units.Unit):
    """Consecutive ranges; `before` is the size of all documents in the ranges before them, in bytes."""

    ranges: tuple[Range, ...]
    before: int

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        return cls(id=values["id"], ranges=tuple(map(Range.from_json, values["ranges"])), before=values["before"])


def units(phase: Phase, finished: FinishedPhases) -> Iterator[Unit]:
    """Runs of ranges with about UNIT_ROWS documents each."""
    before, run_before, rows, some = 0, 0, 0, list[Range]()
    for range_ in scatter.ranges(finished.commits(phase.tables)):
        if some and rows + range_.rows > UNIT_ROWS:
            yield Unit(ranges=tuple(some), before=run_before).identified(phase)
            run_before, rows, some = before, 0, []
        some.append(range_)
        rows += range_.rows
        before += range_.weight(WEIGHTS.index(SIZE))
    if some:
        yield Unit(ranges=tuple(some), before=run_before).identified(phase)


def run(phase: Phase, unit: Unit, folder: UnitFolder, record: Record) -> Mapping[str, Any]:
    """The result has, for each range, its runs of documents of the same shard: (shard before numbering, documents)."""
    shard_size, before = phase.steps[0].build_as(Sink).shard_size_bytes, unit.before
    pieces_of_ranges = []
    for range_ in unit.ranges:
        pieces: list[tuple[int, int]] = []
        for rows in range_.read(folder.run, INDEX):
            sizes = column(rows, SIZE)
            pieces = _joined(pieces, runs(raw_shards(sizes, before, shard_size)))
            before += int(sizes.sum())
        pieces_of_ranges.append(pieces)
    return {"shards": pieces_of_ranges}


def _joined(pieces: list[tuple[int, int]], more: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """[(3, 2)] and [(3, 1), (4, 5)] -> [(3, 3), (4, 5)]."""
    if pieces and more and pieces[-1][0] == more[0][0]:
        return [*pieces[:-1], (more[0][0], pieces[-1][1] + more[0][1]), *more[1:]]
    return [*pieces, *more]


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive documents of a range: `first` is the number of the first one in the range."""

    range: int
    first: int
    documents: int


def shards(commits: Sequence[Commit]) -> list[tuple[Piece, ...]]:
    """The pieces of each shard, in order. Ranges are numbered in the order of all units; shards have no gaps."""
    by_shard: dict[int, list[Piece]] = {}
    number = 0
    for commit in commits:
        for pieces in commit.result["shards"]:
            first = 0
            for shard, documents in pieces:
                by_shard.setdefault(shard, []).append(Piece(number, first, documents))
                first += documents
            number += 1
    return [tuple(by_shard[shard]) for shard in sorted(by_shard)]
