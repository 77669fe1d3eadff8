"""Our own Parquet, as others may have changed it: its columns are cast to our schema before they are read."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from interloom.pipeline.errors import DocumentError
from interloom.schemas.columns import ELEMENT, SCHEMA, SOURCE
from interloom.schemas.document import Document
from interloom.schemas.media_table import MEDIA_2, MEDIA_SCHEMA, from_media_table
from interloom.schemas.table import check_version
from interloom.stages._input.rows import RowOrigin
from interloom.stages.read_documents.parquet import Format, is_list

_MAX_TYPE_CHARS = 60
_MEDIA_1 = pa.list_(pa.struct([("position", pa.int32()), ("data", pa.large_binary())]))
"""The column `media` of schema 1: an entry for each element."""

_TYPES = {
    **{field.name: field.type for field in MEDIA_SCHEMA},
    "elements": SCHEMA.field("elements").type,  # up to schema 2 with their texts
    "media": MEDIA_2,
}
"""The columns of all schemas and their types."""


def is_ours(schema: pa.Schema) -> bool:
    """Returns whether a file has documents as we write them: `elements` with kinds and positions."""
    index = schema.get_field_index("elements")
    kind = schema.field(index).type if index >= 0 else None
    fields = _fields(kind.value_type) if kind is not None and is_list(kind) else {}
    return {"kind", "position"} <= fields.keys()


def own_format(schema: pa.Schema) -> Format:
    """Returns the format of a file of our own with this schema.

    Raises DocumentError if it is of a newer version, or a column has another type that cannot be cast.
    """
    if not is_ours(schema):
        raise DocumentError("no column 'elements' with kinds and positions")
    try:
        check_version(schema)
    except ValueError as error:
        raise DocumentError(str(error)) from error
    targets = {name: _target(name, schema.field(name).type) for name in _TYPES if name in schema.names}
    for name, target in targets.items():
        _refuse_if_not_castable(name, schema.field(name).type, target)
    parts = {"elements": ELEMENT, "source": SOURCE}
    columns = [f"{name}.{field.name}" for name, kind in parts.items() for field in kind]
    columns += [name for name in _TYPES if name not in parts]
    return Format(columns, lambda rows, origin: _convert(rows.replace_schema_metadata(schema.metadata), targets, origin))


def _convert(rows: pa.Table, targets: dict[str, pa.DataType], first: RowOrigin) -> Sequence[Document]:
    """The documents of rows. Raises what a wrong cell raises."""
    for name, target in targets.items():
        if rows[name].type != target:
            rows = rows.set_column(rows.column_names.index(name), name, rows[name].cast(target))
    if rows["elements"].null_count:
        raise DocumentError("no list in column 'elements'")
    if "id" not in targets:
        rows = rows.append_column("id", pa.nulls(rows.num_rows, pa.string()))
    return [first.next(n).named(doc, doc.id) for n, doc in enumerate(from_media_table(rows))]


def _refuse_if_not_castable(name: str, actual: pa.DataType, target: pa.DataType) -> None:
    try:
        pa.array([], actual).cast(target)
    except (pa.ArrowException, TypeError) as error:
        raise DocumentError(f"column '{name}' is {_shown(actual)}, which cannot become {_shown(target)}") from error


def _shown(kind: pa.DataType) -> str:
    return str(kind)[:_MAX_TYPE_CHARS]


def _target(name: str, actual: pa.DataType) -> pa.DataType:
    """The type to which a column is cast: ours, without the fields that the file does not have."""
    if name == "media" and is_list(actual) and "position" in _fields(actual.value_type):
        return _restricted(_MEDIA_1, actual)
    return _restricted(_TYPES[name], actual)


def _restricted(wanted: pa.DataType, actual: pa.DataType) -> pa.DataType:
    if pa.types.is_map(actual) and is_list(wanted):  # scores and labels of schema 1
        return pa.map_(pa.string(), wanted.value_type.field("value").type)
    if is_list(wanted) and is_list(actual):
        make = pa.large_list if pa.types.is_large_list(wanted) else pa.list_
        return make(_restricted(wanted.value_type, actual.value_type))
    if pa.types.is_struct(wanted) and pa.types.is_struct(actual):
        fields = _fields(actual)
        return pa.struct([(f.name, _restricted(f.type, fields[f.name])) for f in wanted if f.name in fields])
    return wanted


def _fields(kind: pa.DataType) -> dict[str, pa.DataType]:
    return {field.name: field.type for field in kind} if pa.types.is_struct(kind) else {}
