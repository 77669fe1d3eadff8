"""Runs one unit of any phase, wherever a runner put it, and commits it. Same unit, same bytes."""

from __future__ import annotations

import gc
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial, reduce
from pathlib import Path
from typing import Any

import pyarrow as pa

from interloom.pipeline.errors import UnitError
from interloom.pipeline.execution.step import Process, Record, applied, process_of, read_source, run_step, tried
from interloom.pipeline.execution.units import Unit, read_shared
from interloom.pipeline.planning import own_code
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.planning.plan import PlannedStep
from interloom.pipeline.stage import Split
from interloom.pipeline.store import commits, shards, storage
from interloom.pipeline.store.parts import Folder, PartWriter, StoredRows, Verdicts, read_table, read_verdicts, with_media
from interloom.schemas.document import Document
from interloom.schemas.table import DECISIONS, SIDE_TABLES, from_table, table_of

BATCH_DOCUMENTS = 256
_TRIES = 3


def run_unit(run: str, phase: Phase, unit: Unit) -> commits.Commit:
    """Does the unit and commits it. Tries again after a UnitError; what it fails of at last, or what a plug-in raised where
    no single document is to blame (a sketch, a scan, a sink), becomes `{"unit": id, "failed": words}`."""
    own_code.load(run, phase.own_code)
    for attempt in range(1, _TRIES + 1):
        try:
            done = tried(lambda: _persistent(run, phase, unit))
        except UnitError as error:
            done = f"UnitError: {error}"
            if attempt < _TRIES:
                time.sleep(0.2 * 4**attempt)
                continue
        return done if not isinstance(done, str) else {"unit": unit["id"], "phase": phase.name, "failed": done}
    raise AssertionError("unreachable")


def _persistent(run: str, phase: Phase, unit: Unit) -> commits.Commit:
    """Once, with what the operating system says about files and sockets taken as worth another try."""
    try:
        return _once(run, phase, unit)
    except OSError as error:
        raise UnitError(f"{type(error).__name__}: {error}") from error


def _once(run: str, phase: Phase, unit: Unit) -> commits.Commit:
    do: dict[str, Callable[..., dict[str, Any]]] = {
        "documents": _documents,
        "sketch": _sketch,
        "scan": _scan,
        "decide": _decide,
        "assign": shards.assign,
        "write": shards.write,
    }
    started = time.perf_counter()
    gc.collect()
    gc.freeze()  # modules and models: searching them for garbage costs a tenth of a unit
    with tempfile.TemporaryDirectory(prefix="interloom-") as local:
        folder = Folder(run, f"{phase.folder}/{unit['id']}", Path(local))
        record = Record()
        more = do[phase.kind](phase, unit, folder, record)
        _store_record(folder, record)
        seconds = time.perf_counter() - started
        return commits.commit(run, phase, unit["id"], record.books, folder.stored, seconds=seconds, **more)


def _documents(phase: Phase, unit: Unit, folder: Folder, record: Record) -> dict[str, Any]:
    writer = PartWriter(folder, {step.key: partial(_sketched, step, phase.seed) for step in phase.sketches})
    source = phase.steps[0].shape == "source"
    size = min((step.batch_size for step in phase.steps if step.batch_size), default=BATCH_DOCUMENTS)
    for share, verdicts in _shares(unit, folder.run):
        steps = [_Runner(step, folder.run, record, verdicts) for step in phase.steps[source:]]
        for batch in batched(_input(phase, share, folder.run, record), size):
            writer.add(reduce(lambda docs, step: step(docs), steps, batch))
    for step in phase.steps:
        record.book(step)
    writer.close()
    return {}


def _shares(unit: Unit, run: str) -> Iterator[tuple[Unit, Verdicts]]:
    """The unit by parts with the verdicts for each, or whole when there are none: a document may stand in several parts
    (branches that join), and a verdict is for one of them."""
    if "verdicts" not in unit:
        yield unit, {}
        return
    verdicts = read_verdicts(storage.join(run, unit["verdicts"]), [ordinal for ordinal, *_ in unit["parts"]])
    for part in unit["parts"]:
        yield {**unit, "parts": [part]}, verdicts.get(part[0], {})


def batched(docs: Iterable[Document], size: int) -> Iterator[list[Document]]:
    """Lists of up to `size` documents, none twice in the same list."""
    batch: dict[str, Document] = {}
    for doc in docs:
        if len(batch) >= size or doc.id in batch:
            yield list(batch.values())
            batch = {}
        batch[doc.id] = doc
    if batch:
        yield list(batch.values())


class _Runner:
    """A step made ready for the batches of one unit."""

    def __init__(self, step: PlannedStep, run: str, record: Record, verdicts: Verdicts) -> None:
        self._step, self._run, self._record = step, run, record
        self._process = _process(step, verdicts)

    def __call__(self, docs: Sequence[Document]) -> list[Document]:
        if self._step.attributes.wants_media:
            docs = with_media(self._run, docs)
        return run_step(self._step, self._process, docs, self._record)


def _process(step: PlannedStep, verdicts: Verdicts) -> Process:
    return applied(step, verdicts) if step.shape == "global" else process_of(step, json.dumps(step.parameters, sort_keys=True))


def _input(phase: Phase, unit: Unit, run: str, record: Record) -> Iterator[Document]:
    if "split" in unit:
        step = phase.steps[0]
        yield from read_source(step, step.build().read(Split(**unit["split"])), record)
        return
    for _, path, _, _ in unit["parts"]:
        yield from from_table(read_table(storage.join(run, path)))


def _sketched(step: PlannedStep, seed: int, docs: Sequence[Document]) -> pa.Table:
    if step.shape == "sink":
        return shards.sketch(docs, seed)
    made: pa.Table = step.build().sketch(docs)
    return made


def _sketch(phase: Phase, unit: Unit, folder: Folder, record: Record) -> dict[str, Any]:
    step = phase.sketches[0]
    for ordinal, path, _, _ in unit["parts"]:
        docs = from_table(read_table(storage.join(folder.run, path)))
        folder.table(f"sketch:{step.key}", f"sketch-{step.key}-{ordinal:06d}.parquet", _sketched(step, phase.seed, docs))
    return {}


def _rows(run: str, listed: Sequence[Sequence[Any]], *, own: bool = False) -> StoredRows:
    return StoredRows(run, tuple((ordinal, path, rows) for ordinal, path, rows, _ in listed), own)


def _scan(phase: Phase, unit: Unit, folder: Folder, record: Record) -> dict[str, Any]:
    tables = read_shared(folder.run, unit["tables"])
    sides = {name: _rows(folder.run, listed) for name, listed in tables["sides"].items()}
    found = phase.steps[0].build().scan(unit["number"], unit["of"], _rows(folder.run, tables["sketches"]), sides)
    folder.table("found", "found.parquet", found)
    return {}


def _decide(phase: Phase, unit: Unit, folder: Folder, record: Record) -> dict[str, Any]:
    tables = read_shared(folder.run, unit["tables"])
    verdicts = phase.steps[0].build().decide(_rows(folder.run, tables["found"], own=True))
    order = [("part", "ascending"), ("id", "ascending")]
    folder.table("verdicts", "verdicts.parquet", verdicts.sort_by(order), rows_per_group=50_000)
    return {}


def _store_record(folder: Folder, record: Record) -> None:
    for name, rows in sorted(record.sides.items()):
        folder.table(f"side:{name}", f"side-{name}.parquet", table_of(rows, SIDE_TABLES[name]))
    if record.decisions:
        folder.table("decisions", "decisions.parquet", table_of(record.decisions, DECISIONS))
