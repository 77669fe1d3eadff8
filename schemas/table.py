"""Converts documents to Arrow tables and back: a row for each document, with its elements as a list of structs.

Tables have a version number, and tables of older versions can still be read. The conversion goes column by column, because
row-wise conversion (`Table.from_pylist`, `to_pylist`) takes several times longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from itertools import chain, pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from interloom.schemas.columns import ELEMENT, LABELS, SCHEMA, SCHEMA_VERSION, SCORES, SOURCE, VERSION_KEY
from interloom.schemas.document import Blob, Clip, Document, Element, Image, Media, Source, Text
from interloom.schemas.text_forms import storable

_KINDS: Mapping[str, type[Element]] = {"text": Text, "image": Image, "clip": Clip}
_KIND_OF = {kind: name for name, kind in _KINDS.items()}
_DEFAULTS = {f.name: f.default for kind in _KINDS.values() for f in fields(kind) if f.default is not MISSING}
"""The values of fields that an older version did not write."""


def to_table(docs: Sequence[Document]) -> pa.Table:
    """The documents as a table with the schema `SCHEMA`. Image bytes in memory (`data`) are left out."""
    elements = [e for doc in docs for e in doc.elements]
    offsets = _offsets(len(doc.elements) for doc in docs)
    columns = [
        array_of([doc.id for doc in docs], pa.string()),
        _struct([doc.source for doc in docs], SOURCE),
        _pairs([doc.labels for doc in docs], LABELS),
        _pairs([doc.scores for doc in docs], SCORES),
        pa.array([doc.body for doc in docs], pa.large_binary()),
        pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), _elements(elements)),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def from_table(table: pa.Table) -> list[Document]:
    """The documents of a table written by this version or an older one.

    Raises ValueError for a newer version and for elements of an unknown kind.
    """
    check_version(table.schema)
    rows = table.num_rows
    lists = _column(table, "elements")
    elements = _read_elements(lists.flatten())
    bounds = lists.offsets.to_pylist()  # not `to_numpy`, which imports pandas
    bounds = [bound - bounds[0] for bound in bounds]
    columns = zip(
        table.column("id").to_pylist(),
        _read_sources(_column(table, "source"), rows),
        _read_pairs(_column(table, "labels"), rows),
        _read_pairs(_column(table, "scores"), rows),
        _values(_column(table, "body"), rows),
        strict=True,
    )
    return [
        Document(id=i, source=s, labels=labels, scores=scores, body=b, elements=tuple(elements[bounds[n] : bounds[n + 1]]))
        for n, (i, s, labels, scores, b) in enumerate(columns)
    ]


def check_version(schema: pa.Schema) -> None:
    """Raises ValueError for a table of a newer version."""
    version = int((schema.metadata or {}).get(VERSION_KEY, b"1"))
    if version > SCHEMA_VERSION:
        raise ValueError(f"written by a newer version (schema {version}, this one reads up to {SCHEMA_VERSION})")


def _column(table: pa.Table, name: str) -> Any:
    """The column as a single array; None if an older version did not write it."""
    if name not in table.column_names:
        return None
    column = table.column(name)
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def array_of(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        return pa.array([storable(v) if isinstance(v, str) else v for v in values], kind)


def _offsets(sizes: Iterable[int]) -> list[int]:
    """`[2, 0, 3]` -> `[0, 2, 2, 5]`."""
    offsets = [0]
    for size in sizes:
        offsets.append(offsets[-1] + size)
    return offsets


def _pairs(maps: Sequence[Mapping[str, Any]], kind: pa.ListType) -> pa.Array:
    """Mappings as lists of (name, value)."""
    name, value = kind.value_type
    names = array_of(list(chain.from_iterable(maps)), name.type)
    values = array_of(list(chain.from_iterable(m.values() for m in maps)), value.type)
    pairs = pa.StructArray.from_arrays([names, values], fields=[name, value])
    return pa.ListArray.from_arrays(pa.array(_offsets(len(m) for m in maps), pa.int32()), pairs)


def _read_pairs(column: pa.Array | None, rows: int) -> list[Mapping[str, Any]]:
    """Lists of (name, value), or the maps of schema 1, as mappings."""
    offsets = column.offsets.to_pylist() if column is not None and rows else [0, 0]
    if column is None or offsets[-1] == offsets[0]:
        return [{} for _ in range(rows)]
    is_map = pa.types.is_map(column.type)
    names, values = (column.keys, column.items) if is_map else (column.values.field(0), column.values.field(1))
    names, values = names.to_pylist(), values.to_pylist()
    return [dict(zip(names[a:b], values[a:b], strict=True)) for a, b in pairwise(offsets)]


def labelled(labels: pa.ChunkedArray, name: str, value: str) -> pa.Array:
    """Which rows of a column of labels have the label `name` with this value."""
    column = labels.combine_chunks()
    if pa.types.is_map(column.type):  # schema 1
        return pa.array([(name, value) in pairs for pairs in column.to_pylist()], pa.bool_())
    names, values = column.flatten().field(0), column.flatten().field(1)
    equal = pc.and_(pc.equal(names, name), pc.equal(values, value))
    rows = pc.list_parent_indices(column).filter(equal).cast(pa.int64())
    return pc.is_in(pa.array(range(len(column)), pa.int64()), rows)


def _struct(rows: Sequence[object], kind: pa.StructType) -> pa.Array:
    arrays = [array_of([getattr(row, field.name) for row in rows], field.type) for field in kind]
    return pa.StructArray.from_arrays(arrays, fields=list(kind))


def _read_sources(column: pa.StructArray | None, rows: int) -> list[Source]:
    if column is None:
        return [Source()] * rows
    names = [field.name for field in SOURCE if column.type.get_field_index(field.name) >= 0]
    values = zip(*(_values(_child(column, name), rows) for name in names), strict=True)
    return [Source(**dict(zip(names, row, strict=True))) for row in values]


def _child(column: pa.StructArray, name: str) -> pa.Array | None:
    index = column.type.get_field_index(name)
    return column.field(index) if index >= 0 else None


def _values(column: pa.Array | None, rows: int, default: object = None) -> list[Any]:
    """The column as a list of `rows` values. Columns that are absent (older version) or all null are not converted."""
    if column is None:
        return [default] * rows
    return [None] * rows if column.null_count == rows else column.to_pylist()


_TEXT_ONLY = frozenset({"text", "role", "of"})
_MEDIA_ONLY = frozenset({"url", "alt", "format", "width", "height", "sha256", "opt_out"})


def _elements(elements: Sequence[Element]) -> pa.Array:
    """The struct column of all elements; fields that a kind of element does not have are null."""
    blobs = [e.blob if isinstance(e, Media) else None for e in elements]
    builders: dict[str, Callable[[], pa.Array]] = {
        "kind": lambda: pa.array([_KIND_OF[type(e)] for e in elements], pa.string()),
        "scores": lambda: _pairs([e.scores for e in elements], SCORES),
        "blob_path": lambda: array_of([b and b.path for b in blobs], pa.string()),
        "blob_offset": lambda: pa.array([None if b is None else b.offset for b in blobs], pa.int64()),
        "blob_size": lambda: pa.array([None if b is None else b.size for b in blobs], pa.int64()),
        "blob_crc32": lambda: pa.array([None if b is None else b.crc32 for b in blobs], pa.uint32()),
    }
    arrays = [builders[f.name]() if f.name in builders else _field(elements, f) for f in ELEMENT]
    return pa.StructArray.from_arrays(arrays, fields=list(ELEMENT))


def _field(elements: Sequence[Element], field: pa.Field) -> pa.Array:
    name = field.name
    if name in _TEXT_ONLY:
        return array_of([getattr(e, name) if type(e) is Text else None for e in elements], field.type)
    if name in _MEDIA_ONLY:
        return array_of([getattr(e, name) if isinstance(e, Media) else None for e in elements], field.type)
    if name == "phash":
        return array_of([e.phash if type(e) is Image else None for e in elements], field.type)
    return array_of([getattr(e, name) for e in elements], field.type)


def _read_elements(column: pa.StructArray) -> list[Element]:
    rows = len(column)
    values = {f.name: _values(_child(column, f.name), rows, _DEFAULTS.get(f.name)) for f in ELEMENT if f.name != "scores"}
    scores = _read_pairs(_child(column, "scores"), rows)
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
        "path": values["path"][n],
        "offset": values["offset"][n],
        "scores": scores,
    }
    kind = values["kind"][n]
    if kind == "text":
        return Text(**shared, text=values["text"][n], role=values["role"][n], of=values["of"][n])
    if kind not in _KINDS:
        raise ValueError(f"an element of the unknown kind {kind!r}")
    path = values["blob_path"][n]
    blob = (values["blob_offset"][n], values["blob_size"][n], values["blob_crc32"][n])
    shared["blob"] = Blob(path, *blob) if path is not None else None
    shared |= {name: values[name][n] for name in _MEDIA_ONLY}
    return Image(**shared, phash=values["phash"][n] or "") if kind == "image" else Clip(**shared)
