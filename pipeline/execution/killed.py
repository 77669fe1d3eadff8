"""Which documents lost their child process to kills from outside, on which workers: notes in the unit's folder.

A worker that gives a document up writes a note. Only when another worker has given up the same document before is it to blame:
two workers rarely run out of memory, or meet somebody who kills, at the same document.
"""

from __future__ import annotations

import os
import socket
from uuid import uuid4

from interloom.pipeline.planning.fingerprint import digest
from interloom.pipeline.store import storage
from interloom.pipeline.store.parts import read_json, write_json

_THIS_PROGRAM = uuid4().hex  # a process id alone comes again, for example in a container that is started again


def is_to_blame(folder: str, document: str) -> bool:
    """Notes that children of this worker were killed while they worked on this document of the unit in `folder`. Returns whether
    the same happened on another worker."""
    notes, worker = storage.join(folder, "killed", digest(document)), f"{_THIS_PROGRAM}-{os.getpid()}"
    note = {"document": document, "host": socket.gethostname(), "process": os.getpid()}
    write_json(storage.join(notes, f"{worker}.json"), note)
    return len(list(storage.glob(storage.join(notes, "*.json")))) > 1


def given_up(folder: str) -> list[str]:
    """The documents of the unit in `folder` that workers noted, sorted."""
    return sorted({read_json(note.path)["document"] for note in storage.glob(storage.join(folder, "killed", "*", "*.json"))})
