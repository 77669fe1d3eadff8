"""The one way to start a child process, and what its end says about the document that it worked on.

A child ends with the process that started it, however that ends. It has limited memory and CPU time. A child that dies, takes too
long or lacks memory is replaced once; a document that ends two raises ChildDiedError. A child that is ended from outside (SIGKILL
of a person or of the kernel's OOM killer, SIGTERM) says nothing about its document; after three, KilledError gives the unit to
another worker. Time by the clock is limited, too, but not the time in which the child or this process stands still.
"""

from __future__ import annotations

import fcntl
import math
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TypeVar

from interloom.pipeline.errors import DocumentError, KilledError, UnitError
from interloom.pipeline.execution import resources

T = TypeVar("T")
Files = tuple[int | IO[bytes], int | IO[bytes], int | IO[bytes] | None]
"""Standard input, output and error of a child; None for this process's own."""

MEMORY_BYTES = 4 << 30
"""Address space of a child, unless the machine has less memory; our choice."""
CLOCK_PER_CPU = 10
"""The limit by the clock over that of CPU time: a busy machine is no fault of a document; our choice."""
_MOST_DEATHS = 2  # by the document: one more than chance, and than what earlier documents may have left behind in a child
_MOST_KILLS = 3  # from outside, before another worker tries
_FIRST_PAUSE_S = 0.5  # after a kill, four times as long after the second: a lack of memory may pass
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # no decoder ends itself by these
_OF_A_SHELL = 128  # a shell that starts a program exits with this and the number of the signal that ended the program
LOOK_S = 1.0
"""How often a child that is waited for is looked at, seconds."""
_REST_S = 0.001  # between the end of a child's files and its own
_CPU_CLOCK_OF_A_PROCESS = 2  # the kernel's name for the clock that counts CPU time, in the lowest three bits of a clock's id
_living: set[int] = set()


class ChildDiedError(DocumentError):
    """The document ended its child, or left it without time or memory; the message says how."""


class EndedFromOutsideError(Exception):
    """The child was ended by a signal that comes from outside only; the message is its name."""


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs `interloom.<module>`. The working directory is not on its import path (`-P`), so that a folder
    there hides nothing."""
    return [sys.executable, "-P", "-m", f"interloom.{module}", *arguments]


def environment() -> dict[str, str]:
    """This process's environment, with its import path, and one thread for libraries that would take all cores."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"}


def living() -> tuple[int, ...]:
    """The ids of the children of this process that have not ended, as far as it knows."""
    return tuple(_living)


def cpu_s() -> float:
    """CPU seconds of all children of this process, of those that live and of those that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime + sum(map(_cpu_s_of, living()))


def _cpu_s_of(pid: int) -> float:
    with suppress(OSError):
        return time.clock_gettime((~pid << 3) | _CPU_CLOCK_OF_A_PROCESS)
    return 0.0


class Child:
    """A running child process. `status` is its exit status once it ended (-n: by signal n), `cpu_s` what it then had used."""

    def __init__(
        self,
        command: Sequence[str],
        files: Files,
        *,
        memory_bytes: int = MEMORY_BYTES,
        cpu_s: float | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Starts it. Raises UnitError if the machine cannot, because that is no fault of a document."""
        self.cpu_s = 0.0
        watched, self._leash = os.pipe()
        stdin, stdout, stderr = files
        try:
            self._process = subprocess.Popen(
                command, stdin=stdin, stdout=stdout, stderr=stderr, env=environment, pass_fds=(watched,)
            )
        except OSError as error:
            os.close(self._leash)
            raise UnitError(f"{command[0]} cannot be started: {error}") from error
        else:
            _living.add(self.pid)
            _kill_at_the_end_of(watched, self.pid)
            _limit(self.pid, memory_bytes, cpu_s)
        finally:
            os.close(watched)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def status(self) -> int:
        return self._process.returncode or 0

    def has_ended(self) -> bool:
        if self._process.returncode is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                self.cpu_s = usage.ru_utime + usage.ru_stime
                _living.discard(pid)
        return self._process.returncode is not None

    def wait(self, limit_s: float) -> None:
        """Returns when it has ended. Raises TimeoutError after so many seconds by the clock."""
        clock, end_of_files = Clock(self.pid, limit_s), select.poll()
        end_of_files.register(self._leash, 0)
        while not self.has_ended():
            clock.tick()
            if end_of_files.poll(1000 * LOOK_S):
                time.sleep(_REST_S)

    def close(self) -> None:
        """Ends it if it has not ended."""
        if not self.has_ended():
            self._process.kill()
            self._process.wait()
            _living.discard(self.pid)
        for pipe in filter(None, (self._process.stdin, self._process.stdout)):
            with suppress(OSError):  # what was not sent yet
                pipe.close()
        os.close(self._leash)


