"""Files that units store in the run's folder, and references to them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from interloom.pipeline.cost import Segment
from interloom.pipeline.store import storage
from interloom.pipeline.store.footers import digest_of_footer
from interloom.pipeline.temporary import temporary_folder

UNITS = "units.json"
"""In a phase's folder: the ids of its units in order. Commits of other units there are of an earlier input."""
PART_DOCUMENTS = 1000
"""A part is read whole, so this bounds the memory of the next phase's unit."""
PART_BYTES = 64 << 20
"""Bytes of text and raw pages in a part."""


@dataclass(frozen=True, slots=True)
class SideFile:
    """A stored side table: its name (`embeddings`), its path relative to the run, its sha256 and the digest of its footer."""

    table: str
    path: str
    sha256: str
    footer: str


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a unit: `kind` (documents, sketch:<step>, side:<table>, scores, decisions, ...), its path relative to the run.

    Of a Parquet table `footer` is the digest of its footer, which holds the places of its pages; the pages have checksums of
    their own; `memory_bytes` is what its rows take in memory, which compression hides. Of documents, `segments` tell the cost of
    the next steps, and `sides` the side tables with rows about them.
    """

    kind: str
    path: str
    rows: int
    size_bytes: int
    sha256: str
    footer: str = ""
    segments: tuple[Segment, ...] = ()
    sides: tuple[SideFile, ...] = ()
    memory_bytes: int = 0

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        segments = tuple(Segment(*segment) for segment in values["segments"])
        sides = tuple(SideFile(*side) for side in values.get("sides", ()))
        return cls(**{**values, "segments": segments, "sides": sides})

    def to_json(self) -> dict[str, Any]:
        segments = [astuple(segment) for segment in self.segments]
        return {**asdict(self), "segments": segments, "sides": [astuple(side) for side in self.sides]}


@dataclass(frozen=True, slots=True)
class TableRef:
    """A stored table that a unit reads: `ordinal` is its place among the tables of its kind, in plan order. Of a table of
    documents the unit reads the rows from `first` to `after` (exclusive; None: to the end)."""

    ordinal: int
    path: str
    rows: int
    sha256: str
    footer: str = ""
    first: int = 0
    after: int | None = None
    sides: tuple[SideFile, ...] = ()

    @classmethod
    def of(cls, files: Iterable[StoredFile]) -> tuple[TableRef, ...]:
        """References to these files, numbered in this order."""
        return tuple(cls.to(file, number) for number, file in enumerate(files))

    @classmethod
    def to(cls, file: StoredFile, ordinal: int) -> Self:
        """A reference to this file, without what it says of side tables."""
        return cls(ordinal, file.path, file.rows, file.sha256, file.footer)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        return cls(**{**values, "sides": tuple(SideFile(**side) for side in values["sides"])})


@dataclass(slots=True)
class UnitFolder:
    """A unit's folder `name` in the run: files are made in `local` (a temporary folder) and stored whole."""

    run: str
    name: str
    stored: list[StoredFile] = field(default_factory=list)
    _temporary: TemporaryDirectory[str] | None = None

    @property
    def local(self) -> Path:
        """Is made at its first use, because a unit may store nothing."""
        if self._temporary is None:
            self._temporary = temporary_folder()
        return Path(self._temporary.name)

    def close(self) -> None:
        """Removes `local`."""
        if self._temporary is not None:
            self._temporary.cleanup()

    def store_table(self, kind: str, name: str, table: pa.Table) -> None:
        """Stores a table as Parquet; the same rows give the same bytes."""
        file = self.local / name
        try:
            pq.write_table(
                table,
                file,
                compression="zstd",
                compression_level=1,
                use_dictionary=not kind.startswith("sketch:"),  # keys and signatures do not repeat
                store_schema=True,
                write_page_checksum=True,
            )
        except OSError as error:
            if not error.errno:
                raise
            raise OSError(error.errno, os.strerror(error.errno), str(file)) from error  # pyarrow names no file
        with file.open("rb") as data:
            footer = digest_of_footer(data)
        self.store_file(kind, file, table.num_rows, footer, table.nbytes)

    def store_file(self, kind: str, file: Path, rows: int, footer: str = "", memory_bytes: int = 0) -> str:
        """Moves a local file into the unit's folder under its content's name, and returns its path relative to the run.

        `documents-0000.parquet` becomes `documents-0000-<16 hex digits of its sha256>.parquet`, so that two copies of a unit
        with different outcomes never overwrite each other's files; the commit names those that count.
        """
        sha256, size_bytes = sha256_of(file), file.stat().st_size
        path = f"{self.name}/{file.stem}-{sha256[:16]}{file.suffix}"
        storage.upload(file, storage.join(self.run, path))
        file.unlink()
        self.stored.append(StoredFile(kind, path, rows, size_bytes, sha256, footer, memory_bytes=memory_bytes))
        return path


def sha256_of(file: Path) -> str:
    """The sha256 of a local file's content, in hex."""
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def read_json(path: str) -> Any:
    return json.loads(storage.read(path))


def read_mapping(path: str) -> dict[str, Any]:
    """The JSON object in a file; empty if the file is not there or holds anything else."""
    values = _read_if_whole(path)
    return values if isinstance(values, dict) else {}


def read_names(path: str) -> list[str]:
    """The JSON list in a file; empty if the file is not there or holds anything else."""
    values = _read_if_whole(path)
    return values if isinstance(values, list) else []


def _read_if_whole(path: str) -> Any:
    try:
        return read_json(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def write_json(path: str, value: object) -> None:
    storage.write(path, encoded(value))


def encoded(value: object) -> bytes:
    """The value in JSON; the same value gives the same bytes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
