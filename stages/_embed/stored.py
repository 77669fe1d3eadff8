"""The rows of the side table `embeddings` that are about the documents at hand, of one kind and one model."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.errors import ConfigError
from interloom.schemas.document import DOCUMENT, Document, lineage
from interloom.stages._dedup.duplicates import hash64

Vectors = npt.NDArray[np.float16]

_PLACE = {"id": pa.string(), "position": pa.int32(), "window": pa.int32(), "start": pa.int32(), "end": pa.int32()}
_NO_ROWS = pa.schema([*_PLACE.items(), ("kind", pa.string()), ("vector", pa.list_(pa.float16(), 1))])


def stored_rows(docs: Sequence[Document], tables: Sequence[pa.Table], kind: str, model: str | None = None) -> pa.Table:
    """The embeddings of these documents: columns id, position, window, start, end and vector (a fixed number of float16), in the
    order of the documents, of each by position and window.

    Which rows are about a document, `rows_about_each` says; they have its own id. Vectors that are not finite are left out.
    Without rows the vectors have the width 1.

    Parameters:
        docs: The documents.
        tables: Tables of the side table `embeddings`.
        kind: Which rows: "image", "text", "sentence", "paragraph" or "document".
        model: The model whose rows are taken; None if there is one only.

    Raises ConfigError if rows of several models, or of several versions of the model, are stored about the documents.
    """
    rows, _ = _found(docs, tables, (kind,), model)
    return rows.select([*_PLACE, "vector"])


def stored_items(docs: Sequence[Document], tables: Sequence[pa.Table], kinds: Collection[str], model: str | None) -> pa.Table:
    """As `stored_rows`, for the sketches of global steps: of several kinds with vectors of one model, with the columns `kind`,
    `tie` (a hash of the row's place, to draw and to order equal rows by) and `model` (a hash of the model and its revision)."""
    rows, models = _found(docs, tables, kinds, model)
    places = zip(*(rows[name].to_pylist() for name in ("id", "position", "window", "kind")), strict=True)
    ties = pa.array([hash64(f"{id_} {position} {window} {kind}") for id_, position, window, kind in places], pa.uint64())
    hashes = pa.array([hash64(" ".join(models))] * rows.num_rows, pa.uint64())
    return rows.append_column("tie", ties).append_column("model", hashes)


def _found(
    docs: Sequence[Document], tables: Sequence[pa.Table], kinds: Collection[str], model: str | None
) -> tuple[pa.Table, tuple[str, str]]:
    """The rows of these kinds with the column `kind`, and their model and its revision."""
    rows, models = _rows(docs, tables, kinds, model)
    taken, ids = [], []
    for doc, of_doc in rows_about_each(docs, rows):
        taken += of_doc
        ids += [doc.id] * len(of_doc)
    if not taken:
        return _NO_ROWS.empty_table(), models
    vectors = rows.take(pa.array(taken, pa.int64()))
    columns = [pa.array(ids, pa.string()), *(vectors[name] for name in _NO_ROWS.names if name != "id")]
    return pa.table(columns, names=_NO_ROWS.names), models


def vectors_in(column: pa.ChunkedArray) -> Vectors:
    """The vectors of a column as a matrix with a row for each."""
    vectors = column.combine_chunks()
    flat: Vectors = vectors.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(vectors), -1) if len(vectors) else flat.reshape(0, column.type.list_size)


def column_of(vectors: npt.NDArray[Any]) -> pa.FixedSizeListArray:
    """The rows of a matrix as a column of vectors of float16."""
    flat = pa.array(np.ascontiguousarray(vectors, np.float16).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])


def _rows(
    docs: Sequence[Document], tables: Sequence[pa.Table], kinds: Collection[str], model: str | None
) -> tuple[pa.Table, tuple[str, str]]:
    """The rows of these kinds and model about the documents and what they were cut from, in one table, and their model."""
    wanted = pa.array(sorted({id_ for doc in docs for id_ in lineage(doc.id)}), pa.string())
    kept = []
    for table in tables:
        is_kept = pc.and_(pc.is_in(table["kind"], pa.array(list(kinds), pa.string())), pc.is_in(table["id"], wanted))
        is_kept = is_kept if model is None else pc.and_(is_kept, pc.equal(table["model"], model))
        rows = table.filter(is_kept)
        if rows.num_rows:
            kept.append(_with_offsets(rows))
    models = _the_model(kept, kinds)
    if not kept:
        return _NO_ROWS.empty_table(), models
    stored = pa.concat_tables(kept).combine_chunks()
    return stored.filter(pa.array(np.isfinite(vectors_in(stored["vector"])).all(axis=1))), models


def _with_offsets(rows: pa.Table) -> pa.Table:
    """Rows of earlier versions have no `start` and `end`: they are about the whole of their element."""
    for name in ("start", "end"):
        if name not in rows.column_names:
            rows = rows.append_column(name, pa.nulls(rows.num_rows, pa.int32()))
    return rows.select([*_PLACE, "kind", "model", "revision", "vector"])


def _the_model(tables: Sequence[pa.Table], kinds: Collection[str]) -> tuple[str, str]:
    """The model and revision of all rows; empty without rows. Raises ConfigError unless there is one model in one version."""
    models = sorted({(row["model"], row["revision"]) for table in tables for row in _models(table)})
    of_kinds = f"embeddings of kind {' and '.join(repr(kind) for kind in kinds)}"
    if len({model for model, _ in models}) > 1:
        names = ", ".join(sorted({model for model, _ in models}))
        raise ConfigError(f"{of_kinds} are stored of several models ({names}); name one as `model`")
    if len(models) > 1:
        revisions = ", ".join(revision for _, revision in models)
        raise ConfigError(f"{of_kinds} are stored of several versions of {models[0][0]} ({revisions})")
    return models[0] if models else ("", "")


def _models(table: pa.Table) -> list[dict[str, str]]:
    models: list[dict[str, str]] = table.group_by(["model", "revision"]).aggregate([]).to_pylist()
    return models


def rows_about_each(docs: Sequence[Document], rows: pa.Table) -> Iterator[tuple[Document, list[int]]]:
    """Each document with the numbers of the rows about it, by position and window.

    A child `<id>#<part>` has the rows of the document that it was cut from, unless it has one of its own at the same position and
    window. Rows about elements that a document no longer has are left out, and so are, for a child, rows about the whole of what
    it was cut from.

    Parameters:
        docs: The documents.
        rows: Rows with the columns id, position, window and, if rows of several kinds are at one position, kind.
    """
    numbers: dict[str, list[int]] = {}
    for number, id_ in enumerate(rows["id"].to_pylist()):
        numbers.setdefault(id_, []).append(number)
    kinds = rows["kind"].to_pylist() if "kind" in rows.column_names else [""] * rows.num_rows
    places = list(zip(rows["position"].to_pylist(), rows["window"].to_pylist(), kinds, strict=True))
    for doc in docs:
        alive = {element.position for element in doc.elements}
        taken: dict[tuple[int, int, str], int] = {}
        for id_ in lineage(doc.id):
            for number in numbers.get(id_, ()):
                place = places[number]
                if place[0] in alive or (place[0] == DOCUMENT and id_ == doc.id):
                    taken.setdefault(place, number)
        yield doc, [taken[place] for place in sorted(taken)]