def _kill_at_the_end_of(watched: int, child: int) -> None:
    """Lets the kernel kill the child when the other end of this pipe is closed: when this process ends, also by SIGKILL. Unlike
    PR_SET_PDEATHSIG, it does not depend on the thread that started the child, nor on the child's own doing."""
    fcntl.fcntl(watched, fcntl.F_SETOWN, child)
    fcntl.fcntl(watched, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(watched, fcntl.F_SETFL, fcntl.fcntl(watched, fcntl.F_GETFL) | os.O_ASYNC)


def _limit(child: int, memory_bytes: int, cpu_s: float | None) -> None:
    """Limits its address space and CPU time (whole seconds), a moment after its start; it writes no core file."""
    memory = min(memory_bytes, resources.memory_bytes())
    resource.prlimit(child, resource.RLIMIT_AS, (memory, memory))
    resource.prlimit(child, resource.RLIMIT_CORE, (0, 0))
    if cpu_s is not None:
        _, most = resource.prlimit(child, resource.RLIMIT_CPU)
        resource.prlimit(child, resource.RLIMIT_CPU, (math.ceil(cpu_s), most))  # beyond `most` the kernel sends SIGKILL


class Clock:
    """Counts the seconds for which a child is waited for, without those in which it or this process stood still (SIGSTOP, a
    machine that is paused). `tick` is to be called every LOOK_S."""

    def __init__(self, child: int, limit_s: float) -> None:
        self._stat, self._left_s, self._last = Path(f"/proc/{child}/stat"), limit_s, time.monotonic()

    def tick(self) -> None:
        """Raises TimeoutError when the child had its time."""
        now = time.monotonic()
        passed_s, self._last = min(now - self._last, 2 * LOOK_S), now
        if self._stat.read_text().rpartition(")")[2].split()[0] not in "Tt":
            self._left_s -= passed_s
        if self._left_s <= 0:
            raise TimeoutError


def insist(work: Callable[[], T], name: str) -> T:
    """What `work` returns, which uses a child. It is tried again once after ChildDiedError, and twice, with pauses,
    after EndedFromOutsideError, before KilledError is raised. `name` is that of the child in messages."""
    deaths = kills = 0
    while True:
        try:
            return work()
        except ChildDiedError:
            deaths += 1
            if deaths == _MOST_DEATHS:
                raise
        except EndedFromOutsideError as error:
            kills += 1
            if kills == _MOST_KILLS:
                raise KilledError(f"{name} was ended {kills} times by {error}") from None
            time.sleep(_FIRST_PAUSE_S * 4 ** (kills - 1))


def signal_of(status: int) -> str:
    """The name of the signal that ended a child: -11 -> "SIGSEGV", 137 -> "SIGKILL" (said by a shell), 1 -> "".

    Raises EndedFromOutsideError if it comes from outside only.
    """
    if -status in _FROM_OUTSIDE or status - _OF_A_SHELL in _FROM_OUTSIDE:
        raise EndedFromOutsideError(signal.Signals(-status if status < 0 else status - _OF_A_SHELL).name)
    return signal.Signals(-status).name if status < 0 else ""
