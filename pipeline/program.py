"""Runs a program on one thing and tells what became of it: see `pipeline/child_process.py`."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from interloom.pipeline.child_process import CLOCK_PER_CPU, Child, ChildDiedError, EndedFromOutsideError, insist, signal_of

_HALF = 0.5
"""The kernel counts CPU time in two ways: by ticks for the limit, exactly for what was used. On a busy machine they differ."""
_NO_MEMORY = re.compile(rb"MemoryError|bad_alloc|cannot allocate memory|out of memory", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that came to its end: exit status, standard output and error."""

    status: int
    output: bytes
    errors: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that is started for one task each time.

    `name` stands in messages, `cpu_s` is the limit of CPU time of a run. `was_stopped` recognizes a program that caught a signal
    and exited by itself.
    """

    name: str
    cpu_s: float
    was_stopped: Callable[[Finished], bool] = lambda _: False

    def run(self, command: Sequence[str], data: bytes = b"", environment: Mapping[str, str] | None = None) -> Finished:
        """Runs it with `data` as its standard input.

        Raises ChildDiedError if it is ended twice by what it works on, KilledError if three times from outside.
        """
        return insist(lambda: self._run_once(command, data, environment), self.name)

    def _run_once(self, command: Sequence[str], data: bytes, environment: Mapping[str, str] | None) -> Finished:
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            stdin.write(data)
            stdin.seek(0)
            with closing(Child(command, (stdin, stdout, stderr), cpu_s=self.cpu_s, environment=environment)) as child:
                try:
                    child.wait(self.cpu_s * CLOCK_PER_CPU)
                except TimeoutError:
                    raise ChildDiedError(f"{self.name} took longer than {self.cpu_s * CLOCK_PER_CPU:g} s") from None
            for file in (stdout, stderr):
                file.seek(0)
            return self._judged(Finished(child.status, stdout.read(), stderr.read()), child.cpu_s)

    def _judged(self, finished: Finished, cpu_s: float) -> Finished:
        """The same, unless something other than the program itself ended it, or it lacked memory: raises an error."""
        ended_by, was_stopped = signal_of(finished.status), self.was_stopped(finished)
        if ended_by == "SIGXCPU" or (was_stopped and cpu_s >= _HALF * self.cpu_s):
            raise ChildDiedError(f"{self.name} took more than {self.cpu_s:g} s of CPU time")
        if was_stopped:
            raise EndedFromOutsideError("a signal that it caught")
        if ended_by:
            raise ChildDiedError(f"{self.name} was ended by {ended_by}")
        if finished.status and _NO_MEMORY.search(finished.errors):
            raise ChildDiedError(f"{self.name} had too little memory")
        return finished
