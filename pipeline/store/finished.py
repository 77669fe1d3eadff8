"""The note of a run that is finished: which units each phase had. What is missing of them later was lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence

from interloom.pipeline.planning.fingerprint import digest
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store import storage
from interloom.pipeline.store.parts import encoded

FINISHED = "finished.json"


def note(run: str, phases: Iterable[tuple[Phase, Sequence[str]]], allow: Callable[[], object]) -> None:
    """Notes the phases, each with the ids of its units, unless `allow` raises."""
    units = {phase.folder: digest_of_units(ids) for phase, ids in phases}
    storage.write_if(storage.join(run, FINISHED), encoded(units), allow)


def withdraw(run: str, phase: Phase, ids: Sequence[str], allow: Callable[[], object]) -> None:
    """Takes back what is noted of a phase that has other units now, before they are stored; so a list of units that differs from
    the note is damaged."""
    values = noted(run)
    if values.get(phase.folder) not in (None, digest_of_units(ids)):
        rest = {folder: units for folder, units in values.items() if folder != phase.folder}
        storage.write_if(storage.join(run, FINISHED), encoded(rest), allow)


def digest_of_units(ids: Sequence[str]) -> str:
    """What the note says of a phase with these units."""
    return digest(list(ids))


def noted(run: str) -> Mapping[str, str]:
    """By folder of a phase, the digest of its units; none of a run that was never finished or whose note is damaged."""
    return _stored(run) or {}


def is_damaged(run: str) -> bool:
    """Whether there is a note, and it is none that was ever written."""
    return _stored(run) is None


def _stored(run: str) -> dict[str, str] | None:
    """What is noted; None if the note is damaged."""
    path = storage.join(run, FINISHED)
    try:
        values = json.loads(storage.read(path)) if storage.exists(path) else {}
    except ValueError:
        return None
    is_whole = isinstance(values, dict) and all(isinstance(units, str) for units in values.values())
    return values if is_whole else None
