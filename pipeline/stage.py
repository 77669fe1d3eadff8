"""The four shapes a step can have: Source, Stage, GlobalStage, Sink.

A plug-in is a keyword-only frozen dataclass whose fields are its parameters (`with:` in the recipe), named after its file:
`stages/score_clip.py` holds `ScoreClip`. Building one must be cheap, because the driver builds it to check it; what is expensive
(a model) is a `functools.cached_property`, met first on the worker. Heavy modules are imported inside functions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import pyarrow as pa

from interloom.pipeline.cost import Cost
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome

Shape = Literal["source", "stage", "global", "sink"]
Level = Literal["document", "image", "text"]


@dataclass(frozen=True, slots=True)
class Split:
    """A share of the input: bytes [start, stop) of `path`. `root` is the folder its name is relative to for ids;
    `identity` changes when the content does (size and etag, or size and time of change)."""

    path: str
    root: str = ""
    start: int = 0
    stop: int | None = None
    identity: str = ""

    @property
    def name(self) -> str:
        """The path relative to the root: the same wherever the input is mounted."""
        return self.path.removeprefix(self.root).lstrip("/") or self.path


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may cost in an isolated step: seconds of CPU time (and ten times as many by the clock, in which nobody
    paused the machine), and bytes of address space (or as many as the machine or its container has, if these are fewer)."""

    timeout_s: float = 30.0
    memory_bytes: int = 4 << 30


@dataclass(frozen=True, slots=True)
class ShardInfo:
    """A finished shard: file names written (the first is the shard itself), what is in it, and anything `finish` needs."""

    files: tuple[str, ...]
    documents: int
    images: int
    extra: Mapping[str, Any]


class Step:
    """What all shapes share. Class attributes say what a step is; its fields say what it computes."""

    checkpoint: ClassVar[bool] = False
    """Its results are kept: it ends a phase unless the recipe says `checkpoint: false`."""
    wants_media: ClassVar[bool] = False
    """Image bytes are loaded into `Image.data` before it is called."""
    isolated: ClassVar[Limits | None] = None
    """Runs in a child process, one document at a time, under these limits; what crashes it is quarantined."""
    level: ClassVar[Level] = "document"
    """`image` or `text`: when a document fails, its elements are tried one by one and only the culprit is quarantined."""
    uses_gpu: ClassVar[bool] = False
    """Runs a model: it begins its own phase, whose workers keep the model, on a GPU if the recipe gives one."""
    cost: ClassVar[Cost] = Cost()
    """What a document costs, for steps that take more than milliseconds: their units are cut by it."""
    side_tables: ClassVar[tuple[str, ...]] = ()
    """Side tables of the steps above whose rows it reads (`embeddings`): a Stage in `process_with`, a GlobalStage in `scan`."""
    renamed: ClassVar[Mapping[str, str]] = {}
    """Old names of parameters and their present ones, for the message to a recipe that still has the old name."""

    def check(self) -> Iterable[str]:
        """Problems that can be found offline, before any work: a missing file, model, binary or credential."""
        return ()

    def files(self) -> Iterable[str]:
        """Files and folders (local or `s3://`) that the step computes with: word lists, models. Their content counts: when it
        changes, this step and those below it run again."""
        return ()

    def inputs(self) -> Iterable[str]:
        """Files and folders of data that the step reads besides documents. Size and time of change (or etag) count."""
        return ()

    def notes(self) -> Iterable[str]:
        """Lines that `plan` shows about this step (for example the expected recall of a deduplication)."""
        return ()


class Source(Step, ABC):
    """Where documents come from."""

    @abstractmethod
    def splits(self) -> Sequence[Split]:
        """The input in a deterministic order."""

    @abstractmethod
    def read(self, split: Split) -> Iterator[Outcome]:
        """The split's documents, in order. What is not a document is Dropped; what cannot be read is Quarantined."""


class Stage(Step, ABC):
    """Documents in; for each: itself changed, children `<id>#<part>`, Dropped or Quarantined. Pure, order does not matter."""

    @abstractmethod
    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        """The outcomes for these documents, in any order."""

    def process_with(self, docs: Sequence[Document], sides: Mapping[str, Sequence[pa.Table]]) -> Iterator[Outcome]:
        """As `process`; it is called instead if the stage has `side_tables`. `sides` holds, by side table, the rows about these
        documents and about the documents from which they were cut: one table for each stored file that has some."""
        return self.process(docs)


class Rows(Protocol):
    """The rows of one kind of side table from all units of the steps above, streamed from storage in plan order."""

    def read(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """One table per stored part, always with an int32 column `part` (the part's ordinal) beside the asked columns."""
        ...

    @property
    def count(self) -> int:
        """How many rows there are in all parts."""
        ...


class GlobalStage(Step, ABC):
    """A step that must see all documents: sketch -> scan -> decide -> apply. Sketches are small; blobs never move.

    `sketch` runs on every batch of the steps above. `scan(0..scans-1)` run as independent units, each over all sketches
    but only its share of the keys; `decide` sees what the scans found and returns verdicts; `apply` runs at the head of
    what follows and gets each document's verdict rows. A step that must iterate says `most_rounds`: then `iterate` runs
    between scan and decide, on all that the scans or the round before found, until a round changes nothing.
    """

    sketch_params: ClassVar[tuple[str, ...]] = ()
    """The parameters that `sketch` depends on; changing others recomputes no sketch."""

    @abstractmethod
    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        """Small rows about these documents; column `id` (string) names the document."""

    def scans(self, rows: int) -> int:
        """How many scan units there are for this many sketch rows."""
        return 1

    @abstractmethod
    def scan(self, number: int, of: int, sketches: Rows, sides: Mapping[str, Rows]) -> pa.Table:
        """What share `number` of `of` finds. Memory must not grow with the number of all documents' texts."""

    most_rounds: ClassVar[int] = 0
    """After so many rounds without an end the run stops with an error; 0: the step does not iterate."""

    def iterate(self, number: int, of: int, findings: Rows) -> tuple[pa.Table, int]:
        """Share `number` of `of` of the next findings, and how many of its rows changed. Together the shares replace `findings`,
        and no change in any of them ends the rounds."""
        raise NotImplementedError

    @abstractmethod
    def decide(self, found: Rows) -> pa.Table:
        """Verdict rows from all scans' findings, with columns `part` (int32, of the document) and `id` at least."""

    @abstractmethod
    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        """Each document with its verdict rows (`verdicts.get(doc.id, [])`)."""


class Sink(Step, ABC):
    """Where documents go: the machine shuffles, cuts shards by bytes and calls `write` once per shard."""

    wants_media: ClassVar[bool] = True
    to: str
    shard_size_bytes: int

    @abstractmethod
    def write(self, number: int, docs: Iterable[Document], folder: Path) -> ShardInfo:
        """Writes shard `number` into `folder`; the same documents give the same bytes."""

    def omits(self, doc: Document) -> Iterable[int]:
        """Positions of the images that `write` leaves out of this document: by default those without bytes."""
        return [image.position for image in doc.images if image.data is None]

    def finish(self, shards: Sequence[ShardInfo], folder: Path) -> Sequence[str]:
        """Writes what describes all shards together (indexes); returns the file names, relative to `folder`."""
        return ()
