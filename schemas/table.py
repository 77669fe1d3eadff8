"""Documents as Arrow tables: one row per document, its elements a list of structs. Versioned; older versions still read.

Built and read column by column, because row-wise conversion (`Table.from_pylist`, `to_pylist`) costs several times more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any

import pyarrow as pa

from schemas.document import Blob, Clip, Document, Element, Image, Media, Source, Text

SCHEMA_VERSION = 1
_VERSION_KEY = b"interloom.schema_version"

_SCORES = pa.map_(pa.string(), pa.float64())
_SOURCE = pa.struct(
    [
        ("url", pa.string()),
        ("path", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("date", pa.string()),
        ("content_type", pa.string()),
        ("licence", pa.string()),
        ("opt_out", pa.string()),
    ]
)
ELEMENT = pa.struct(
    [
        ("kind", pa.string()),
        ("position", pa.int32()),
        ("origin", pa.string()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("page", pa.int32()),
        ("bbox", pa.list_(pa.float64())),
        ("scores", _SCORES),
        ("text", pa.large_string()),
        ("role", pa.string()),
        ("of", pa.int32()),
        ("url", pa.large_string()),
        ("alt", pa.large_string()),
        ("format", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("sha256", pa.string()),
        ("phash", pa.string()),
        ("blob_path", pa.string()),
        ("blob_offset", pa.int64()),
        ("blob_size", pa.int64()),
    ]
)
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("source", _SOURCE),
        ("labels", pa.map_(pa.string(), pa.string())),
        ("scores", _SCORES),
        ("body", pa.large_binary()),
        ("elements", pa.large_list(ELEMENT)),
    ],
    metadata={_VERSION_KEY: str(SCHEMA_VERSION).encode()},
)
"""The table of documents at rest. Image bytes are never in it: `blob_*` says where they lie."""

SIDE_TABLES: Mapping[str, pa.Schema] = {
    "captures": pa.schema(
        [
            ("url", pa.string()),
            ("path", pa.string()),
            ("offset", pa.int64()),
            ("length", pa.int64()),
            ("content_type", pa.string()),
            ("date", pa.string()),
        ]
    ),
    "embeddings": pa.schema(
        [
            ("id", pa.string()),
            ("position", pa.int32()),
            ("window", pa.int32()),
            ("kind", pa.string()),
            ("model", pa.string()),
            ("vector", pa.binary()),
        ]
    ),
}
"""Rows that steps set aside for later ones: image records of a crawl, and float16 embeddings (L2-normalised)."""

DECISIONS = pa.schema(
    [
        ("id", pa.string()),
        ("position", pa.int32()),
        ("url", pa.large_string()),
        ("step", pa.string()),
        ("use", pa.string()),
        ("reason", pa.string()),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("kept", pa.string()),
        ("error", pa.string()),
    ]
)
"""One row per document or image that left: dropped (`reason`) or quarantined (`error`)."""

_KINDS: Mapping[str, type[Element]] = {"text": Text, "image": Image, "clip": Clip}
_KIND_OF = {kind: name for name, kind in _KINDS.items()}


def to_table(docs: Sequence[Document]) -> pa.Table:
    """Documents as a table of `SCHEMA`. In-memory image bytes (`data`) are left out."""
    elements = [e for doc in docs for e in doc.elements]
    offsets = _offsets(len(doc.elements) for doc in docs)
    columns = [
        pa.array([doc.id for doc in docs], pa.string()),
        _struct([doc.source for doc in docs], _SOURCE),
        _map([doc.labels for doc in docs], pa.string()),
        _map([doc.scores for doc in docs], pa.float64()),
        pa.array([doc.body for doc in docs], pa.large_binary()),
        pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), _elements(elements)),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def from_table(table: pa.Table) -> list[Document]:
    """The documents of a table written by this or an older version. Raises ValueError for a newer one."""
    version = int((table.schema.metadata or {}).get(_VERSION_KEY, b"1"))
    if version > SCHEMA_VERSION:
        raise ValueError(f"written by a newer version (schema {version}, this one reads up to {SCHEMA_VERSION})")
    rows = table.num_rows
    lists = _one(table.column("elements"))
    flat = lists.flatten()
    ends = lists.offsets.to_numpy() - (lists.offsets[0].as_py() if rows else 0)
    elements = _read_elements(flat)
    bounds = ends.tolist()
    bodies = _values(_one(table.column("body")), rows)
    columns = zip(
        table.column("id").to_pylist(),
        _read_sources(_one(table.column("source"))),
        _read_map(_one(table.column("labels"))),
        _read_map(_one(table.column("scores"))),
        bodies,
        strict=True,
    )
    return [
        Document(id=i, source=s, labels=labels, scores=scores, body=b, elements=tuple(elements[bounds[n] : bounds[n + 1]]))
        for n, (i, s, labels, scores, b) in enumerate(columns)
    ]


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _offsets(sizes: Iterable[int]) -> list[int]:
    offsets = [0]
    for size in sizes:
        offsets.append(offsets[-1] + size)
    return offsets


def _map(maps: Sequence[Mapping[str, Any]], items: pa.DataType) -> pa.Array:
    offsets = pa.array(_offsets(len(m) for m in maps), pa.int32())
    keys = pa.array(list(chain.from_iterable(maps)), pa.string())
    return pa.MapArray.from_arrays(offsets, keys, pa.array(list(chain.from_iterable(m.values() for m in maps)), items))


def _read_map(column: pa.Array) -> list[Mapping[str, Any]]:
    if len(column) == 0:
        return []
    offsets = column.offsets.to_pylist()
    if offsets[-1] == offsets[0]:
        return [{} for _ in range(len(column))]
    keys, items = column.keys.to_pylist(), column.items.to_pylist()
    return [dict(zip(keys[a:b], items[a:b], strict=True)) for a, b in pairwise(offsets)]


def _struct(rows: Sequence[object], kind: pa.StructType) -> pa.Array:
    arrays = [pa.array([getattr(row, field.name) for row in rows], field.type) for field in kind]
    return pa.StructArray.from_arrays(arrays, fields=list(kind))


def _read_sources(column: pa.StructArray) -> list[Source]:
    names = [field.name for field in _SOURCE]
    rows = zip(*(_values(_child(column, name), len(column)) for name in names), strict=True)
    return [Source(**dict(zip(names, row, strict=True))) for row in rows]


def _child(column: pa.StructArray, name: str) -> pa.Array | None:
    index = column.type.get_field_index(name)
    return column.field(index) if index >= 0 else None


def _values(column: pa.Array | None, rows: int) -> list[Any]:
    """The column as a list; an absent (older version) or all-null column costs nothing."""
    return [None] * rows if column is None or column.null_count == rows else column.to_pylist()


_TEXT_ONLY = frozenset({"text", "role", "of"})
_MEDIA_ONLY = frozenset({"url", "alt", "format", "width", "height", "sha256"})


def _elements(elements: Sequence[Element]) -> pa.Array:
    """The struct column of all elements; fields that a kind does not have are null."""
    blobs = [e.blob if isinstance(e, Media) else None for e in elements]
    made: dict[str, Callable[[], pa.Array]] = {
        "kind": lambda: pa.array([_KIND_OF[type(e)] for e in elements], pa.string()),
        "scores": lambda: _map([e.scores for e in elements], pa.float64()),
        "blob_path": lambda: pa.array([b and b.path for b in blobs], pa.string()),
        "blob_offset": lambda: pa.array([None if b is None else b.offset for b in blobs], pa.int64()),
        "blob_size": lambda: pa.array([None if b is None else b.size for b in blobs], pa.int64()),
    }
    arrays = [made[f.name]() if f.name in made else _field(elements, f) for f in ELEMENT]
    return pa.StructArray.from_arrays(arrays, fields=list(ELEMENT))


def _field(elements: Sequence[Element], field: pa.Field) -> pa.Array:
    name = field.name
    if name in _TEXT_ONLY:
        return pa.array([getattr(e, name) if type(e) is Text else None for e in elements], field.type)
    if name in _MEDIA_ONLY:
        return pa.array([getattr(e, name) if isinstance(e, Media) else None for e in elements], field.type)
    if name == "phash":
        return pa.array([e.phash if type(e) is Image else None for e in elements], field.type)
    return pa.array([getattr(e, name) for e in elements], field.type)


def _read_elements(column: pa.StructArray) -> list[Element]:
    rows = len(column)
    values = {f.name: _values(_child(column, f.name), rows) for f in ELEMENT if f.name != "scores"}
    scores = _read_map(column.field("scores")) if rows else []
    return [_read_element(values, scores[n], n) for n in range(rows)]


def _read_element(values: Mapping[str, list[Any]], scores: Mapping[str, float], n: int) -> Element:
    bbox = values["bbox"][n]
    shared: dict[str, Any] = {
        "position": values["position"][n],
        "origin": values["origin"][n],
        "start_s": values["start_s"][n],
        "end_s": values["end_s"][n],
        "page": values["page"][n],
        "bbox": tuple(bbox) if bbox is not None else None,
        "scores": scores,
    }
    kind = values["kind"][n]
    if kind == "text":
        return Text(**shared, text=values["text"][n], role=values["role"][n], of=values["of"][n])
    path = values["blob_path"][n]
    shared["blob"] = Blob(path, values["blob_offset"][n], values["blob_size"][n]) if path is not None else None
    shared |= {name: values[name][n] for name in _MEDIA_ONLY}
    return Image(**shared, phash=values["phash"][n] or "") if kind == "image" else Clip(**shared)
