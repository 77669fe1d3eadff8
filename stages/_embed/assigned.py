"""The rows of the side table `clusters` that are about the documents at hand, of one clustering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from interloom.schemas.document import Document, lineage
from interloom.stages._embed.stored import rows_about_each

Place = tuple[str, int, int]
"""Id of the document, position, window."""


def assigned(docs: Sequence[Document], tables: Sequence[pa.Table], name: str) -> Mapping[Place, tuple[int, float]]:
    """The cluster of each item of these documents, and its similarity to the cluster's centre; by document, position and window.

    Which rows are about a document, `rows_about_each` says.

    Parameters:
        docs: The documents.
        tables: Tables of the side table `clusters`.
        name: The name of the clustering.
    """
    wanted = pa.array(sorted({id_ for doc in docs for id_ in lineage(doc.id)}), pa.string())
    kept = [table.filter(pc.and_(pc.equal(table["name"], name), pc.is_in(table["id"], wanted))) for table in tables]
    if not any(map(len, kept)):
        return {}
    rows = pa.concat_tables(kept)
    items = list(zip(*(rows[column].to_pylist() for column in ("position", "window", "cluster", "similarity")), strict=True))
    cluster_of: dict[Place, tuple[int, float]] = {}
    for doc, numbers in rows_about_each(docs, rows):
        for position, window, cluster, similarity in (items[number] for number in numbers):
            cluster_of[doc.id, position, window] = cluster, similarity
    return cluster_of
