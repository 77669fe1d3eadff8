"""Which documents lost their child process to kills from outside, on which workers: notes in the unit's folder.

A worker that gives a document up writes a note, leaves it out and goes on with the unit's other documents; at the end of the unit
it gives the unit up. Only when another worker has given up the same document before is the document to blame: two workers rarely
run out of memory, or meet somebody who kills, at the same document. So two workers are enough for a unit, however many of its
documents have their children killed.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from uuid import uuid4

from interloom.pipeline.errors import KilledError
from interloom.pipeline.planning.fingerprint import digest
from interloom.pipeline.store import storage
from interloom.pipeline.store.parts import read_json, write_json

FOLDER = "killed"
"""In a unit's folder: the notes about its documents whose children were killed."""
VERDICT = "killed: on two workers, each process that worked on it was ended from outside"
"""The error of a document that is to blame."""
_MOST_IN_A_ROW = 32  # beyond, it is the machine that kills, and not the documents; our choice
_THIS_PROGRAM = uuid4().hex  # a process id alone comes again, for example in a container that is started again


@dataclass(slots=True)
class Kills:
    """The documents of a unit whose children were killed from outside on this worker. `folder` is the unit's; without it nothing
    is noted. `left` has those that another worker must try, each with what happened, in order."""

    folder: str = ""
    left: list[tuple[str, str]] = field(default_factory=list)
    _in_a_row: int = 0

    def blame(self, document: str, message: str) -> bool:
        """Notes that this worker gives the document up. Returns whether another worker did before, so that it is to blame;
        otherwise it is left to another worker.

        Raises KilledError if nothing can be noted, or if too many documents in a row were given up.
        """
        if not self.folder:
            raise KilledError(message)
        is_to_blame = _is_to_blame(self.folder, document)
        if not is_to_blame:
            self.left.append((document, message))
        self._in_a_row += 1
        if self._in_a_row > _MOST_IN_A_ROW:
            raise KilledError(f"{message} while it worked on document {document}; the {_MOST_IN_A_ROW} before it met the same")
        return is_to_blame

    def went_well(self) -> None:
        """A document was processed: the machine does not kill all children."""
        self._in_a_row = 0

    def give_up(self) -> None:
        """Raises KilledError if documents are left to another worker."""
        if self.left:
            first, message = self.left[0]
            more = f"; {len(self.left) - 1} more documents met the same" if len(self.left) > 1 else ""
            raise KilledError(f"{message} while it worked on document {first}{more}")


def _is_to_blame(folder: str, document: str) -> bool:
    """Notes that children of this worker were killed while they worked on this document of the unit in `folder`. Returns whether
    the same happened on another worker."""
    notes, worker = storage.join(folder, FOLDER, digest(document)), f"{_THIS_PROGRAM}-{os.getpid()}"
    note = {"document": document, "host": socket.gethostname(), "process": os.getpid()}
    write_json(storage.join(notes, f"{worker}.json"), note)
    return len(list(storage.glob(storage.join(notes, "*.json")))) > 1


def given_up(folder: str) -> list[str]:
    """The documents of the unit in `folder` that workers noted, sorted."""
    return sorted({read_json(note.path)["document"] for note in storage.glob(storage.join(folder, FOLDER, "*", "*.json"))})
