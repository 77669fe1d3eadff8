"""Stops the process that runs it, as a machine does that hangs, at the first document that says so."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from interloom.pipeline.filter import document_filter
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter
def stops_its_worker(doc: Document) -> Drop | None:
    """A text "stop <file>" stops the worker, once: it makes the file, with the number of the process in it. "wait <seconds>"
    waits."""
    word, _, rest = doc.text.partition(" ")
    if word == "wait":
        time.sleep(float(rest))
    if word == "stop" and not Path(rest).exists():
        Path(rest).write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGSTOP)
    return None
