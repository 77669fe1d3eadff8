"""A step with a model: its workers are actors on Ray, and each loads the model once."""

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class KeepsAModel(Stage):
    """Scores `length`; writes a file into `folder` for each process that loads the model. Text `die-N` kills its worker the first
    N times that it is met."""

    checkpoint: ClassVar[bool] = True
    uses_gpu: ClassVar[bool] = True

    folder: str

    @cached_property
    def _model(self) -> Path:
        folder = Path(self.folder)
        (folder / f"loaded-{os.getpid()}").touch()
        return folder

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            self._die(doc.text)
            yield doc.with_score("length", float(len(doc.text)))

    def _die(self, text: str) -> None:
        name, _, times = text.partition("-")
        for number in range(int(times) if name == "die" else 0):
            try:
                (self._model / f"{text}-{number}").touch(exist_ok=False)
            except FileExistsError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)
        assert self._model
