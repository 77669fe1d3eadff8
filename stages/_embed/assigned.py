"""The rows of the side table `clusters` that are about the documents at hand, of one clustering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from interloom.schemas.document import Document, lineage

Place = tuple[str, int, int]
"""Id of the document, position, window."""


def assigned(docs: Sequence[Document], tables: Sequence[pa.Table], name: str) -> Mapping[Place, tuple[int, float]]:
    """The cluster of each item of these documents, and its similarity to the cluster's centre.

    A child `<id>#<part>` has the clusters of the items of the document that it was cut from.

    Parameters:
        docs: The documents.
        tables: Tables of the side table `clusters`.
        name: The name of the clustering.
    """
    wanted = pa.array(sorted({id_ for doc in docs for id_ in lineage(doc.id)}), pa.string())
    stored: dict[str, dict[tuple[int, int], tuple[int, float]]] = {}
    for table in tables:
        rows = table.filter(pc.and_(pc.equal(table["name"], name), pc.is_in(table["id"], wanted)))
        columns = (rows[column].to_pylist() for column in ("id", "position", "window", "cluster", "similarity"))
        for id_, position, window, cluster, similarity in zip(*columns, strict=True):
            stored.setdefault(id_, {})[position, window] = cluster, similarity
    found: dict[Place, tuple[int, float]] = {}
    for doc in docs:
        for id_ in lineage(doc.id):
            for (position, window), of_item in stored.get(id_, {}).items():
                found.setdefault((doc.id, position, window), of_item)
    return found
