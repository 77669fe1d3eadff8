"""Plain text: a row has the field `text` and may have `url`, `id` and `date`."""

from __future__ import annotations

from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Document, Text
from interloom.stages._input.surrogates import replace_surrogates
from interloom.stages.read_documents.rows import Row, RowOrigin, string_field


def matches(row: Row) -> bool:
    """Returns whether the row has a field `text`."""
    return "text" in row


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts a row to a document of one Text. Without the field `id` the document gets an id from its origin.

    Raises DocumentError if the field `text` is not a string.
    """
    text = row.get("text")
    if not isinstance(text, str):
        raise DocumentError("no string in field 'text'")
    url = string_field(row, "url")
    doc_id = replace_surrogates(str(row["id"])) if row.get("id") else origin.document_id(url)
    elements = (Text(position=0, text=replace_surrogates(text)),)
    return Document(id=doc_id, source=origin.source(url, string_field(row, "date")), elements=elements)
