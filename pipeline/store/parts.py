"""What a unit stores: parts (Parquet tables of up to PART_DOCUMENTS documents), sketches of them, and one blob of media bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from interloom.pipeline.cost import Segment, segments
from interloom.pipeline.store import storage
from interloom.schemas.document import Blob, Document, Element, Media
from interloom.schemas.table import from_table, to_table

PART_DOCUMENTS = 1000
"""A part is read whole, so this bounds the memory of the next phase's unit."""
PART_BYTES = 64 << 20
"""Bytes of text and raw pages in a part."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a unit: `kind` (documents, sketch:<step>, side:<table>, decisions, ...), its path relative to the run; of
    documents also the segments, from which the cost of the next steps follows."""

    kind: str
    path: str
    rows: int
    size_bytes: int
    sha256: str
    segments: tuple[Segment, ...] = ()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> StoredFile:
        return cls(**{**values, "segments": tuple(Segment(*segment) for segment in values["segments"])})

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "segments": [astuple(segment) for segment in self.segments]}


@dataclass(frozen=True, slots=True)
class TableRef:
    """A stored table that a unit reads: `ordinal` is its place among the tables of its kind, in plan order. Of a table of
    documents the unit reads the rows from `first` to `after` (exclusive; None: to the end)."""

    ordinal: int
    path: str
    rows: int
    sha256: str
    first: int = 0
    after: int | None = None

    @classmethod
    def of(cls, files: Iterable[StoredFile]) -> tuple[TableRef, ...]:
        """References to these files, numbered in this order."""
        return tuple(cls(ordinal, file.path, file.rows, file.sha256) for ordinal, file in enumerate(files))


@dataclass(slots=True)
class UnitFolder:
    """A unit's folder `name` in the run: files are made in `local` (a temporary folder) and stored whole."""

    run: str
    name: str
    local: Path
    stored: list[StoredFile] = field(default_factory=list)

    def store_table(self, kind: str, name: str, table: pa.Table, *, rows_per_group: int | None = None) -> None:
        """Stores a table as Parquet; the same rows give the same bytes."""
        file = self.local / name
        pq.write_table(
            table,
            file,
            compression="zstd",
            compression_level=1,
            row_group_size=rows_per_group,
            use_dictionary=not kind.startswith("sketch:"),  # keys and signatures do not repeat
            store_schema=True,
        )
        self.store_file(kind, file, table.num_rows)

    def store_file(self, kind: str, file: Path, rows: int) -> str:
        """Moves a local file into the unit's folder under its content's name, and returns its path relative to the run.

        `documents-0000.parquet` becomes `documents-0000-<16 hex digits of its sha256>.parquet`, so that two copies of a unit
        with different outcomes never overwrite each other's files; the commit names those that count.
        """
        sha256, size_bytes = sha256_of(file), file.stat().st_size
        path = f"{self.name}/{file.stem}-{sha256[:16]}{file.suffix}"
        storage.upload(file, storage.join(self.run, path))
        file.unlink()
        self.stored.append(StoredFile(kind, path, rows, size_bytes, sha256))
        return path


def sha256_of(file: Path) -> str:
    """The sha256 of a local file's content, in hex."""
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


