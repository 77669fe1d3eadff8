"""The columns of a row that its format does not use: strings become labels of the document, numbers its scores."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID

import pyarrow as pa

from interloom.schemas.document import Document
from interloom.stages._input.rows import Row, as_score, value_at
from interloom.stages._input.surrogates import replace_surrogates

MOST_CHARACTERS = 1000
"""Longer strings are kept only if the recipe names their column: they are rather texts than labels. Our choice."""
_LONGEST_WHOLE_NUMBER = 18
"""Characters of whole numbers that fit 64 bits."""
_NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
"""A number as text. With leading zeros it is rather a code."""
Facts = tuple[dict[str, str], dict[str, float]]
"""Labels and scores."""


@dataclass(frozen=True, slots=True)
class KeptColumns:
    """Which columns are kept: those of these `names` (dotted paths), or with None all whose values are neither lists nor structs,
    without those that the format uses."""

    names: tuple[str, ...] | None
    used: frozenset[str]
    written: bool = False
    """Numbers are written as text, as in CSV."""

    def with_facts_of(self, row: Row, doc: Document) -> Document:
        """Returns the document with the labels and scores of a row. What the format gives goes before."""
        return with_facts(doc, self.facts_of(row))

    def facts_of(self, row: Row) -> Facts:
        """Returns the labels and scores that a row gives."""
        names = self.names if self.names is not None else [name for name in row if name not in self.used]
        return self._facts({name: value_at(row, name) for name in names})

    def in_schema(self, schema: pa.Schema) -> list[str]:
        """Returns the columns of a table with this schema that are kept."""
        if self.names is not None:
            return list(self.names)
        return [field.name for field in schema if field.name not in self.used and _is_scalar(field.type)]

    def of_table(self, rows: pa.Table, columns: Sequence[str]) -> list[Facts]:
        """Returns the labels and scores of each row. A cell that cannot be read, such as a date beyond all calendars, is none."""
        cells = {name: _column(rows, name) for name in columns}
        return [
            self._facts({name: values[n] for name, values in cells.items() if values is not None}) for n in range(rows.num_rows)
        ]

    def _facts(self, values: Mapping[str, object]) -> Facts:
        labels: dict[str, str] = {}
        scores: dict[str, float] = {}
        for name, value in values.items():
            value = parsed(value) if self.written else value
            number, label = as_score(value), _label(value)
            if number is not None:
                scores[replace_surrogates(name)] = number
            elif label and (self.names is not None or len(label) <= MOST_CHARACTERS):
                labels[replace_surrogates(name)] = label
        return labels, scores


def parsed(value: object) -> object:
    """Returns the number that a string is, or else the value: "3" -> 3, "1e3" -> 1000.0, "007" -> "007"."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return value
    return int(value) if value.lstrip("+-").isdigit() and len(value) <= _LONGEST_WHOLE_NUMBER else float(value)


def with_facts(doc: Document, facts: Facts) -> Document:
    """Returns the document with these labels and scores beside its own."""
    labels, scores = facts
    return replace(doc, labels={**labels, **doc.labels}, scores={**scores, **doc.scores}) if labels or scores else doc


def _label(value: object) -> str:
    """The label for a value: True -> "true", a date in ISO 8601; "" for lists, structs, bytes, and numbers that are none."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return str(value)[:MOST_CHARACTERS] if isinstance(value, int | Decimal) else ""


def is_uuid(kind: pa.DataType) -> bool:
    """Returns whether the values of a type are UUIDs."""
    return isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.uuid"


def _is_scalar(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        return is_uuid(kind) or _is_scalar(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _is_scalar(kind.value_type)
    return not (pa.types.is_nested(kind) or _is_binary(kind) or pa.types.is_null(kind))


def _is_binary(kind: pa.DataType) -> bool:
    checks = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return any(check(kind) for check in checks)


def _column(rows: pa.Table, path: str) -> list[object] | None:
    """The values of a column as numbers, truth values and strings; None if there is no such column, or it holds no scalars."""
    name, _, rest = (path, "", "") if path in rows.column_names else path.partition(".")
    if name not in rows.column_names:
        return None
    if rest:
        return [value_at(value, rest) if isinstance(value, Mapping) else None for value in rows[name].to_pylist()]
    return _scalars(rows[name]) if _is_scalar(rows[name].type) else None


def _scalars(column: pa.ChunkedArray) -> list[object]:
    """The values of a column, without what Python cannot hold: text that is not UTF-8 has U+FFFD; dates and UUIDs are text."""
    if is_uuid(column.type):
        return [None if value is None else str(value) for value in column.to_pylist()]
    if isinstance(column.type, pa.BaseExtensionType):
        column = column.cast(column.type.storage_type)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = column.cast(pa.large_binary())
    elif not (pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        column = column.cast(pa.string())
    values: list[object] = column.to_pylist()
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]
