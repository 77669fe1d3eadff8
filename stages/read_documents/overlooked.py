"""Rows of pictures whose text stands in a column that nobody named: refused, so that it does not become a label by accident."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa

from interloom.pipeline.errors import DocumentError
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.rows import Row, value_at
from interloom.stages.read_documents.named_fields import Field
from interloom.stages.read_documents.text_columns import hint

Names = Mapping[Field, str]


def has_no_text_column(kind: RowFormat, names: Names, fields: Collection[str]) -> bool:
    """Returns whether rows with these fields are of the format "text", but without a field of a text or caption."""
    return kind.names_files and {names.get("text", "text"), names.get("caption", "caption")}.isdisjoint(fields)


def refuse(kind: RowFormat, row: Row) -> None:
    """Raises DocumentError if a column that the format does not use looks like a text."""
    if problem := overlooked_text(kind, [row]):
        raise DocumentError(problem)


def refuse_cells(kind: RowFormat, rows: pa.Table, columns: Sequence[str]) -> None:
    """Raises DocumentError if one of these columns looks like a text in any row."""
    strings = [name for name in columns if name in rows.column_names and _is_string(rows[name].type)]
    for row in rows.select(strings).to_pylist() if strings else ():
        refuse(kind, row)


def overlooked_text(kind: RowFormat, rows: Sequence[Row]) -> str:
    """Returns why rows of pictures are not read: a column that the format does not use looks like a text. "" if none does."""
    others = [{name: value for name, value in row.items() if name not in kind.used} for row in rows]
    advice = hint(others)
    return (
        f"no field of a text or caption beside the images{advice}, or name the columns that are labels in `keep`"
        if advice
        else ""
    )


def captions_alone(kind: RowFormat, names: Names, columns: Collection[str], rows: Sequence[Row]) -> str:
    """Returns why rows are not read that have captions, but no field of a text or an image; "" if that is not so."""
    fields = {names.get("text", "text"), names.get("image", "image")}
    if not kind.names_files or not fields.isdisjoint(columns):
        return ""
    pair = "; `format: img2dataset` reads `url` and `caption` as a pair" if {"url", "caption"} <= set(columns) else ""
    others = [{name: value for name, value in row.items() if name not in kind.used} for row in rows]
    return f"no field of a text or an image beside the captions{hint(others)}{pair}"


def empty_text(names: Names, kind: RowFormat, rows: Sequence[Row]) -> str:
    """Returns a note if the field of the text is there, but empty in all rows, and another column looks like a text."""
    path = names.get("text", "text")
    if not kind.names_files or not any(path in row for row in rows) or any(value_at(row, path) for row in rows):
        return ""
    advice = hint([{name: value for name, value in row.items() if name not in kind.used} for row in rows])
    return f"the field '{path}' is empty in all of the first {len(rows)} rows{advice}" if advice else ""


def _is_string(kind: pa.DataType) -> bool:
    return any(check(kind) for check in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))
