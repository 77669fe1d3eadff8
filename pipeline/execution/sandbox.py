"""A child process for steps that meet hostile input: what crashes, hangs or eats memory there hurts nobody else.

`Cell.ask` sends one document and gets its outcomes back. A document that kills the child raises CellDiedError; a new child takes
over. The child dies by itself when its parent does (end of input) or when one document takes too long (SIGALRM).
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

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.planning import own_code, plugins
from interloom.pipeline.stage import Limits
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome

_HEADER = struct.Struct(">Q")
_RECYCLE_AFTER = 5000
_DYING_S = 2.0


class CellDiedError(Exception):
    """The child is gone; the message says how."""


class Cell:
    """One child that runs one isolated step. Not safe for use from several threads."""

    def __init__(self, use: str, parameters: str, limits: Limits) -> None:
        self._arguments = (use, parameters, repr(limits.timeout_s), str(limits.memory_bytes))
        self._limits = limits
        self._child: subprocess.Popen[bytes] | None = None
        self._asked = 0

    def ask(self, doc: Document) -> list[Outcome]:
        """The step's outcomes for this document. Raises CellDiedError, or DocumentError in the words of what it raised."""
        child = self._ready()
        self._asked += 1
        try:
            _send(child.stdin, doc)
            answer = self._receive(child)
        except (BrokenPipeError, EOFError):
            raise CellDiedError(self._obituary(child)) from None
        if isinstance(answer, str):
            raise DocumentError(answer)
        return list(answer)

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _ready(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None or self._asked >= _RECYCLE_AFTER:
            self.close()
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "OMP_NUM_THREADS": "1"}
            command = [
                sys.executable,
                "-P",
                "-m",
                "interloom.pipeline.execution.sandbox",
                *self._arguments,
                json.dumps(own_code.admitted()),
            ]
            self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
            self._asked = 0
        return self._child

    def _receive(self, child: subprocess.Popen[bytes]) -> Any:
        assert child.stdout is not None
        deadline = time.monotonic() + self._limits.timeout_s + 10.0  # the child's own alarm comes first
        header = _read(child.stdout, _HEADER.size, deadline)
        return pickle.loads(_read(child.stdout, _HEADER.unpack(header)[0], deadline))

    def _obituary(self, child: subprocess.Popen[bytes]) -> str:
        with suppress(subprocess.TimeoutExpired):
            child.wait(_DYING_S)  # its own end comes a moment after that of its pipe
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
    """Exactly `size` bytes, or EOFError at the end of the pipe or the deadline."""
    pieces = bytearray()
    while len(pieces) < size:
        waiting, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        piece = os.read(pipe.fileno(), min(size - len(pieces), 1 << 20)) if waiting else b""
        if not piece:
            raise EOFError
        pieces += piece
    return bytes(pieces)


def _serve(use: str, parameters: str, limits: Limits) -> None:
    """The child's life: one document in, its outcomes (or the error in words) out, until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from interloom.pipeline.execution.step import attempt

    step: Any = plugins.step(use, parameters)
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
