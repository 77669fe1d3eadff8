"""The samples of a document in each layout.

In the layout "flat" all samples have the same members, because Hugging Face `datasets` takes the columns from the first
samples: `texts.json` and `images.mp` (MessagePack) are parallel lists over the elements, of the text of each Text and of
`bytes` and `path` of each Image with bytes, null at gaps; `record.txt` is the JSON of the layout "interleaved" without
`texts` and `images`, as a string, because `datasets` gives each field of JSON one type. Clips are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

from interloom.schemas.document import Document, Element, Image
from interloom.schemas.media_names import extension_of, media_name
from interloom.schemas.sample import IMAGES, RECORD, TEXTS
from interloom.stages._export.pairs import Pair, pairs, running_text
from interloom.stages._export.sample import Sample, document_facts, element_record, key_of, to_json, to_sample

Layout = Literal["interleaved", "pairs", "text", "flat"]


def samples(doc: Document, layout: Layout) -> Iterator[Sample]:
    """Yields the samples of a document in a layout."""
    if layout == "interleaved":
        yield to_sample(doc)
    elif layout == "flat":
        yield _flat_sample(doc)
    elif layout == "text":
        yield Sample(key_of(doc.id), (("txt", _utf8(running_text(doc))), ("json", to_json(document_facts(doc)))), 0)
    else:
        yield from (_pair_sample(doc, pair) for pair in pairs(doc))


def _pair_sample(doc: Document, pair: Pair) -> Sample:
    image = pair.image
    facts = {**document_facts(doc), "image": element_record(image), "caption": pair.text, "caption_from": pair.origin}
    facts["image"]["member"] = extension_of(image.format)
    content = (facts["image"]["member"], image.data or b"")
    return Sample(f"{key_of(doc.id)}_{image.position}", (content, ("txt", _utf8(pair.text)), ("json", to_json(facts))), 1)


def _flat_sample(doc: Document) -> Sample:
    import msgpack

    record: dict[str, Any] = json.loads(dict(to_sample(doc).members)["json"])
    texts = json.dumps(record.pop("texts")).encode()
    del record["images"]
    images = [_picture(element) for element in doc.elements]
    members = ((TEXTS, texts), (IMAGES, msgpack.packb(images)), (RECORD, to_json(record)))
    return Sample(key_of(doc.id), members, sum(image is not None for image in images))


def _picture(element: Element) -> dict[str, Any] | None:
    if not isinstance(element, Image) or element.data is None:
        return None
    return {"bytes": element.data, "path": media_name(element)}


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")
