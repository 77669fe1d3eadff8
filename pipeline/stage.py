"""The four shapes a step can have: Source, Stage, GlobalStage, Sink.

A plug-in is a keyword-only frozen dataclass named after its file; its fields are its parameters (`with:` in the recipe).
Building one must be cheap, because the driver does so to check it; models (`functools.cached_property`) load on the worker.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import pyarrow as pa

from interloom.pipeline.card_parts import CardParts
from interloom.pipeline.contents import Content, Need
from interloom.pipeline.cost import Cost, Limits
from interloom.pipeline.sharing import Divisible
from interloom.pipeline.split import Split as Split
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Outcome

Shape = Literal["source", "stage", "global", "sink"]
Level = Literal["document", "image", "text"]


@dataclass(frozen=True, slots=True)
class ShardInfo:
    """A finished shard: file names written (the first is the shard itself), what is in it, and anything `finish` needs."""

    files: tuple[str, ...]
    documents: int
    images: int
    extra: Mapping[str, Any]


class Step(Divisible):
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
    memory_bytes: ClassVar[int] = 210_000_000
    """What a worker holds at its peak on usual documents, with its largest child process and without the weights of a model.
    Measured: `python -m benchmarks step_memory`."""
    side_tables: ClassVar[tuple[str, ...]] = ()
    """Side tables of the steps above whose rows it reads (`embeddings`): a Stage in `process_with`, a GlobalStage in `send`."""
    causes: ClassVar[Mapping[str, str | None]] = {}
    """What usually is the cause if it drops nearly all for this reason, for the warning; None if that is what it is for."""
    renamed: ClassVar[Mapping[str, str]] = {}
    """Old names of parameters and their present ones, for the message to a recipe that still has the old name."""
    path_patterns: ClassVar[str] = ""
    """Its parameter with patterns (`*`, `?`) of paths of sources: a recipe is refused if none fits what its sources read."""

    def needs(self) -> Iterable[Need]:
        """What it cannot work without: a recipe is refused in which no step above provides it."""
        return ()

    def provides(self) -> Iterable[Content] | None:
        """What documents may hold after the step that they did not hold before. None: it may provide anything."""
        return None

    def outdates(self) -> Iterable[str]:
        """Kinds of embeddings that are about nothing any more after the step, because it puts other texts in place of theirs."""
        return ()

    def check(self) -> Iterable[str]:
        """Problems that can be found offline, before any work: a missing file, model, binary or credential."""
        return ()

    def files(self) -> Iterable[str]:
        """Files and folders (local or `s3://`) that it computes with (word lists, models): when they change, it runs again."""
        return ()

    def inputs(self) -> Iterable[str]:
        """Files and folders of data that it reads besides documents. Size and time of change (or etag) count."""
        return ()

    def notes(self) -> Iterable[str]:
        """Lines that `plan` shows about this step (for example the expected recall of a deduplication)."""
        return ()


class Source(Step, ABC):
    """Where documents come from."""

    endings: ClassVar[tuple[str, ...]] = ()
    """In a folder it reads the files whose names end so."""

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
    """Rows that are streamed from storage, as often as they are read."""

    def read(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The rows, or these columns of them, table by table."""

    @property
    def count(self) -> int:
        """How many rows there are in all tables."""


