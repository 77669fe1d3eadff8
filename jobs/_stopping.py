"""Signals that stop a command: they end it as an error does, so that workers, children and temporary files go with it."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


_received: list[int] = []


def received() -> int:
    """The number of the signal that stopped this process."""
    return _received[-1] if _received else signal.SIGINT


def heed_signals() -> None:
    """From now on SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt in the main thread, once: a second one ends the process.

    A signal that the caller has this process ignore (`nohup`) stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in _SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    for other in _SIGNALS:
        if signal.getsignal(other) is _stop:
            signal.signal(other, signal.SIG_DFL)
    _received.append(number)  # Ray raises another KeyboardInterrupt in place of this one
    raise KeyboardInterrupt


def is_of_output(error: OSError) -> bool:
    """Whether the error is that of what a command prints: it then comes out of the library that prints it."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__")).partition(".")[0] in ("click", "rich")


def without_more_output() -> None:
    """Lets standard output be lost, because it cannot be written: else the interpreter tries once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
