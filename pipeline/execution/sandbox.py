"""A child process for steps that meet hostile input: what crashes, hangs or eats memory there harms nothing else.

`Sandbox.process` sends one document and returns its outcomes. A child that dies, or has no memory left, is replaced and the
document is sent again, alone: a document that ends two children by itself raises SandboxDiedError. A child that was ended from
outside (SIGKILL of a person or of the kernel's OOM killer, SIGTERM) says nothing about its document; after three, KilledError
gives the unit to another worker. The child ends by itself when its parent does (end of input).
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from interloom.pipeline import child_process
from interloom.pipeline.errors import DocumentError, Failure, InterloomError, KilledError
from interloom.pipeline.execution import resources
from interloom.pipeline.planning import own_code, plugins
from interloom.pipeline.stage import Limits, Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome

_HEADER = struct.Struct(">Q")  # the length of the pickled message that follows
_RECYCLE_AFTER = 5000  # documents; a fresh child gives back what libraries leaked
_DYING_S = 10.0  # the child's exit status comes a moment after the end of its pipe
_GRACE_S = 10.0  # the child's own alarm comes first
_CLOCK_PER_CPU = 10  # the limit by the clock over that of CPU time: a busy or paused machine is no fault of a document
_MOST_DEATHS = 2  # by the document: one more than chance, and than what earlier documents may have left behind in a child
_MOST_KILLS = 3  # from outside, before another worker tries
_FIRST_PAUSE_S = 0.5  # after a kill, four times as long after the second: a lack of memory may pass
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM)  # no decoder ends itself by these


class SandboxDiedError(DocumentError):
    """The document ended its child, or left it without memory; the message says how."""


class _KilledFromOutsideError(Exception):
    """The child was ended by a signal that comes from outside only; the message is its name."""


class Sandbox:
    """One child that runs one isolated step. Not safe for use from several threads."""

    def __init__(self, use: str, parameters: str, limits: Limits) -> None:
        self._arguments = (use, parameters, repr(limits.timeout_s), str(limits.memory_bytes))
        self._cpu_s, self._clock_s = limits.timeout_s, limits.timeout_s * _CLOCK_PER_CPU
        self._child: subprocess.Popen[bytes] | None = None
        self._processed = 0

    def process(self, doc: Document) -> list[Outcome]:
        """The step's outcomes for this document.

        Raises DocumentError for what the step raised, SandboxDiedError if the document ended two children, KilledError if three
        were ended from outside, and what of our own errors the step raised to stop more than the document.
        """
        deaths = kills = 0
        while True:
            try:
                return self._process_once(doc)
            except SandboxDiedError:
                deaths += 1
                if deaths == _MOST_DEATHS:
                    raise
            except _KilledFromOutsideError as error:
                kills += 1
                if kills == _MOST_KILLS:
                    raise KilledError(f"the child that worked on document {doc.id} was ended {kills} times by {error}") from None
                time.sleep(_FIRST_PAUSE_S * 4 ** (kills - 1))

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _process_once(self, doc: Document) -> list[Outcome]:
        child = self._ready_child()
        self._processed += 1
        try:
            _send(child.stdin, doc)
            answer = self._receive(child)
        except TimeoutError:
            self.close()
            raise SandboxDiedError(self._took_too_long()) from None
        except (BrokenPipeError, EOFError):
            raise self._cause_of_death(child) from None
        if isinstance(answer, InterloomError):
            raise answer
        if isinstance(answer, Failure) and answer.lacked_memory:
            self.close()  # what earlier documents left behind may be the cause
            raise SandboxDiedError(answer.message)
        if isinstance(answer, Failure):
            raise DocumentError(answer.message)
        return answer

    def _ready_child(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None or self._processed >= _RECYCLE_AFTER:
            self.close()
            arguments = [*self._arguments, json.dumps(own_code.admitted())]
            command, environment = child_process.command("pipeline.execution.sandbox", *arguments), child_process.environment()
            self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
            self._processed = 0
        return self._child

    def _receive(self, child: subprocess.Popen[bytes]) -> list[Outcome] | Failure | InterloomError:
        assert child.stdout is not None
        deadline = time.monotonic() + self._clock_s + _GRACE_S
        header = _read(child.stdout, _HEADER.size, deadline)
        answer: list[Outcome] | Failure = pickle.loads(_read(child.stdout, _HEADER.unpack(header)[0], deadline))
        return answer

    def _cause_of_death(self, child: subprocess.Popen[bytes]) -> Exception:
        try:
            code = child.wait(_DYING_S)
        except subprocess.TimeoutExpired:
            self.close()
            return SandboxDiedError("closed the pipe of the decoder")
        self.close()
        if -code in _FROM_OUTSIDE:
            return _KilledFromOutsideError(signal.Signals(-code).name)
        if code == -signal.SIGPROF:
            return SandboxDiedError(f"took more than {self._cpu_s:g} s of CPU time")
        if code == -signal.SIGALRM:
            return SandboxDiedError(self._took_too_long())
        how = f"killed the decoder ({signal.Signals(-code).name})" if code < 0 else f"ended the decoder (exit status {code})"
        return SandboxDiedError(how)

    def _took_too_long(self) -> str:
        return f"took longer than {self._clock_s:g} s"


def _send(pipe: IO[bytes] | None, value: object) -> None:
    assert pipe is not None
    data = pickle.dumps(value, protocol=5)
    pipe.write(_HEADER.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _read(pipe: IO[bytes], size: int, deadline: float) -> bytes:
    """Exactly `size` bytes. Raises EOFError at the end of the pipe, TimeoutError at the deadline (seconds, monotonic clock)."""
    received = bytearray()
    while len(received) < size:
        readable, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        if not readable:
            raise TimeoutError
        chunk = os.read(pipe.fileno(), min(size - len(received), 1 << 20))
        if not chunk:
            raise EOFError
        received += chunk
    return bytes(received)


def _serve(use: str, parameters: str, limits: Limits) -> None:
    """The child's loop: reads a document, writes its outcomes, the Failure or an error of ours, until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    for ends_the_child in (signal.SIGALRM, signal.SIGPROF, signal.SIGTERM):
        signal.signal(ends_the_child, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from interloom.pipeline.execution.step import attempt

    step: Any = plugins.step(use, parameters)
    assert isinstance(step, Stage)
    memory = min(limits.memory_bytes, resources.memory_bytes())
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    questions = sys.stdin.buffer
    while header := questions.read(_HEADER.size):
        doc = pickle.loads(questions.read(_HEADER.unpack(header)[0]))
        answer: object
        with _limited_time(limits.timeout_s):
            try:
                answer = attempt(step.process, [doc])
            except InterloomError as error:
                answer = error
        _send(answers, answer)


@contextmanager
def _limited_time(cpu_s: float) -> Iterator[None]:
    """Ends this process by SIGPROF after so many more seconds of CPU time (of all its threads, not of programs that it starts),
    by SIGALRM after ten times as many by the clock."""
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    signal.setitimer(signal.ITIMER_REAL, cpu_s * _CLOCK_PER_CPU)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    own_code.admit(json.loads(sys.argv[5]))
    _serve(sys.argv[1], sys.argv[2], Limits(float(sys.argv[3]), int(sys.argv[4])))
