"""Reads stored tables, checked against what their commits say of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from interloom.pipeline.errors import DamageError
from interloom.pipeline.store import storage
from interloom.pipeline.store.damage import missing_named
from interloom.pipeline.store.footers import checked_metadata
from interloom.pipeline.store.parts import SideFile, StoredFile, TableRef
from interloom.schemas.document import Document, lineage
from interloom.schemas.table import from_table


def read_documents(run: str, part: TableRef) -> list[Document]:
    """The documents of a part that the reference names."""
    table = read_stored(run, part)
    return from_table(table if part.after is None else table.slice(part.first, part.after - part.first))


def read_ids(run: str, part: TableRef) -> list[str]:
    """The ids of the documents of a part that the reference names."""
    ids: list[str] = read_stored(run, part, ["id"])["id"].to_pylist()
    return ids[part.first : part.after]


def read_table(path: str) -> pa.Table:
    """A Parquet file, such as a shard. Raises DamageError if it cannot be read."""
    with _damage_named(path):
        return pq.ParquetFile(pa.BufferReader(storage.read(path)), page_checksum_verification=True).read(use_threads=False)


def read_stored(run: str, file: StoredFile | TableRef | SideFile, columns: Sequence[str] | None = None) -> pa.Table:
    """A table that a unit stored, or only these columns of it.

    Raises DamageError if it is not what was stored: a whole table is compared with the sha256 in its commit; of some columns,
    the footer with its digest, and the pages with their checksums.
    """
    path = storage.join(run, file.path)
    if columns is not None:
        with open_stored(run, file) as table:
            return table.read(columns=list(columns), use_threads=False)
    with missing_named(path):
        data = storage.read(path)
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise DamageError(path, "its sha256 is not that of its commit")
    return pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)


@contextmanager
def open_stored(run: str, file: StoredFile | TableRef | SideFile) -> Iterator[pq.ParquetFile]:
    """The stored table, to be read in the body of a `with`; footer and pages are checked. Raises DamageError as `read_stored`."""
    path = storage.join(run, file.path)
    with missing_named(path):
        file_ = storage.open(path)
    with file_ as opened, _damage_named(path):
        metadata = checked_metadata(opened, file.footer) if file.footer else None
        yield pq.ParquetFile(opened, metadata=metadata, page_checksum_verification=True)


@contextmanager
def _damage_named(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise DamageError(path, str(error)) from error


@dataclass(slots=True)
class SideRows:
    """The rows of side tables that are about the documents of a unit; each file is read once, when a step first asks for it.

    `ids` holds the documents' ids. Rows about a document are also about the children that were cut from it.
    """

    run: str = ""
    files: Sequence[SideFile] = ()
    ids: frozenset[str] = frozenset()
    _tables: dict[str, list[pa.Table]] = field(default_factory=dict)

    def about(self, table: str, docs: Sequence[Document]) -> list[pa.Table]:
        """The rows of the side table `table` about these documents: a table for each stored file that has some."""
        if table not in self._tables:
            self._tables[table] = list(self._rows(table))
        wanted = _with_parents(doc.id for doc in docs)
        rows = (stored.filter(pc.is_in(stored["id"], wanted)) for stored in self._tables[table])
        return [some for some in rows if some.num_rows]

    def _rows(self, table: str) -> Iterator[pa.Table]:
        wanted = _with_parents(self.ids)
        for file in self.files:
            if file.table == table:
                stored = read_stored(self.run, file)
                yield stored.filter(pc.is_in(stored["id"], wanted))


def _with_parents(ids: Iterable[str]) -> pa.Array:
    """`a#1#2` -> `a#1#2`, `a#1`, `a`."""
    names = {id_ for whole in ids for id_ in lineage(whole)}
    return pa.array(sorted(names), pa.string())
