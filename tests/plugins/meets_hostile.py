"""An isolated step that does what the text says."""

import ctypes
import os
import time
from collections.abc import Iterator, Sequence
from typing import ClassVar

from interloom.pipeline.stage import Limits, Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


class MeetsHostile(Stage):
    """segfault, hang, eat (memory), exit, print, raise; all other texts pass, with the child's process id as a label."""

    isolated: ClassVar[Limits | None] = Limits(timeout_s=1.0, memory_bytes=3 << 30)

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            _act(doc.text)
            yield doc.with_labels(child=str(os.getpid()))


def _act(word: str) -> None:
    if word == "segfault":
        ctypes.string_at(0)
    elif word == "hang":
        time.sleep(60)
    elif word == "eat":
        bytearray(8 << 30)
    elif word == "exit":
        raise SystemExit(3)
    elif word == "print":
        os.write(1, b"between the answers\n")
    elif word == "raise":
        raise ValueError("not a picture")