class PartWriter:
    """Stores documents in parts, in the order given; media bytes go to a blob file of their part, each content once in a unit."""

    def __init__(self, folder: UnitFolder, sketchers: Mapping[str, Callable[[Sequence[Document]], pa.Table]]) -> None:
        self._folder, self._sketchers = folder, sketchers
        self._docs: list[Document] = []
        self._ids: set[str] = set()
        self._bytes = self._parts = 0
        self._stored: dict[str, Blob] = {}  # media of earlier parts, by sha256
        self._pending: dict[str, Blob] = {}  # media of this part; their path is known when the blob file is whole
        self._blob: BinaryIO | None = None

    def add(self, docs: Sequence[Document]) -> None:
        for doc in docs:
            if doc.id in self._ids:  # a part names each document once: branches that join may bring it twice
                self._flush()
            self._docs.append(self._with_stored_media(doc))
            self._ids.add(doc.id)
            self._bytes += len(doc.body or b"") + sum(len(text.text) for text in doc.texts)
            if len(self._docs) >= PART_DOCUMENTS or self._bytes >= PART_BYTES:
                self._flush()

    def close(self) -> None:
        """Stores what is left."""
        if self._docs:
            self._flush()

    def _with_stored_media(self, doc: Document) -> Document:
        """The document with its media bytes moved to the blob file."""
        if not any(isinstance(e, Media) and e.data is not None for e in doc.elements):
            return doc
        return doc.with_elements(self._store_media(e) if isinstance(e, Media) else e for e in doc.elements)

    def _store_media(self, media: Media) -> Media:
        if media.data is None or media.blob is not None:
            return replace(media, data=None)
        sha256 = media.sha256 or hashlib.sha256(media.data).hexdigest()
        blob = self._stored.get(sha256) or self._pending.get(sha256)
        if blob is None:
            if self._blob is None:
                self._blob = (self._folder.local / f"blob-{self._parts:04d}").open("wb")
            blob = self._pending[sha256] = Blob("", self._blob.tell(), len(media.data))
            self._blob.write(media.data)
        return replace(media, sha256=sha256, blob=blob, data=None)

    def _flush(self) -> None:
        self._flush_media()
        number = f"{self._parts:04d}"
        self._folder.store_table("documents", f"documents-{number}.parquet", to_table(self._docs))
        self._folder.stored[-1] = replace(self._folder.stored[-1], segments=tuple(segments(self._docs)))
        for key, sketch in self._sketchers.items():
            self._folder.store_table(f"sketch:{key}", f"sketch-{key}-{number}.parquet", sketch(self._docs))
        self._docs, self._ids, self._bytes, self._parts = [], set(), 0, self._parts + 1

    def _flush_media(self) -> None:
        """Stores the part's blob file, and tells its path to the media that lie in it."""
        if self._blob is None:
            return
        self._blob.close()
        path = self._folder.store_file("blob", self._folder.local / f"blob-{self._parts:04d}", len(self._pending))
        self._docs = [doc.with_elements(_at(e, path) for e in doc.elements) for doc in self._docs]
        self._stored |= {sha256: replace(blob, path=path) for sha256, blob in self._pending.items()}
        self._pending, self._blob = {}, None


def _at(element: Element, path: str) -> Element:
    """The element with the path of its blob, if that was not known."""
    if isinstance(element, Media) and element.blob is not None and not element.blob.path:
        return replace(element, blob=replace(element.blob, path=path))
    return element


def read_documents(run: str, part: TableRef) -> list[Document]:
    """The documents of a part that the reference names."""
    table = read_table(storage.join(run, part.path))
    return from_table(table if part.after is None else table.slice(part.first, part.after - part.first))


def read_table(path: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A Parquet file, or only these columns of it."""
    with storage.open(path) as file:
        return pq.ParquetFile(file).read(columns=None if columns is None else list(columns), use_threads=False)


@dataclass(frozen=True, slots=True)
class StoredRows:
    """`pipeline.stage.Rows` over stored tables, in plan order. `have_part`: the tables hold a column `part` themselves."""

    run: str
    tables: tuple[TableRef, ...]
    have_part: bool = False

    def read(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        for ref in self.tables:
            stored = columns if columns is None or self.have_part else [name for name in columns if name != "part"]
            table = read_table(storage.join(self.run, ref.path), stored)
            if not self.have_part:
                table = table.append_column("part", pa.array([ref.ordinal] * ref.rows, pa.int32()))
            yield table

    @property
    def count(self) -> int:
        return sum(ref.rows for ref in self.tables)


Verdicts = Mapping[str, list[dict[str, Any]]]
"""The rows of a global step's verdicts on documents of one part, by document id."""


def read_verdicts(path: str, parts: Sequence[int]) -> dict[int, dict[str, list[dict[str, Any]]]]:
    """The verdicts for each of these parts. The file is sorted by part."""
    with storage.open(path) as file:
        stored = pq.ParquetFile(file)
        groups = [stored.read_row_group(n, use_threads=False) for n in _row_groups(stored, min(parts), max(parts))]
    rows: dict[int, dict[str, list[dict[str, Any]]]] = {}
    for table in groups:
        for row in table.filter(pc.is_in(table["part"], pa.array(parts, pa.int32()))).to_pylist():
            rows.setdefault(row["part"], {}).setdefault(row["id"], []).append(row)
    return rows


def _row_groups(stored: pq.ParquetFile, low: int, high: int) -> Iterator[int]:
    """The row groups that may hold parts in [low, high], by their statistics."""
    column = stored.schema_arrow.get_field_index("part")
    for n in range(stored.metadata.num_row_groups):
        statistics = stored.metadata.row_group(n).column(column).statistics
        if statistics is None or not statistics.has_min_max or (statistics.min <= high and statistics.max >= low):
            yield n


def read_json(path: str) -> Any:
    return json.loads(storage.read(path))


def write_json(path: str, value: object) -> None:
    storage.write(path, json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode())
