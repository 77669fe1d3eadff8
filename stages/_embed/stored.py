"""The rows of the side table `embeddings` that are about the documents at hand, of one kind and one model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.errors import ConfigError
from interloom.schemas.document import Document, lineage

Vectors = npt.NDArray[np.float16]

DOCUMENT = -1
"""The position of a row that is about the whole document."""
_PLACE = {"id": pa.string(), "position": pa.int32(), "window": pa.int32(), "start": pa.int32(), "end": pa.int32()}


def stored_rows(docs: Sequence[Document], tables: Sequence[pa.Table], kind: str, model: str | None = None) -> pa.Table:
    """The embeddings of these documents: columns id, position, window, start, end and vector (a fixed number of float16), in the
    order of the documents, of each by position and window.

    A child `<id>#<part>` has the rows of the document that it was cut from, under its own id, unless it has some of its own at
    the same position and window. Rows about elements that a document no longer has are left out, and so are, for a child, rows
    about the whole of what it was cut from. Without rows the vectors have the width 1.

    Parameters:
        docs: The documents.
        tables: Tables of the side table `embeddings`.
        kind: Which rows: "image", "text", "sentence", "paragraph" or "document".
        model: The model whose rows are taken; None if there is one only.

    Raises ConfigError if rows of several models, or of several versions of the model, are stored about the documents.
    """
    rows = _rows(docs, tables, kind, model)
    if rows is None:
        return _without_rows()
    taken, ids = [], []
    for doc, of_doc in _by_document(docs, rows):
        taken += of_doc
        ids += [doc.id] * len(of_doc)
    if not taken:
        return _without_rows()
    found = rows.take(pa.array(taken, pa.int64()))
    columns = [pa.array(ids, pa.string()), *(found[name] for name in (*_PLACE, "vector") if name != "id")]
    return pa.table(columns, names=[*_PLACE, "vector"])


def vectors_in(column: pa.ChunkedArray) -> Vectors:
    """The vectors of a column as a matrix with a row for each."""
    vectors = column.combine_chunks()
    flat: Vectors = vectors.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(vectors), -1) if len(vectors) else flat.reshape(0, column.type.list_size)


def column_of(vectors: npt.NDArray[Any]) -> pa.FixedSizeListArray:
    """The rows of a matrix as a column of vectors of float16."""
    flat = pa.array(np.ascontiguousarray(vectors, np.float16).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])


def _without_rows() -> pa.Table:
    return pa.schema([*_PLACE.items(), ("vector", pa.list_(pa.float16(), 1))]).empty_table()


def _rows(docs: Sequence[Document], tables: Sequence[pa.Table], kind: str, model: str | None) -> pa.Table | None:
    """The rows of this kind and model about the documents and what they were cut from, in one table; None if there are none."""
    wanted = pa.array(sorted({id_ for doc in docs for id_ in lineage(doc.id)}), pa.string())
    kept = []
    for table in tables:
        is_kept = pc.and_(pc.equal(table["kind"], kind), pc.is_in(table["id"], wanted))
        is_kept = is_kept if model is None else pc.and_(is_kept, pc.equal(table["model"], model))
        rows = table.filter(is_kept)
        if rows.num_rows:
            kept.append(_with_offsets(rows))
    if not kept:
        return None
    _check_model(kept, kind)
    return pa.concat_tables(kept).combine_chunks()


def _with_offsets(rows: pa.Table) -> pa.Table:
    """Rows of earlier versions have no `start` and `end`: they are about the whole of their element."""
    for name in ("start", "end"):
        if name not in rows.column_names:
            rows = rows.append_column(name, pa.nulls(rows.num_rows, pa.int32()))
    return rows.select([*_PLACE, "model", "revision", "vector"])


def _check_model(tables: Sequence[pa.Table], kind: str) -> None:
    """Raises ConfigError unless all rows are of one model in one version."""
    models = sorted({(row["model"], row["revision"]) for table in tables for row in _models(table)})
    if len({model for model, _ in models}) > 1:
        names = ", ".join(sorted({model for model, _ in models}))
        raise ConfigError(f"embeddings of kind '{kind}' are stored of several models ({names}); name one as `model`")
    if len(models) > 1:
        revisions = ", ".join(revision for _, revision in models)
        raise ConfigError(f"embeddings of kind '{kind}' are stored of several versions of {models[0][0]} ({revisions})")


def _models(table: pa.Table) -> list[dict[str, str]]:
    found: list[dict[str, str]] = table.group_by(["model", "revision"]).aggregate([]).to_pylist()
    return found


def _by_document(docs: Sequence[Document], rows: pa.Table) -> Iterator[tuple[Document, list[int]]]:
    """Each document with the numbers of its rows, by position and window."""
    numbers: dict[str, list[int]] = {}
    for number, id_ in enumerate(rows["id"].to_pylist()):
        numbers.setdefault(id_, []).append(number)
    places = list(zip(rows["position"].to_pylist(), rows["window"].to_pylist(), strict=True))
    for doc in docs:
        alive = {element.position for element in doc.elements}
        taken: dict[tuple[int, int], int] = {}
        for id_ in lineage(doc.id):
            for number in numbers.get(id_, ()):
                place = places[number]
                if place[0] in alive or (place[0] == DOCUMENT and id_ == doc.id):
                    taken.setdefault(place, number)
        yield doc, [taken[place] for place in sorted(taken)]
