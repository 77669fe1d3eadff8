"""Errors, named by what happens next, and `guarded`, which turns what a plug-in raises into a value.

InterloomError
|-- ConfigError     nothing starts: the recipe, a file, a model or the machine does not fit
|   `-- AccessError a store does not let us in; what has started fails, resumable
|-- DocumentError   this document (or this element of it) is quarantined, the run goes on
|-- UnitError       the unit is tried again, then set aside and the run fails, resumable
|   `-- DamageError a stored file is not as it was written: the unit that stored it runs again, too
|-- KilledError     something else on the machine ends what this worker starts: another worker tries the unit
`-- FatalError      the run stops here; run it again to resume
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from errno import EINVAL, ENOMEM
from typing import TypeVar

from interloom.pipeline.temporary import full_folder

T = TypeVar("T")

_MEMORY_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_SIMILAR = 0.6  # difflib's own default
_LONGEST_MESSAGE = 500  # characters; a decision row holds the message


class InterloomError(Exception):
    """Anything this system raises on purpose."""


class ConfigError(InterloomError):
    """Nothing starts. Each of `problems` is one line: where, what, what to do."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class AccessError(ConfigError):
    """A store does not let us in. A run that has started fails, and the same command resumes it."""


class DocumentError(InterloomError):
    """This document is quarantined with this message; its neighbours go on."""


class UnitError(InterloomError):
    """The unit failed and may be tried again."""


class DamageError(UnitError):
    """A stored file (`path`) is gone or is not as it was written."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path} is damaged ({problem})")
        self.path = path


class KilledError(InterloomError):
    """The child process that worked on a document was ended from outside, again and again: another worker tries the unit."""


class FatalError(InterloomError):
    """The run stops; what is committed stays, and the same command resumes it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, in one line: an error as a value, to be stored or sent to another process. `lacked_memory` says whether
    a lack of memory was the cause."""

    message: str
    lacked_memory: bool = False


_END = Failure("")


def guarded(call: Callable[[], T]) -> T | Failure:
    """Returns what the call returns, or the Failure of what a plug-in raised in it.

    This is the one place that catches everything, because a plug-in may raise anything. Our own errors that stop more than a
    document (ConfigError, UnitError, KilledError, FatalError) pass through.
    """
    try:
        return call()
    except DocumentError as error:
        return Failure(in_a_line(error), _lacked_memory(error))
    except InterloomError:
        raise
    except Exception as error:
        return Failure(described(error), _lacked_memory(error))


def guarded_reading(call: Callable[[], T]) -> T | Failure:
    """As `guarded`, for a call that reads a file that others wrote: the Failure says what is wrong with its content.

    Raises UnitError for an error of the operating system (a disk, a socket), which says nothing about the content. For broken
    content libraries raise OSError without a number, or seek to places that a file cannot have (EINVAL).
    """
    return guarded(lambda: _without_errors_of_the_system(call))


def _without_errors_of_the_system(call: Callable[[], T]) -> T:
    try:
        return call()
    except OSError as error:
        if error.errno in (None, EINVAL):
            raise
        raise of_the_system(error) from error


def of_the_system(error: OSError) -> UnitError:
    """What to raise for an error of the operating system. A file that is not there may be there on another machine."""
    if isinstance(error, FileNotFoundError) and isinstance(error.filename, str) and "://" not in error.filename:
        begins = "" if os.path.isabs(error.filename) else f", where relative paths begin at {os.getcwd()}"
        return UnitError(f"{error.filename}: no such file on {socket.gethostname()}{begins}; all machines must see it")
    return UnitError(f"{described(error)}{full_folder(error)}")


def until_broken(items: Iterable[T]) -> Iterator[T | Failure]:
    """The items that a reader of a file yields and, if it then raises, the Failure that says why; errors as `guarded_reading`."""
    rest = iter(items)
    while (item := guarded_reading(lambda: next(rest, _END))) is not _END:
        yield item
        if isinstance(item, Failure):
            return


def _lacked_memory(error: BaseException | None) -> bool:
    """Whether this error, or one that led to it, says that memory could not be had: MemoryError, ENOMEM of the system."""
    while error is not None:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == ENOMEM:
            return True
        error = error.__cause__ or error.__context__
    return False


def did_you_mean(wrong: str, valid: Iterable[str]) -> str:
    """A question with the most similar valid name: "ViT-L14" -> "; did you mean 'ViT-L-14'?"; "" if none is similar."""
    near = get_close_matches(wrong, list(valid), 1, _SIMILAR)
    return f"; did you mean '{near[0]}'?" if near else ""


def described(error: BaseException) -> str:
    """The error's type and message in one line: ValueError("a\\nb") -> "ValueError: a b"; KeyError() -> "KeyError"."""
    message = in_a_line(error)
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def in_a_line(error: BaseException, longest: int = _LONGEST_MESSAGE) -> str:
    """The error's message in one line, the same in every process: without memory addresses, cut after `longest` characters."""
    return _MEMORY_ADDRESS.sub("", " ".join(str(error).split()))[:longest]
