"""Reads a run from its folder alone: plan, progress, funnel, decisions, documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution import balance
from interloom.pipeline.execution.balance import Book, Books
from interloom.pipeline.execution.units import UNITS
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store import storage
from interloom.pipeline.store.commits import Commit, committed, files_of
from interloom.pipeline.store.parts import read_json
from interloom.pipeline.store.tables import read_stored
from interloom.schemas.document import SOURCE_ID, Document
from interloom.schemas.table import from_table, labelled


def phases(run: str) -> list[Phase]:
    """The phases of the run's current plan. Raises ConfigError when there is no run."""
    try:
        return [Phase.from_json(phase) for phase in read_json(storage.join(run, "plan.json"))["phases"]]
    except FileNotFoundError:
        raise ConfigError(f"{run}: no run here (it has no plan.json)") from None


def step_order(run: str) -> list[str]:
    """The keys of the run's steps in order."""
    return [step["key"] for step in read_json(storage.join(run, "plan.json"))["plan"]["steps"]]


def progress(run: str) -> Iterator[tuple[Phase, list[Commit]]]:
    """Each phase with its commits so far, in the order of its units."""
    for phase in phases(run):
        done = committed(run, phase)
        yield phase, [done[unit] for unit in units(run, phase) or () if unit in done]


def units(run: str, phase: Phase) -> list[str] | None:
    """The ids of the phase's units; None before they are known."""
    try:
        return list(read_json(storage.join(run, phase.folder, UNITS)))
    except FileNotFoundError:
        return None


def funnel(run: str) -> dict[str, Book]:
    """Books by step, in the order of the steps."""
    return in_step_order(run, balance.total(commit.books for _, done in progress(run) for commit in done))


def in_step_order(run: str, books: Books) -> dict[str, Book]:
    """The books in the order of the run's steps."""
    return {key: books[key] for key in step_order(run) if key in books}


def decisions(run: str) -> Iterator[dict[str, Any]]:
    """Every drop and quarantine: rows of `schemas.table.DECISIONS`."""
    for _, done in progress(run):
        for file in files_of(done, "decisions"):
            yield from read_stored(run, file).to_pylist()


def scores(run: str) -> Iterator[pa.Table]:
    """Every score that a step gave: tables `schemas.columns.SCORE_ROWS`, one per unit that gave any."""
    for _, done in progress(run):
        yield from (read_stored(run, file) for file in files_of(done, "scores"))


def decisions_on(run: str, name: str) -> Iterator[dict[str, Any]]:
    """The decisions about a document (its id, a prefix of it of 6 or more, the id in its file, or its URL) or an image URL."""
    for _, done in progress(run):
        for file in files_of(done, "decisions"):
            table = read_stored(run, file)
            given = [pc.equal(table[column], name) for column in ("url", SOURCE_ID) if column in table.column_names]
            yield from table.filter(_any([*given, _named(table["id"], name)])).to_pylist()


def _any(matches: Sequence[Any]) -> Any:
    """Where one of the columns of booleans is true."""
    return reduce(pc.or_, (pc.fill_null(match, False) for match in matches))


def _named(ids: Any, name: str) -> Any:
    return pc.starts_with(ids, name) if len(name) >= 6 else pc.equal(ids, name)


def documents(run: str, name: str) -> Iterator[tuple[str, Document]]:
    """Where the document stands now, latest phase first: (phase, document). It is named as in `decisions_on`."""
    for phase, done in reversed(list(progress(run))):
        for file in files_of(done, "documents"):
            keys = read_stored(run, file, ["id", "source", "labels"])
            urls = pc.struct_field(keys["source"], "url")
            mask = _any([_named(keys["id"], name), pc.equal(urls, name), labelled(keys["labels"], SOURCE_ID, name)])
            if pc.any(mask).as_py():
                yield from ((phase.name, doc) for doc in from_table(read_stored(run, file).filter(mask)))
