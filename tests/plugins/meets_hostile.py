"""An isolated step that does what the text says."""

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from interloom.pipeline.cost import Limits
from interloom.pipeline.errors import UnitError
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


class MeetsHostile(Stage):
    """Texts: segfault, work (for 0.1 s), hang (busy), sleep, eat (memory), exit, print, raise, store (fails), or the name of a
    signal, by which the process ends. All other texts pass, with the child's process id as a label.

    With `hang 2 FOLDER` it hangs the first two times, which are marked in the folder.
    """

    isolated: ClassVar[Limits | None] = Limits(timeout_s=1.0, memory_bytes=3 << 30)

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            what, _, times = doc.text.partition(" ")
            if not times or _is_due(what, *times.split()):
                _act(what)
            yield doc.with_labels(child=str(os.getpid()))


def _is_due(what: str, times: str = "0", folder: str = "", *more: str) -> bool:
    """Whether this is one of the first so many times; a mark for each of these is left in the folder."""
    if not folder or not times.isdigit():
        return False
    for number in range(int(times)):
        mark = Path(folder) / f"{what}-{number}"
        try:
            mark.touch(exist_ok=False)
        except FileExistsError:
            continue
        return True
    return False


def _act(what: str) -> None:
    if what.startswith("SIG"):
        os.kill(os.getpid(), signal.Signals[what])
    elif act := ACTS.get(what):
        act()


def _hang() -> None:
    while True:
        pass


def _work() -> None:
    enough = time.process_time() + 0.1
    while time.process_time() < enough:
        pass


def _exit() -> None:
    raise SystemExit(3)


def _raise() -> None:
    raise ValueError("not a picture")


def _fail_in_store() -> None:
    raise UnitError("the store is away")


ACTS: dict[str, Callable[[], object]] = {
    "segfault": lambda: ctypes.string_at(0),
    "work": _work,
    "hang": _hang,
    "sleep": lambda: time.sleep(600),
    "eat": lambda: bytearray(8 << 30),
    "exit": _exit,
    "print": lambda: os.write(1, b"between the answers\n"),
    "raise": _raise,
    "store": _fail_in_store,
}
