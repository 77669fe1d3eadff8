"""A step for the benchmark `overlap` that takes a known time and keeps an object, like a model on a GPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from benchmarks.cpu_work import log_sleep
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class ModelWork(Stage):
    """Sleeps for each document, and logs when.

    Parameters:
        seconds: How long, for each document. Seconds.
        log: The folder in which each process logs what it does.
    """

    uses_gpu: ClassVar[bool] = True

    seconds: float
    log: str

    @cached_property
    def _model(self) -> bytearray:
        return bytearray(1 << 20)

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        assert self._model is not None
        log_sleep(self.log, "model", self.seconds * len(docs))
        yield from docs
