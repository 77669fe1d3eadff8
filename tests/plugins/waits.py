"""Says in a file that it has begun, and waits for longer than any test."""

from __future__ import annotations

import time
from pathlib import Path

from interloom.pipeline.filter import document_filter
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter
def waits(doc: Document, *, says: str) -> Drop | None:
    Path(says).touch()
    time.sleep(600)
    return None
