"""The samples of a document in each layout.

In the layout "flat" all samples have the same members, because Hugging Face `datasets` takes the columns from the first
samples: `texts.json` and `images.mp` (MessagePack) are parallel lists over the elements, of the text of each Text and of
`bytes` and `path` of each Image with bytes, null at gaps; `record.txt` is the JSON of the layout "interleaved" without
`texts` and `images`, as a string, because `datasets` gives each field of JSON one type. Clips are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from interloom.schemas.document import Document, Element, Image
from interloom.schemas.media_names import media_name
from interloom.schemas.sample import IMAGES, RECORD, TEXTS
from interloom.schemas.sample_members import Sample, key_of, pair_sample, text_sample, to_json, to_sample
from interloom.stages._export.pairs import Captions, pairs, running_text

Layout = Literal["interleaved", "pairs", "text", "flat"]


def samples(doc: Document, layout: Layout, captions: Captions = "joined") -> Iterator[Sample]:
    """Yields the samples of a document in a layout; an image that is in several pairs counts in the first one."""
    if layout == "interleaved":
        yield to_sample(doc)
    elif layout == "flat":
        yield _flat_sample(doc)
    elif layout == "text":
        yield text_sample(doc, running_text(doc))
    else:
        for pair in pairs(doc, captions):
            yield replace(pair_sample(doc, pair.image, pair.text, pair.text_facts(captions)), images=int(not pair.again))


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
