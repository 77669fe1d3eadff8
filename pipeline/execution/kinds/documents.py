"""Documents stream through local steps and are stored in parts (Parquet) with their media, and with sketches of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Self

from interloom.pipeline.cost import UNIT_COST_S, Cost, total
from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution import units as any_units
from interloom.pipeline.execution.kinds.verdicts import FoundVerdicts
from interloom.pipeline.execution.source import read_source
from interloom.pipeline.execution.step import Process, Record, process_of, run_step
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.execution.used import metered, metering
from interloom.pipeline.execution.worker_view import check_split
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.planning.plan import PlannedStep
from interloom.pipeline.stage import GlobalStage, Source, Split
from interloom.pipeline.store import storage
from interloom.pipeline.store.exchange import Range
from interloom.pipeline.store.media import with_media
from interloom.pipeline.store.part_writer import PartWriter
from interloom.pipeline.store.parts import PART_BYTES, PART_DOCUMENTS, StoredFile, TableRef, UnitFolder
from interloom.pipeline.store.streamed_rows import Verdicts, read_verdicts
from interloom.pipeline.store.tables import SideRows, read_documents, read_ids
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome

BATCH_DOCUMENTS = 256
"""Documents given to a step at a time, unless its line in the recipe says `batch_size`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit(any_units.Unit):
    """A split of the source, or parts of the phases above, with the ranges of verdicts on them if a global step is first."""

    split: Split | None = None
    parts: tuple[TableRef, ...] = ()
    verdicts: tuple[Range, ...] = ()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        split = Split(**values["split"]) if values["split"] else None
        parts = tuple(map(TableRef.from_json, values["parts"]))
        verdicts = tuple(map(Range.from_json, values["verdicts"]))
        return cls(id=values["id"], split=split, parts=parts, verdicts=verdicts)


def units(phase: Phase, finished: FinishedPhases) -> Iterator[Unit | None]:
    """One unit per split of a source, or one per pack of parts of the phases above."""
    if phase.inputs:
        verdicts = FoundVerdicts.of(phase.tables, phase.inputs, finished) if phase.tables else None
        for pack in packs(phase, finished):
            yield Unit(parts=pack, verdicts=verdicts.on(pack) if verdicts else ()).identified(phase) if pack else None
        return
    step = phase.steps[0]
    splits = step.build_as(Source).splits()
    if not splits:
        raise FatalError(f"{step.use} found nothing to read at {step.parameters.get('paths')}")
    yield from (Unit(split=split).identified(phase) for split in splits)


def packs(phase: Phase, finished: FinishedPhases) -> Iterator[tuple[TableRef, ...]]:
    """Consecutive documents of the phases above, packed as long as they stay within the limits of one part and, where the phase's
    steps state a cost, within that of a unit. Only what comes earlier decides where a pack ends, so that a unit can begin before
    the phases above end. Yields an empty pack when the next one is not known yet."""
    pack, ordinal = _Pack(), 0
    costs = [step.attributes.cost for step in phase.steps]
    for file in finished.follow(phase.inputs, "documents"):
        if file is None:
            yield ()
            continue
        ref = replace(TableRef.to(file, ordinal), sides=file.sides)
        ordinal += 1
        for piece, bytes_, cost in _pieces(ref, file, costs):
            if pack.refs and pack.is_full(piece, bytes_, cost):
                yield tuple(pack.refs)
                pack = _Pack()
            pack.add(piece, bytes_, cost)
    if pack.refs:
        yield tuple(pack.refs)


def _pieces(ref: TableRef, file: StoredFile, costs: Sequence[Cost]) -> Iterator[tuple[TableRef, float, float]]:
    """The part as one piece, or by segments if it costs more than a unit may; each with its share of bytes, and its cost."""
    each = [total(costs, segment) for segment in file.segments]
    if sum(each) <= UNIT_COST_S:
        yield ref, file.size_bytes, sum(each)
        return
    first = 0
    for segment, cost in zip(file.segments, each, strict=True):
        yield replace(ref, first=first, after=first + segment.rows), file.size_bytes * segment.rows / file.rows, cost
        first += segment.rows


