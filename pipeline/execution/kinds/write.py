"""Runs of consecutive shards: each streams its documents in their order, loads their media and lets the sink write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, Self

from interloom.pipeline.execution import units as any_units
from interloom.pipeline.execution.balance import Book
from interloom.pipeline.execution.kinds import assign, scatter
from interloom.pipeline.execution.shuffle import Copies
from interloom.pipeline.execution.step import Record, decision
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.planning.plan import PlannedStep
from interloom.pipeline.stage import ShardInfo, Sink
from interloom.pipeline.store.exchange import Range
from interloom.pipeline.store.facts import Facts
from interloom.pipeline.store.media import with_media
from interloom.pipeline.store.parts import UnitFolder
from interloom.pipeline.store.shards import publish, sink_folder
from interloom.pipeline.store.targets import check_mark, note_shard
from interloom.schemas.columns import SCHEMA
from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Drop, Dropped
from interloom.schemas.table import from_table

UNIT_BYTES = 256 << 20
"""A unit writes shards of up to about so many bytes together, and at least one. Our choice."""
FEWEST_UNITS = 64
"""Smaller shards are shared out to so many units, if there are as many. Our choice."""
_DOCUMENTS_AT_ONCE = 64
"""Documents that are in memory with their media."""
_NOT_WRITTEN = Drop("not_written")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit(any_units.Unit):
    """Consecutive shards from `first` on, with the numbers of their `documents`, which lie in `ranges` after `skip` others."""

    first: int
    documents: tuple[int, ...]
    ranges: tuple[Range, ...]
    skip: int

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        ranges = tuple(map(Range.from_json, values["ranges"]))
        return cls(**{**values, "documents": tuple(values["documents"]), "ranges": ranges})


def units(phase: Phase, finished: FinishedPhases) -> Iterator[Unit]:
    """Runs of consecutive shards."""
    [scattered] = phase.sketched
    ranges = scatter.ranges(finished.commits(scattered))
    shard_size = phase.steps[0].build_as(Sink).shard_size_bytes
    shards = assign.shards(finished.commits(phase.tables))
    length = max(1, min(UNIT_BYTES // shard_size, -(-len(shards) // FEWEST_UNITS)))
    for first in range(0, len(shards), length):
        some = shards[first : first + length]
        pieces = [piece for shard in some for piece in shard]
        needed = ranges[pieces[0].range : pieces[-1].range + 1]
        counts = tuple(sum(piece.documents for piece in shard) for shard in some)
        yield Unit(first=first, documents=counts, ranges=tuple(needed), skip=pieces[0].first).identified(phase)


def run(phase: Phase, unit: Unit, folder: UnitFolder, record: Record) -> Mapping[str, Any]:
    """Writes the shards to the sink's folder. The result's `written` describes them for the manifest."""
    step = phase.steps[0]
    sink = step.build_as(Sink)
    target = sink_folder(folder.run, step.key, sink)
    book = record.book(step)
    docs = _documents(folder.run, unit)
    written = []
    for number, count in enumerate(unit.documents, unit.first):
        facts = Facts()
        in_shard = facts.counted(_with_omissions_noted(step, islice(docs, count), record))
        info = sink.write(number, in_shard, folder.local)
        note_shard(folder.run, phase.writes_as, info.files)
        shard = publish(info, folder.local, target, partial(check_mark, target, phase.writes_as))
        written.append(replace(shard, facts=facts.to_json()).to_json())
        _enter(book, info)
    return {"written": written}


def _documents(run: str, unit: Unit) -> Iterator[Document]:
    """The documents of the unit's shards in their order, with their media, and each with an id of its own."""
    skip, copies = unit.skip, Copies()
    for range_ in unit.ranges:
        for rows in range_.read(run):
            table = copies.renamed(rows).slice(skip).select(SCHEMA.names)
            skip = max(0, skip - rows.num_rows)
            for first in range(0, table.num_rows, _DOCUMENTS_AT_ONCE):
                yield from with_media(run, from_table(table.slice(first, _DOCUMENTS_AT_ONCE)))


def _with_omissions_noted(step: PlannedStep, docs: Iterable[Document], record: Record) -> Iterator[Document]:
    """The documents on their way into a shard; they are entered in the book as read, and for each document that the sink rejects,
    and each image that it leaves out, a decision is recorded. Texts and clips that it leaves out are counted only."""
    sink, book = step.build_as(Sink), record.book(step)
    for doc in docs:
        book.documents.into += 1
        book.count(doc.elements, "into")
        omitted = list(sink.omits(doc))
        if drop := sink.rejects(doc, omitted):
            book.documents.drop(drop.reason)
            book.count(doc.elements, "left")
            record.decisions.append(decision(step, Dropped(doc.id, drop), doc))
            continue
        urls = {image.position: image.url for image in doc.images}
        for position in omitted:
            book.images.drop(_NOT_WRITTEN.reason)
            record.decisions.append(decision(step, Dropped(doc.id, _NOT_WRITTEN, position, urls[position]), doc))
        left = set(sink.omits_texts(doc))
        book.count([element for element in doc.elements if element.position in left], "left")
        book.count([e for e in doc.elements if e.position not in left and not isinstance(e, Image)], "out")
        yield doc


def _enter(book: Book, info: ShardInfo) -> None:
    book.documents.out += info.documents
    book.images.out += info.images
