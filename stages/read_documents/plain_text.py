"""Plain text: a row has the field `text` and may have `url`, `id` and `date`."""

from __future__ import annotations

from collections.abc import Collection

from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Document, Text
from interloom.schemas.text_forms import visible_text
from interloom.stages._input.surrogates import replace_surrogates
from interloom.stages.read_documents.rows import Row, RowOrigin, string_field

COLUMNS: tuple[str, ...] = ("id", "url", "text", "date")


def matches(fields: Collection[str]) -> bool:
    """Returns whether rows with these fields have the format."""
    return "text" in fields


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts a row to a document of one Text.

    Raises DocumentError if the field `text` is not a string.
    """
    text = row.get("text")
    if not isinstance(text, str):
        raise DocumentError("no string in field 'text'")
    url = string_field(row, "url")
    elements = (Text(position=0, text=visible_text(replace_surrogates(text))),)
    return Document(id="", source=origin.source(url, string_field(row, "date")), elements=elements)
