"""Runs of consecutive shards: each gathers its documents from the parts, loads their media and lets the sink write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.execution import units as any_units
from interloom.pipeline.execution.balance import Book
from interloom.pipeline.execution.step import Record, decision
from interloom.pipeline.execution.units import FinishedPhases, share_tables, shared_tables
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.planning.plan import PlannedStep
from interloom.pipeline.stage import ShardInfo, Sink
from interloom.pipeline.store.media import with_media
from interloom.pipeline.store.parts import TableRef, UnitFolder
from interloom.pipeline.store.shards import publish, sink_folder
from interloom.pipeline.store.tables import read_stored
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Dropped
from interloom.schemas.table import from_table

_MOST_UNITS = 64
"""Each unit reads the text of all parts, so there are few, unless there is much text."""
_UNIT_BYTES = 128 << 20
"""Bytes of stored text for which there may be one more unit."""
_MEDIA_AT_ONCE = 32
"""Documents whose media are in memory at a time."""
_NOT_WRITTEN = Drop("not_written")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit(any_units.Unit):
    """Shards `first` to `after` (exclusive); `tables` is the path of the lists of parts and of the assignment."""

    first: int
    after: int
    tables: str


def units(phase: Phase, finished: FinishedPhases) -> Iterator[Unit]:
    """Runs of consecutive shards."""
    files = finished.files(phase.inputs, "documents")
    assignment = finished.files([phase.tables], "assignment")
    [assigned] = finished.commits(phase.tables)
    tables = share_tables(phase, finished, {"documents": TableRef.of(files), "assignment": TableRef.of(assignment)})
    shards = assigned.result["shards"]
    most = max(_MOST_UNITS, sum(file.size_bytes for file in files) // _UNIT_BYTES)
    length = -(-shards // most) or 1
    for first in range(0, shards, length):
        yield Unit(first=first, after=min(first + length, shards), tables=tables).identified(phase)


def run(phase: Phase, unit: Unit, folder: UnitFolder, record: Record) -> Mapping[str, Any]:
    """Writes the shards to the sink's folder. The result's `written` describes them for the manifest."""
    step = phase.steps[0]
    sink = step.build_as(Sink)
    tables = shared_tables(folder.run, unit.tables)
    [stored] = tables["assignment"]
    assignment = read_stored(folder.run, stored)
    shard = assignment["shard"]
    assigned = assignment.filter(pc.and_(pc.greater_equal(shard, unit.first), pc.less(shard, unit.after)))
    docs = _gather(folder.run, assigned, tables["documents"])
    book = record.book(step)
    written = []
    for number in range(unit.first, unit.after):
        places = assigned.filter(pc.equal(assigned["shard"], number))
        in_shard = [docs[place] for place in zip(places["part"].to_pylist(), places["row"].to_pylist(), strict=True)]
        info = sink.write(number, _with_omissions_noted(step, _with_media(folder.run, in_shard), record), folder.local)
        written.append(publish(info, folder.local, sink_folder(folder.run, step.key, sink)).to_json())
        _enter(book, in_shard, info)
    return {"written": written}


def _gather(run: str, assigned: pa.Table, documents: Sequence[TableRef]) -> dict[tuple[int, int], Document]:
    """The documents at these places, by (part, row)."""
    docs = {}
    parts = assigned["part"].to_numpy()
    rows = assigned["row"].to_numpy()
    for part in np.unique(parts):
        wanted = np.sort(rows[parts == part])
        table = read_stored(run, documents[part])
        if len(wanted) < table.num_rows:
            table = table.take(pa.array(wanted)).combine_chunks()
        for row, doc in zip(wanted.tolist(), from_table(table), strict=True):
            docs[int(part), row] = doc
    return docs


def _with_media(run: str, docs: Sequence[Document]) -> Iterator[Document]:
    for first in range(0, len(docs), _MEDIA_AT_ONCE):
        yield from with_media(run, docs[first : first + _MEDIA_AT_ONCE])


def _with_omissions_noted(step: PlannedStep, docs: Iterable[Document], record: Record) -> Iterator[Document]:
    """The documents on their way into a shard; for each image that the sink leaves out, a decision is recorded."""
    sink = step.build_as(Sink)
    for doc in docs:
        urls = {image.position: image.url for image in doc.images}
        for position in sink.omits(doc):
            record.books[step.key].images.drop(_NOT_WRITTEN.reason)
            record.decisions.append(decision(step, Dropped(doc.id, _NOT_WRITTEN, position, urls[position])))
        yield doc


def _enter(book: Book, docs: Sequence[Document], info: ShardInfo) -> None:
    book.documents.into += len(docs)
    book.documents.out += info.documents
    book.images.into += sum(len(doc.images) for doc in docs)
    book.images.out += info.images
