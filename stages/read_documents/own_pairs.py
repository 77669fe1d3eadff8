"""Our own Parquet of the layouts "pairs" and "text"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from interloom.schemas import document
from interloom.schemas.columns import VERSION_KEY
from interloom.schemas.document import Document, Image, Text
from interloom.stages._input.own_pair import with_caption
from interloom.stages._input.rows import Row, RowOrigin
from interloom.stages.read_documents.parquet import Format

_PAIRS = frozenset({"id", "position", "image", "caption", "caption_from", "document_scores"})
_TEXTS = frozenset({"id", "source", "labels", "scores", "text"})
_IMAGE = ("format", "width", "height", "sha256", "phash", "url", "alt", "opt_out")


def own_pairs_format(schema: pa.Schema) -> Format | None:
    """Returns the format of a file of ours with pairs or texts; None for any other file."""
    if VERSION_KEY not in (schema.metadata or {}):
        return None
    names = set(schema.names)
    convert = _pair if names >= _PAIRS else _text if names >= _TEXTS and "elements" not in names else None
    if convert is None:
        return None

    def documents(rows: pa.Table, first: RowOrigin) -> Sequence[Document]:
        return [first.next(n).named(doc := convert(row), doc.id) for n, row in enumerate(rows.to_pylist())]

    return Format(schema.names, documents)


def _pair(row: Row) -> Document:
    """The image and its caption, with the id that `stages.split_pairs` would give them."""
    cell = row["image"]
    data = cell.get("bytes") if isinstance(cell, Mapping) else cell
    values = {name: row[name] for name in _IMAGE if row.get(name) is not None}
    image = Image(position=row["position"], data=data, scores=_mapping(row["scores"]), **values)
    source = _source(row.get("source") or {"url": row.get("page_url"), "licence": row.get("licence")})
    labels, scores = _mapping(row["labels"]), _mapping(row["document_scores"])
    bare = Document(id=row["id"], source=source, elements=(image,), labels=labels, scores=scores)
    return with_caption(bare, row["caption"], row["caption_from"], row.get("caption_position"))


def _text(row: Row) -> Document:
    source = _source(row["source"])
    elements = (Text(position=0, text=row["text"]),)
    labels, scores = _mapping(row["labels"]), _mapping(row["scores"])
    return Document(id=row["id"], source=source, elements=elements, labels=labels, scores=scores)


def _source(values: Row) -> document.Source:
    return document.Source(**{name: value for name, value in values.items() if value is not None})


def _mapping(pairs: Iterable[Any] | None) -> dict[str, Any]:
    """Pairs of name and value, or the entries of a map of schema 1, as a mapping."""
    return dict((pair["name"], pair["value"]) if isinstance(pair, Mapping) else pair for pair in pairs or ())