class RangeRows(Rows, Protocol):
    """The rows of a range of keys, sorted by key and order, with their place among all rows of the exchange: row n of them has
    `before + n` rows with smaller keys, or the same key and an earlier order, before it."""

    @property
    def before(self) -> int:
        """How many rows of the exchange have keys below this range."""

    @property
    def total(self) -> int:
        """How many rows the exchange has in all ranges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Rows with the same key meet. What `meet` makes of them is stored; later exchanges of the step read it by `name`.

    `send` gets one stored table at a time, and `meet` the rows of a range of keys. Neither may assume how many tables or ranges
    there are: the result must be the same, up to the order of its rows, however the rows are divided.
    """

    name: str
    reads: tuple[str, ...]
    """What is sent: "sketch" (with `part` int32 and `node` int64 = part << 40 | row), side tables of the steps above, earlier
    exchanges of the step."""
    send: Callable[..., pa.Table]
    """(which of `reads`, a stored table of it) -> rows with `key` (uint64), `order` (int64) and what travels along; or none."""
    meet: Callable[..., Iterable[pa.Table]]
    """(rows: RangeRows) -> result rows, of rows sorted by key and order. A key may have any number of rows: memory is bounded
    all the same, except for an entry for each repeated key."""
    shared: tuple[str, ...] = ()
    """Earlier exchanges of the step whose results are small (centroids, thresholds). If there are any, `send` and `meet` get one
    more argument, the last: a mapping from their names to their whole results (without columns if they have no rows)."""
    params: tuple[str, ...] | None = None
    """The parameters on which its rows depend, besides those of what it reads; a change of others repeats nothing. None: all."""
    most_rounds: int = 0
    """Above 0 it is repeated on its own result until no row has `changed` (bool) true, at most so often; else the run stops."""
    joins_parts: bool = False
    """The rows are sent to the parts of documents that they name: `send` gives `part` (int32) instead of `key`, and `meet` gets
    (rows: RangeRows, sketches: Rows), rows of some parts by part and order, and the step's sketches of them by part and row."""


class GlobalStage(Step, ABC):
    """A step that must see all documents: sketch -> exchanges -> apply. Sketches are small; blobs never move.

    `sketch` runs on every batch of the steps above. In each of `exchanges` rows of the sketches, or of what an earlier exchange
    stored, meet by their keys. `apply` runs at the head of what follows and gets each document's verdict rows."""

    sketch_params: ClassVar[tuple[str, ...]] = ()
    """The parameters that `sketch` depends on; changing others recomputes no sketch."""
    sketch_tables: ClassVar[tuple[str, ...]] = ()
    """Side tables of the steps above whose rows `sketch_with` gets."""
    reports: ClassVar[tuple[str, ...]] = ()
    """Exchanges for people, each copied to `reports/<step>.<exchange>.parquet` when the run ends; in the order of the keys."""
    verdicts_of: ClassVar[str] = ""
    """The exchange whose result are the verdicts, if others come after it."""

    @abstractmethod
    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        """Small rows about these documents; column `id` (string) names the document."""

    def sketch_with(self, docs: Sequence[Document], sides: Mapping[str, Sequence[pa.Table]]) -> pa.Table:
        """As `sketch`; it is called instead if the step has `sketch_tables`. `sides` is that of `Stage.process_with`."""
        return self.sketch(docs)

    @abstractmethod
    def exchanges(self) -> tuple[Exchange, ...]:
        """At least one, in order. The last, or `verdicts_of`, stores the verdicts: rows with `part` (int32), `id` and more."""

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

    causes: ClassVar[Mapping[str, str | None]] = {"not_written": "their bytes were never loaded; see stages.fetch_images"}

    def provides(self) -> Iterable[Content]:
        return ()

    def holds_images(self) -> bool:
        """Whether images are written at all."""
        return True

    def omits(self, doc: Document) -> Iterable[int]:
        """Positions of the images that `write` leaves out of this document: by default those without bytes."""
        return doc.positions_without_bytes

    def omits_texts(self, doc: Document) -> Iterable[int]:
        """Positions of the texts and clips that `write` leaves out of this document."""
        return ()

    def rejects(self, doc: Document, omitted: Iterable[int]) -> Drop | None:
        """Why nothing of this document can be written; it is then dropped, and `write` does not get it. `omitted` is what `omits`
        says of it."""
        return None

    def finish(self, shards: Sequence[ShardInfo], folder: Path) -> Sequence[str]:
        """Writes what describes all shards together (indexes); returns the file names, relative to `folder`."""
        return ()

    def card(self, shards: Sequence[ShardInfo]) -> CardParts:
        """What the dataset card says about the files: columns, and how to load them."""
        return CardParts()
