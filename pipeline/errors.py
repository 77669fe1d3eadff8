"""Errors, named by what happens next.

InterloomError
|-- ConfigError     nothing starts: the recipe, a file, a model or the machine does not fit
|-- DocumentError   this document (or this element of it) is quarantined, the run goes on
|-- UnitError       the unit is tried again, then set aside and the run fails, resumable
`-- FatalError      the run stops here; run it again to resume
"""

import re

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class InterloomError(Exception):
    """Anything this system raises on purpose."""


class ConfigError(InterloomError):
    """Nothing starts. Each of `problems` is one line: where, what, what to do."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class DocumentError(InterloomError):
    """This document is quarantined with this message; its neighbours go on."""


class UnitError(InterloomError):
    """The unit failed and may be tried again."""


class FatalError(InterloomError):
    """The run stops; what is committed stays, and the same command resumes it."""


def in_a_line(error: BaseException, longest: int = 500) -> str:
    """What an error says, in one line and the same in every process: without the memory addresses of objects."""
    return _ADDRESS.sub("", " ".join(str(error).split()))[:longest]
