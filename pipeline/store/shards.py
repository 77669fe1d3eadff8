"""Puts documents into shards: a global order by hash, cut by bytes; then shards, their checksums, and the manifest last."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.execution.books import Book
from interloom.pipeline.execution.step import Record, decision
from interloom.pipeline.execution.units import Unit, read_shared
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.planning.plan import PlannedStep
from interloom.pipeline.stage import ShardInfo, Sink
from interloom.pipeline.store import storage
from interloom.pipeline.store.parts import Folder, StoredRows, read_table, with_media
from interloom.schemas.document import Blob, Document, Media, Text
from interloom.schemas.outcome import Drop, Dropped
from interloom.schemas.table import from_table

_ELEMENT_BYTES = 200
_MEDIA_AT_ONCE = 32
_LEFT_OUT = Drop("not_written")


def sketch(docs: Sequence[Document], seed: int) -> pa.Table:
    """What shuffling needs: id, the place in the global order (a hash of seed and id), and about how many bytes it takes."""
    keys = [int.from_bytes(hashlib.blake2b(f"{seed}:{doc.id}".encode(), digest_size=8).digest()) for doc in docs]
    columns = {
        "id": pa.array([doc.id for doc in docs], pa.string()),
        "key": pa.array(keys, pa.uint64()),
        "size_bytes": pa.array([_size(doc) for doc in docs], pa.int64()),
        "images": pa.array([len(doc.images) for doc in docs], pa.int32()),
    }
    return pa.table(columns)


def _size(doc: Document) -> int:
    texts = sum(len(e.text.encode()) for e in doc.elements if isinstance(e, Text))
    blobs: list[Blob] = [e.blob for e in doc.elements if isinstance(e, Media) and e.blob is not None]
    return texts + sum(blob.size for blob in blobs) + _ELEMENT_BYTES * (1 + len(doc.elements))


def assign(phase: Phase, unit: Unit, folder: Folder, record: Record) -> dict[str, Any]:
    """Sorts all documents by (key, id) and cuts shards by bytes. Stores (shard, part, row) in that order."""
    tables = read_shared(folder.run, unit["tables"])
    rows = StoredRows(folder.run, tuple((part, path, count) for part, path, count, _ in tables["sketches"]))
    pieces = [_numbered(table) for table in rows.read()]
    empty = pa.table({"id": pa.array([], pa.string())})
    whole = pa.concat_tables(pieces).sort_by([("key", "ascending"), ("id", "ascending")]) if pieces else empty
    sink: Sink = phase.steps[0].build()
    shard = _cut(whole["size_bytes"].to_numpy() if pieces else np.zeros(0, np.int64), sink.shard_size_bytes)
    count = int(shard[-1]) + 1 if len(shard) else 0
    table = pa.table(
        {
            "shard": pa.array(shard, pa.int32()),
            "part": whole["part"] if pieces else pa.array([], pa.int32()),
            "row": whole["row"] if pieces else pa.array([], pa.int32()),
        }
    )
    folder.table("assignment", "assignment.parquet", table, rows_per_group=100_000)
    images = int(pc.sum(whole["images"]).as_py() or 0) if pieces else 0
    return {"shards": count, "documents": len(shard), "images": images}


def _numbered(table: pa.Table) -> pa.Table:
    return table.append_column("row", pa.array(np.arange(table.num_rows, dtype=np.int32)))


def _cut(sizes: np.ndarray[Any, Any], shard_size: int) -> np.ndarray[Any, Any]:
    """The shard of each document: a new one begins where the bytes so far pass a multiple of the shard size."""
    before = np.cumsum(sizes) - sizes
    _, shard = np.unique(before // shard_size, return_inverse=True)
    return shard


def write(phase: Phase, unit: Unit, folder: Folder, record: Record) -> dict[str, Any]:
    """Writes a run of shards to the sink's place; their files and checksums go into the commit."""
    step = phase.steps[0]
    sink: Sink = step.build()
    tables = read_shared(folder.run, unit["tables"])
    first, after = unit["shards"]
    table = read_table(storage.join(folder.run, tables["assignment"]))
    mine = table.filter(pc.and_(pc.greater_equal(table["shard"], first), pc.less(table["shard"], after)))
    docs = _gather(folder.run, mine, tables["documents"])
    book = record.book(step)
    infos = []
    for number in range(first, after):
        places = mine.filter(pc.equal(mine["shard"], number))
        wanted = [docs[place] for place in zip(places["part"].to_pylist(), places["row"].to_pylist(), strict=True)]
        info = sink.write(number, _noting(step, _with_media(folder.run, wanted), record), folder.local)
        infos.append(_published(info, folder, sink_folder(folder.run, step.key, sink)))
        _enter(book, wanted, info)
    return {"written": infos}


def sink_folder(run: str, key: str, sink: Sink) -> str:
    """Where a sink's shards go: what the recipe says, else a folder of the run with the step's name."""
    return sink.to.rstrip("/") if sink.to else storage.join(run, key)


def _gather(run: str, mine: pa.Table, documents: Sequence[Sequence[Any]]) -> dict[tuple[int, int], Document]:
    """The documents at these (part, row) places."""
    docs = {}
    parts = mine["part"].to_numpy()
    rows = mine["row"].to_numpy()
    for part in np.unique(parts):
        wanted = np.sort(rows[parts == part])
        table = read_table(storage.join(run, documents[part][1]))
        if len(wanted) < table.num_rows:
            table = table.take(pa.array(wanted)).combine_chunks()
        for row, doc in zip(wanted.tolist(), from_table(table), strict=True):
            docs[int(part), row] = doc
    return docs


def _with_media(run: str, docs: Sequence[Document]) -> Iterator[Document]:
    for first in range(0, len(docs), _MEDIA_AT_ONCE):
        yield from with_media(run, docs[first : first + _MEDIA_AT_ONCE])


def _published(info: ShardInfo, folder: Folder, target: str) -> dict[str, Any]:
    """Uploads a shard's files; what the manifest will say of it."""
    files = []
    for name in info.files:
        file = folder.local / name
        with file.open("rb") as data:
            mark = hashlib.file_digest(data, "sha256").hexdigest()
        storage.upload(file, storage.join(target, name))
        files.append({"name": name, "size_bytes": file.stat().st_size, "sha256": mark})
        file.unlink()
    return {**asdict(info), "files": files}


def _enter(book: Book, docs: Sequence[Document], info: ShardInfo) -> None:
    book.documents.into += len(docs)
    book.documents.out += info.documents
    images = sum(len(doc.images) for doc in docs)
    book.images.into += images
    book.images.out += info.images


def _noting(step: PlannedStep, docs: Iterable[Document], record: Record) -> Iterator[Document]:
    """The documents on their way into a shard; for each image that the sink leaves out, a decision."""
    sink: Sink = step.build()
    for doc in docs:
        urls = {image.position: image.url for image in doc.images}
        for position in sink.omits(doc):
            record.books[step.key].images.drop(_LEFT_OUT.reason)
            record.decisions.append(decision(step, Dropped(doc.id, _LEFT_OUT, position, urls[position])))
        yield doc


def shard_info(written: Mapping[str, Any]) -> ShardInfo:
    """The ShardInfo of a manifest entry."""
    names = tuple(file["name"] for file in written["files"])
    return ShardInfo(names, written["documents"], written["images"], written["extra"])
