"""What a step may say of a document besides passing it on: dropped, quarantined, or a row set aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from interloom.schemas.document import Document


@dataclass(frozen=True, slots=True)
class Drop:
    """Why something goes: a past fact (`too_long`), with what was measured and the limit it was held against."""

    reason: str
    value: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """A decision as data: document `id` (or its element at `position`) goes because of `drop`. `kept` names the document
    that stands for it when it is a duplicate; `url` helps a person find it."""

    id: str
    drop: Drop
    position: int | None = None
    url: str = ""
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """What failed: document `id` (or its element at `position`), with the error in one line."""

    id: str
    error: str
    position: int | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """A row set aside for a later step in the table of that name (see `schemas.table.SIDE_TABLES`)."""

    table: str
    row: Mapping[str, object]


Outcome = Document | Dropped | Quarantined | Side
