"""A row of a foreign format: where it is, and its fields read with the type they must have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Split
from interloom.schemas.document import Source
from interloom.stages._input.ids import document_id
from interloom.stages._input.surrogates import replace_surrogates

Row = Mapping[str, Any]
_MAX_NUMBER = 1 << 62
"""Larger numbers do not fit the 64-bit columns of our tables."""
_MAX_ERROR_CHARS = 300


@dataclass(frozen=True, slots=True)
class RowOrigin:
    """Where a row is: its split, and the byte offset of its line or its number in the Parquet file (-1 for the file)."""

    split: Split
    offset: int

    def document_id(self, url: str = "") -> str:
        """Returns the id of the row's document: a hash of its URL, the file's name and the offset."""
        return document_id(url, self.split.name, self.offset)

    def source(self, url: str, date: str = "") -> Source:
        """Returns the provenance of the row's document."""
        return Source(url=url, path=self.split.path, offset=self.offset, date=date)


def string_field(row: Row, name: str) -> str:
    """Returns the string in a field, encodable; "" if the field is missing or is not a string."""
    value = row.get(name)
    return replace_surrogates(value) if isinstance(value, str) else ""


def number_field(row: Row, name: str) -> int | None:
    """Returns the whole number in a field; None if the field is missing, is not a whole number, or is too large."""
    value = row.get(name)
    return value if isinstance(value, int) and abs(value) < _MAX_NUMBER else None


def list_field(row: Row, name: str) -> list[Any]:
    """Returns the list in a field. Raises DocumentError if the field is missing or is not a list."""
    value = row.get(name)
    if not isinstance(value, list):
        raise DocumentError(f"no list in field '{name}'")
    return value


def json_field(row: Row, name: str) -> object:
    """Returns the value of a field, parsed if it is JSON in a string. Raises DocumentError if the JSON is broken."""
    value = row.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"broken JSON in field '{name}': {error}"[:_MAX_ERROR_CHARS]) from error
