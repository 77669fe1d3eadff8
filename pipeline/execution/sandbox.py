"""A child process for steps that meet hostile input: what crashes, hangs or eats memory there harms nothing else.

`Sandbox.process` sends one document and returns its outcomes. A document that kills the child raises SandboxDiedError; a new
child takes over. The child ends by itself when its parent does (end of input) or when one document takes too long (SIGALRM).
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
from contextlib import suppress
from typing import IO, Any

from interloom.pipeline import child_process
from interloom.pipeline.errors import DocumentError, Failure
from interloom.pipeline.planning import own_code, plugins
from interloom.pipeline.stage import Limits, Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome

_HEADER = struct.Struct(">Q")  # the length of the pickled message that follows
_RECYCLE_AFTER = 5000  # documents; a fresh child gives back what libraries leaked
_DYING_S = 2.0  # the child's exit status comes a moment after the end of its pipe
_GRACE_S = 10.0  # the child's own alarm comes first


class SandboxDiedError(DocumentError):
    """The child process died; the message says how."""


class Sandbox:
    """One child that runs one isolated step. Not safe for use from several threads."""

    def __init__(self, use: str, parameters: str, limits: Limits) -> None:
        self._arguments = (use, parameters, repr(limits.timeout_s), str(limits.memory_bytes))
        self._limits = limits
        self._child: subprocess.Popen[bytes] | None = None
        self._processed = 0

    def process(self, doc: Document) -> list[Outcome]:
        """The step's outcomes for this document. Raises DocumentError for what the step raised, SandboxDiedError if it died."""
        child = self._ready_child()
        self._processed += 1
        try:
            _send(child.stdin, doc)
            answer = self._receive(child)
        except (BrokenPipeError, EOFError):
            raise SandboxDiedError(self._cause_of_death(child)) from None
        if isinstance(answer, Failure):
            raise DocumentError(answer.message)
        return answer

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _ready_child(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None or self._processed >= _RECYCLE_AFTER:
            self.close()
            arguments = [*self._arguments, json.dumps(own_code.admitted())]
            command, environment = child_process.command("pipeline.execution.sandbox", *arguments), child_process.environment()
            self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
            self._processed = 0
        return self._child

    def _receive(self, child: subprocess.Popen[bytes]) -> list[Outcome] | Failure:
        assert child.stdout is not None
        deadline = time.monotonic() + self._limits.timeout_s + _GRACE_S
        header = _read(child.stdout, _HEADER.size, deadline)
        answer: list[Outcome] | Failure = pickle.loads(_read(child.stdout, _HEADER.unpack(header)[0], deadline))
        return answer

    def _cause_of_death(self, child: subprocess.Popen[bytes]) -> str:
        with suppress(subprocess.TimeoutExpired):
            child.wait(_DYING_S)
        child.kill()
        child.communicate()
        self._child = None
        code = child.returncode
        if code == -signal.SIGALRM:
            return f"took longer than {self._limits.timeout_s:g} s"
        return f"killed the decoder ({signal.Signals(-code).name})" if code < 0 else f"ended the decoder (exit status {code})"


def _send(pipe: IO[bytes] | None, value: object) -> None:
    assert pipe is not None
    data = pickle.dumps(value, protocol=5)
    pipe.write(_HEADER.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _read(pipe: IO[bytes], size: int, deadline: float) -> bytes:
    """Exactly `size` bytes. Raises EOFError at the end of the pipe and at the deadline (seconds, monotonic clock)."""
    received = bytearray()
    while len(received) < size:
        readable, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        chunk = os.read(pipe.fileno(), min(size - len(received), 1 << 20)) if readable else b""
        if not chunk:
            raise EOFError
        received += chunk
    return bytes(received)


def _serve(use: str, parameters: str, limits: Limits) -> None:
    """The child's loop: reads a document, writes its outcomes or the Failure, until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from interloom.pipeline.execution.step import attempt

    step: Any = plugins.step(use, parameters)
    assert isinstance(step, Stage)
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    questions = sys.stdin.buffer
    while header := questions.read(_HEADER.size):
        doc = pickle.loads(questions.read(_HEADER.unpack(header)[0]))
        signal.setitimer(signal.ITIMER_REAL, limits.timeout_s)
        answer = attempt(step.process, [doc])
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send(answers, answer)


if __name__ == "__main__":
    own_code.admit(json.loads(sys.argv[5]))
    _serve(sys.argv[1], sys.argv[2], Limits(float(sys.argv[3]), int(sys.argv[4])))
