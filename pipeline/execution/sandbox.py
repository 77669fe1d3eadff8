"""A child process for steps that meet hostile input: what crashes, hangs or eats memory there harms nothing else.

`Sandbox.process` sends one document and returns its outcomes. What the end of a child says about the document, and when it is
sent to a fresh one, is decided in `pipeline/child_process.py`.
"""

from __future__ import annotations

import json
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Any

from interloom.pipeline import child_process
from interloom.pipeline.child_process import CLOCK_PER_CPU, LOOK_S, Child, ChildDiedError, Clock, insist, signal_of
from interloom.pipeline.cost import Limits
from interloom.pipeline.errors import DocumentError, Failure, InterloomError, guarded
from interloom.pipeline.planning import own_code, plugins
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome

_HEADER = struct.Struct(">Q")  # the length of the pickled message that follows
_RECYCLE_AFTER = 5000  # documents; a fresh child gives back what libraries leaked
_DYING_S = 10.0  # the child's exit status comes a moment after the end of its pipe


class Sandbox:
    """One child that runs one isolated step. Not safe for use from several threads."""

    def __init__(self, use: str, parameters: str, limits: Limits) -> None:
        self._arguments, self._limits = (use, parameters, repr(limits.timeout_s)), limits
        self._child: Child | None = None
        self._processed = 0

    def process(self, doc: Document) -> list[Outcome]:
        """The step's outcomes for this document.

        Raises DocumentError for what the step raised, ChildDiedError if the document ended two children, KilledError if three
        were ended from outside, and what of our own errors the step raised to stop more than the document.
        """
        return insist(lambda: self._process_once(doc), "the decoder")

    def close(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None

    def _process_once(self, doc: Document) -> list[Outcome]:
        child = self._ready_child()
        self._processed += 1
        try:
            _send(child.stdin, doc)
            answer = self._receive(child)
        except TimeoutError:
            self.close()
            raise ChildDiedError(f"took longer than {self._limits.timeout_s * CLOCK_PER_CPU:g} s") from None
        except (BrokenPipeError, EOFError):
            raise self._cause_of_death(child) from None
        if isinstance(answer, InterloomError):
            raise answer
        if isinstance(answer, Failure) and answer.lacked_memory:
            self.close()  # what earlier documents left behind may be the cause
            raise ChildDiedError(answer.message)
        if isinstance(answer, Failure):
            raise DocumentError(answer.message)
        return answer

    def _ready_child(self) -> Child:
        if self._child is None or self._child.has_ended() or self._processed >= _RECYCLE_AFTER:
            self.close()
            arguments = [*self._arguments, json.dumps(own_code.admitted())]
            self._child = Child(
                child_process.command("pipeline.execution.sandbox", *arguments),
                (subprocess.PIPE, subprocess.PIPE, None),
                memory_bytes=self._limits.memory_bytes,
                environment=child_process.environment(),
            )
            self._processed = 0
        return self._child

    def _receive(self, child: Child) -> list[Outcome] | Failure | InterloomError:
        clock = Clock(child.pid, self._limits.timeout_s * CLOCK_PER_CPU)
        header = _read(child.stdout, _HEADER.size, clock)
        answer: list[Outcome] | Failure = pickle.loads(_read(child.stdout, _HEADER.unpack(header)[0], clock))
        return answer

    def _cause_of_death(self, child: Child) -> ChildDiedError:
        """What ended the child. Raises EndedFromOutsideError if that says nothing about the document."""
        try:
            child.wait(_DYING_S)
        except TimeoutError:
            return ChildDiedError("closed the pipe of the decoder")
        finally:
            self.close()
        ended_by = signal_of(child.status)
        if ended_by == "SIGPROF":
            return ChildDiedError(f"took more than {self._limits.timeout_s:g} s of CPU time")
        return ChildDiedError(
            f"killed the decoder ({ended_by})" if ended_by else f"ended the decoder (exit status {child.status})"
        )


def _send(pipe: IO[bytes], value: object) -> None:
    data = pickle.dumps(value, protocol=5)
    pipe.write(_HEADER.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _read(pipe: IO[bytes], size: int, clock: Clock) -> bytes:
    """Exactly `size` bytes. Raises EOFError at the end of the pipe, TimeoutError when the child had its time."""
    received = bytearray()
    while len(received) < size:
        if not select.select([pipe], [], [], LOOK_S)[0]:
            clock.tick()
            continue
        chunk = os.read(pipe.fileno(), min(size - len(received), 1 << 20))
        if not chunk:
            raise EOFError
        received += chunk
    return bytes(received)


def _serve(use: str, parameters: str, cpu_s: float) -> None:
    """The child's loop: reads a document, writes its outcomes, the Failure or an error of ours, until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    for ends_the_child in (signal.SIGALRM, signal.SIGPROF, signal.SIGTERM):
        signal.signal(ends_the_child, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    step: Any = plugins.step(use, parameters)
    assert isinstance(step, Stage)
    questions = sys.stdin.buffer
    while header := questions.read(_HEADER.size):
        doc = pickle.loads(questions.read(_HEADER.unpack(header)[0]))
        answer: object
        with _limited_time(cpu_s):
            try:
                answer = guarded(partial(_outcomes, step, doc))
            except InterloomError as error:
                answer = error
        _send(answers, answer)


def _outcomes(step: Stage, doc: Document) -> list[Outcome]:
    return list(step.process([doc]))


@contextmanager
def _limited_time(cpu_s: float) -> Iterator[None]:
    """Ends this process by SIGPROF after so many more seconds of CPU time (of its threads, not of programs that it starts)."""
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    own_code.admit(json.loads(sys.argv[4]))
    _serve(sys.argv[1], sys.argv[2], float(sys.argv[3]))
