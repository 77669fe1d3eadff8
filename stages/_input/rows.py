"""A row of a file: where it is, and its fields read with the type they must have."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Split
from interloom.schemas.document import SOURCE_ID, Document, Source
from interloom.schemas.outcome import Quarantined
from interloom.schemas.validity import problem
from interloom.stages._input.ids import document_id
from interloom.stages._input.surrogates import replace_surrogates

Row = Mapping[str, Any]
_MAX_ERROR_CHARS = 300


@dataclass(frozen=True, slots=True)
class RowOrigin:
    """Where a row is: its split, and the byte offset of its line or its number in the Parquet file (-1 for the file).

    `unit` is what the offset counts, for messages: "byte" or "row". With `keeps_ids` the ids that rows give are unique, because a
    run of ours wrote them, and stay. `media_root` is a folder below which paths in rows may lead, besides that of the file.
    """

    split: Split
    offset: int
    unit: str = "byte"
    keeps_ids: bool = False
    media_root: str = ""

    def at(self, offset: int) -> RowOrigin:
        """Returns the origin of the row at this offset of the same file."""
        return replace(self, offset=offset)

    def next(self, number: int) -> RowOrigin:
        """Returns the origin of the row that comes `number` rows later."""
        return self.at(self.offset + number)

    def named(self, doc: Document, given: str) -> Document:
        """Returns the document with its id, a hash of the file's name and the offset. The id that the row gives, which may not be
        unique, becomes the label `source_id`. Raises DocumentError if the document cannot be stored."""
        if self.keeps_ids and given:
            named = replace(doc, id=given)
        else:
            labels = {**doc.labels, SOURCE_ID: given} if given else doc.labels
            named = replace(doc, id=document_id(self.split.name, self.offset), labels=labels)
        wrong = problem(named)
        if wrong:
            raise DocumentError(wrong)
        return named

    def quarantined(self, error: str, given: str = "") -> Quarantined:
        """Returns why the row (or the file) is not read; `given` is the id that the row gives."""
        place = f"{self.unit} {self.offset}, {self.split.name}" if self.offset >= 0 else self.split.name
        message = f"{error[:_MAX_ERROR_CHARS]} ({place})"
        return Quarantined(document_id(self.split.name, self.offset), message, url=self.split.path, source_id=given)

    def source(self, url: str, date: str = "") -> Source:
        """Returns the provenance of the row's document."""
        return Source(url=url, path=self.split.path, offset=self.offset, date=date)


def string_field(row: Row, name: str) -> str:
    """Returns the string in a field, encodable; "" if the field is missing or is not a string."""
    value = row.get(name)
    return replace_surrogates(value) if isinstance(value, str) else ""


def given_id(value: object) -> str:
    """Returns the id that a row gives as a string; "" without one. Examples: 17 -> "17", None -> "", ["a"] -> ""."""
    return "" if value is None or isinstance(value, bool | bytes | list | dict) else replace_surrogates(str(value))


def number_field(row: Row, name: str, bits: int = 32) -> int | None:
    """Returns the whole number in a field; None if the field is missing, is not a whole number, is negative, or is too large.

    Parameters:
        row: The row.
        name: The name of the field.
        bits: Size of the column of our tables that the number is for. Default 32.
    """
    value = row.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << bits - 1 else None


def list_field(row: Row, name: str) -> list[Any]:
    """Returns the list in a field. Raises DocumentError if the field is missing or is not a list."""
    value = row.get(name)
    if not isinstance(value, list):
        raise DocumentError(f"no list in field '{name}'")
    return value


def mapping_field(row: Row, name: str) -> Row:
    """Returns the struct in a field, also if it is written as JSON; empty if there is none."""
    value = row.get(name)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, Mapping) else {}


def parallel_lists(row: Row, first: str, second: str, third: str) -> tuple[list[Any], list[Any], list[Any]]:
    """Returns three parallel lists; the third may be missing or shorter.

    Raises DocumentError if the first two are no lists, or differ in length.
    """
    texts, images, details = list_field(row, first), list_field(row, second), row.get(third)
    if len(texts) != len(images):
        raise DocumentError(f"'{first}' has {len(texts)} entries, but '{second}' has {len(images)}")
    known = details[: len(texts)] if isinstance(details, list) else []
    return texts, images, [*known, *[None] * (len(texts) - len(known))]


def json_field(row: Row, name: str) -> object:
    """Returns the value of a field, parsed if it is JSON in a string. Raises DocumentError if the JSON is broken."""
    value = row.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"broken JSON in field '{name}': {error}"[:_MAX_ERROR_CHARS]) from error


def value_at(row: Row, path: str) -> Any:
    """Returns the value at a dotted path, None if there is none. A field whose own name has the dots goes first. In a list of
    structs it is the list of their values.

    Examples: `{"meta": {"url": "u"}}` and "meta.url" -> "u"; `{"turns": [{"said": "a"}, {"said": "b"}]}` and "turns.said" ->
    ["a", "b"].
    """
    if path in row:
        return row[path]
    head, dot, rest = path.partition(".")
    inner = row.get(head) if dot else None
    if isinstance(inner, list):
        return [value_at(item, rest) for item in inner if isinstance(item, Mapping)] or None
    return value_at(inner, rest) if isinstance(inner, Mapping) else None


def float_field(row: Row, name: str) -> float | None:
    """Returns the number in a field as a float; None if the field is missing, is no number, or is not finite."""
    return as_score(row.get(name))


def as_score(value: object) -> float | None:
    """Returns a number as the float of a score; None for everything else, also for nan and what is too large."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def scores_of(row: Row, *names: str) -> dict[str, float]:
    """Returns the numbers in these fields, by name."""
    return {name: number for name in names if (number := float_field(row, name)) is not None}
