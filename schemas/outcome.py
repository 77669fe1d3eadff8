"""What a step yields for a document: the document itself, `Dropped`, `Quarantined`, or `Side`, a row for a side table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from interloom.schemas.document import Document


@dataclass(frozen=True, slots=True)
class Drop:
    """Why something is dropped: the reason (`too_long`), the measured value and the limit that it was compared with."""

    reason: str
    value: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """Document `id`, or its element at `position`, is dropped because of `drop`. `kept` is the id of the document that is kept
    instead of a duplicate; `url` is the URL of the document or image, for people who look for it."""

    id: str
    drop: Drop
    position: int | None = None
    url: str = ""
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Document `id`, or its element at `position`, could not be processed; `error` is the error in one line. A source gives
    `source_id`, the id that the document has in its file."""

    id: str
    error: str
    position: int | None = None
    url: str = ""
    source_id: str = ""


@dataclass(frozen=True, slots=True)
class Killed(Quarantined):
    """Children that worked on document `id` were ended from outside (KilledError): another worker tries. Quarantined only if it
    meets the same there. A step yields nothing else for the document. A step may as well raise the KilledError; a source, which
    reads many documents, cannot."""


@dataclass(frozen=True, slots=True)
class Side:
    """A row for the side table of this name (see `schemas.table.SIDE_TABLES`), which a later step reads."""

    table: str
    row: Mapping[str, object]


Outcome = Document | Dropped | Quarantined | Side
