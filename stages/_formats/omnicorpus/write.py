"""Writes documents as OmniCorpus-CC-210M (arXiv 2406.08418) publishes them: texts, URLs of images and their measures in
parallel.

It has no place for the bytes of images, alt texts, scores of other names, labels, roles and origins of texts, times, the
id in the input (`id` is that of the document), and images without a URL. `d_hash` is empty, because no step computes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from interloom.pipeline.card_parts import CardParts
from interloom.schemas.document import Document, Image, Text
from interloom.stages._formats.row_export import Row, RowExport, score

_PROBABILITIES = ("fluency_prob", "non_advertisement_prob", "politics_prob", "porn_prob", "toxic_prob")
_GENERAL = pa.struct(
    [
        ("domain", pa.list_(pa.string())),
        ("fluency_prob", pa.float64()),
        ("id", pa.string()),
        *((name, pa.float64()) for name in _PROBABILITIES[1:]),
        ("url", pa.string()),
    ]
)
_MEASURES = pa.struct(
    [
        ("aesthetic_prob", pa.float64()),
        ("bytes", pa.int64()),
        ("d_hash", pa.string()),
        ("d_hash_dup_count", pa.int64()),
        ("height", pa.int64()),
        ("img_url_sha", pa.string()),
        ("p_hash", pa.string()),
        ("p_hash_dup_count", pa.int64()),
        ("unsafe_prob", pa.float64()),
        ("width", pa.int64()),
    ]
)
_SCHEMA = pa.schema(
    [
        ("general_metadata", _GENERAL),
        ("images", pa.list_(pa.string())),
        ("texts", pa.list_(pa.string())),
        ("metadata", pa.list_(_MEASURES)),
    ]
)


def _rows(doc: Document) -> Iterator[Row]:
    parts = [element for element in doc.elements if isinstance(element, Text) or (isinstance(element, Image) and element.url)]
    yield {
        "general_metadata": {
            "domain": _domain(doc),
            "id": doc.id,
            "url": doc.source.url,
            **{name: score(doc.scores, name) for name in _PROBABILITIES},
        },
        "images": [part.url if isinstance(part, Image) else None for part in parts],
        "texts": [part.text if isinstance(part, Text) else None for part in parts],
        "metadata": [_measures(part) if isinstance(part, Image) else None for part in parts],
    }


def _domain(doc: Document) -> list[str]:
    """The label `domain`, a list in JSON; without one the host of the URL."""
    try:
        domain = json.loads(doc.labels.get("domain", "null"))
    except ValueError:
        domain = None
    if isinstance(domain, list):
        return [str(name) for name in domain]
    host = urlsplit(doc.source.url).hostname if "[" not in doc.source.url else None
    return [host] if host else []


def _measures(image: Image) -> dict[str, Any]:
    size = score(image.scores, "bytes")
    return {
        "aesthetic_prob": score(image.scores, "aesthetic_prob", "aesthetic"),
        "bytes": _whole(size) if size is not None or image.data is None else len(image.data),
        "d_hash": "",
        "d_hash_dup_count": _whole(score(image.scores, "d_hash_dup_count")),
        "height": image.height,
        "img_url_sha": hashlib.sha256(image.url.encode("utf-8", "replace")).hexdigest(),
        "p_hash": image.phash,
        "p_hash_dup_count": _whole(score(image.scores, "p_hash_dup_count")),
        "unsafe_prob": score(image.scores, "unsafe_prob"),
        "width": image.width,
    }


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


_ABOUT = CardParts(
    kind="interleaved",
    columns={
        "general_metadata": "id, URL, domain and probabilities of the document",
        "images": "URLs of the images in order, null where a text stands",
        "texts": "the texts in order, null where an image stands",
        "metadata": "measures of each image, null where a text stands",
    },
    url_in="`general_metadata.url` or `images`",
)
EXPORT = RowExport(schema=_SCHEMA, to_rows=_rows, about=_ABOUT)
