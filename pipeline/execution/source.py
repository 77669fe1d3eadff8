"""Reads the records of a source: what it yields is entered in the books, and what it raises ends its split, not the run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import islice

from interloom.pipeline.errors import Failure, until_broken
from interloom.pipeline.execution.scores import new_scores
from interloom.pipeline.execution.step import Record, decision, enter, judged
from interloom.pipeline.execution.used import metered
from interloom.pipeline.planning.plan import PlannedStep
from interloom.schemas.document import Document
from interloom.schemas.outcome import Dropped, Outcome, Quarantined, Side
from interloom.schemas.validity import problem_of

_OUTCOMES_AT_ONCE = 16  # the clock is read once for so many


def read_source(step: PlannedStep, outcomes: Iterable[Outcome], record: Record, name: str) -> Iterator[Document]:
    """The documents of a source as they come; each record it names is entered as in, and as out, dropped or quarantined.

    What cannot be stored is quarantined. If the source raises, the rest of the split is, under the split's `name`.
    """
    book = record.book(step)
    for outcome in judged(map(_storable, _outcomes_until_broken(step, outcomes, record, name)), record.kills):
        if isinstance(outcome, Side):
            record.sides.setdefault(outcome.table, []).append(outcome.row)
            continue
        if isinstance(outcome, Dropped | Quarantined) and outcome.position is not None:
            book.images.into += 1
        else:
            book.documents.into += 1
        if isinstance(outcome, Document):
            book.documents.out += 1
            record.scores += new_scores(step.key, outcome, None)
            book.count(outcome.elements, "into", "out")
            yield outcome
        else:
            record.decisions.append(decision(step, outcome, None))
            enter(book, outcome, None)


def _storable(outcome: Outcome) -> Outcome:
    """The outcome; instead of one that cannot be stored, why."""
    if wrong := problem_of(outcome):
        return Quarantined(str(getattr(outcome, "id", "")), f"cannot be stored: {wrong}")
    return outcome


def _outcomes_until_broken(step: PlannedStep, outcomes: Iterable[Outcome], record: Record, name: str) -> Iterator[Outcome]:
    """The outcomes; if the source raises, a quarantine in the split's name instead of the rest."""
    rest = until_broken(outcomes)
    while True:
        started = time.perf_counter()
        with metered(record.used, step.key):
            batch = list(islice(rest, _OUTCOMES_AT_ONCE))
        record.book(step).seconds += time.perf_counter() - started
        if not batch:
            return
        for outcome in batch:
            if isinstance(outcome, Failure):
                outcome = Quarantined(name, f"{step.use} stopped reading: {outcome.message}")
            yield outcome