@dataclass(slots=True)
class _Pack:
    """Pieces of parts for one unit."""

    refs: list[TableRef] = field(default_factory=list)
    rows: int = 0
    bytes: float = 0.0
    cost: float = 0.0

    def is_full(self, piece: TableRef, bytes_: float, cost: float) -> bool:
        too_many = self.rows + _rows(piece) > PART_DOCUMENTS or self.bytes + bytes_ > PART_BYTES
        return too_many or self.cost + cost > UNIT_COST_S

    def add(self, piece: TableRef, bytes_: float, cost: float) -> None:
        last = self.refs[-1] if self.refs else None
        if last is not None and last.ordinal == piece.ordinal:  # the next segment of the same part
            self.refs[-1] = replace(last, after=piece.after)
        else:
            self.refs.append(piece)
        self.rows, self.bytes, self.cost = self.rows + _rows(piece), self.bytes + bytes_, self.cost + cost


def _rows(piece: TableRef) -> int:
    return piece.rows if piece.after is None else piece.after - piece.first


def run(phase: Phase, unit: Unit, folder: UnitFolder, record: Record) -> Mapping[str, Any]:
    """Reads the unit's documents, runs the phase's steps on them batch by batch, and stores what comes out."""
    sketches = {step.key: metering(record.used, step.key, step.build_as(GlobalStage).sketch) for step in phase.sketches}
    writer = PartWriter(folder, sketches)
    local_steps = phase.steps[1:] if unit.split else phase.steps
    size = min((step.batch_size for step in phase.steps if step.batch_size), default=BATCH_DOCUMENTS)
    record.kills.folder = storage.join(folder.run, folder.name)
    record.sides_above = tuple(dict.fromkeys(side for part in unit.parts for side in part.sides))
    sides = side_rows(phase.side_tables, unit.parts, folder.run)
    for parts, verdicts in _by_verdicts(phase, unit, folder.run):
        steps = [_StepOfUnit(step, folder.run, record, process_of(step, verdicts, sides)) for step in local_steps]
        for batch in batched(_documents(phase, unit, parts, (folder.run, record)), size):
            kept = reduce(lambda docs, step: step(docs), steps, batch)
            if not record.kills.left:  # otherwise another worker stores the unit
                writer.add(kept)
    record.kills.give_up()
    for step in phase.steps:
        record.book(step)
    writer.close()
    return {}


def side_rows(tables: Collection[str], parts: Sequence[TableRef], run: str) -> SideRows:
    """The rows of these side tables on the documents of these parts."""
    files = [side for part in parts for side in part.sides if side.table in tables]
    ids = frozenset(id_ for part in parts for id_ in read_ids(run, part)) if files else frozenset()
    return SideRows(run, tuple(dict.fromkeys(files)), ids)


def _by_verdicts(phase: Phase, unit: Unit, run: str) -> Iterator[tuple[tuple[TableRef, ...], Verdicts]]:
    """Each part with its own verdicts, or all parts together when no global step is first: a document may stand in several parts
    (branches that join), and a verdict is for one of them."""
    if not phase.tables:
        yield unit.parts, {}
        return
    verdicts = read_verdicts(run, unit.verdicts, [part.ordinal for part in unit.parts])
    for part in unit.parts:
        yield (part,), verdicts.get(part.ordinal, {})


def _documents(phase: Phase, unit: Unit, parts: Iterable[TableRef], context: tuple[str, Record]) -> Iterator[Document]:
    run, record = context
    if unit.split:
        step = phase.steps[0]
        yield from read_source(step, _outcomes(step.build_as(Source), unit.split), record, unit.split.name)
        return
    for part in parts:
        yield from read_documents(run, part)


def _outcomes(source: Source, split: Split) -> Iterator[Outcome]:
    check_split(split)
    yield from source.read(split)  # what `read` itself raises is met where its outcomes are


def batched(docs: Iterable[Document], size: int) -> Iterator[list[Document]]:
    """Lists of up to `size` documents, none twice in the same list: ids a b a, size 3 -> [a b], [a]."""
    batch: dict[str, Document] = {}
    for doc in docs:
        if len(batch) >= size or doc.id in batch:
            yield list(batch.values())
            batch = {}
        batch[doc.id] = doc
    if batch:
        yield list(batch.values())


class _StepOfUnit:
    """A step made ready for the batches of one unit."""

    def __init__(self, step: PlannedStep, run: str, record: Record, process: Process) -> None:
        self._step, self._run, self._record, self._process = step, run, record, process

    def __call__(self, docs: Sequence[Document]) -> list[Document]:
        with metered(self._record.used, self._step.key):
            if self._step.attributes.wants_media:
                docs = with_media(self._run, docs)
            return run_step(self._step, self._process, docs, self._record)
