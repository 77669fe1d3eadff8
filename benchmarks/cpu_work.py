"""A step for the benchmark `overlap` that takes a known time, like extraction or decoding."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class CpuWork(Stage):
    """Sleeps for each document, and logs when.

    Parameters:
        seconds: How long, for each document. Seconds.
        log: The folder in which each process logs what it does.
    """

    seconds: float
    log: str

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        log_sleep(self.log, "cpu", self.seconds * len(docs))
        yield from docs


def log_sleep(folder: str, kind: str, seconds: float) -> None:
    """Sleeps, and appends a line with the kind of work, the process and the Unix times of start and end to this process's log."""
    started = time.time()
    time.sleep(seconds)
    with (Path(folder) / f"{os.getpid()}.jsonl").open("a") as log:
        log.write(json.dumps([kind, os.getpid(), started, time.time()]) + "\n")
