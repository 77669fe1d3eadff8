"""Converts a document to the members of a WebDataset sample; `schemas/sample.py` reads them.

`<key>.json` holds everything except media. In it `texts` and `images` are parallel lists over the elements: `texts` holds the
text of a Text and null for other elements, `images` the suffix of an Image with bytes and null for other elements (the form that
Megatron-Energon documents for interleaved data). `elements` holds the other fields of each element that are not at their
default. Media are `<key>.<position>.<extension>`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from typing import Any
from urllib.parse import quote

from interloom.schemas.document import Clip, Document, Element, Image, Media, Text
from interloom.schemas.media_names import extension_of, media_name
from interloom.schemas.sample import SAMPLE_VERSION

_KIND_OF: Mapping[type[Element], str] = {Text: "text", Image: "image", Clip: "clip"}
_WRITTEN_ELSEWHERE = frozenset({"position", "text", "data", "blob"})
"""Fields that are written in another place of the sample, or not at all (`blob`)."""
_MAX_KEY_CHARACTERS = 72
"""Longest key that leaves room for the suffix in a tar name of 100 characters. Our choice."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample: its key, its members as (suffix, content) in order, and the number of images among them."""

    key: str
    members: tuple[tuple[str, bytes], ...]
    images: int


def key_of(id: str) -> str:
    """Returns the key of a document: its id, in which all but ASCII letters, digits, `_` and `-` is percent-encoded.

    `urllib.parse.unquote` returns the id again. Instead of an id that is too long for a tar name, the key is `~` and its
    SHA-256; the JSON always holds the id. Example: "a#1.2" -> "a%231%2E2".
    """
    key = quote(id, safe="", errors="surrogatepass").replace(".", "%2E").replace("~", "%7E")
    return key if len(key) <= _MAX_KEY_CHARACTERS else "~" + hashlib.sha256(key.encode()).hexdigest()


def to_sample(doc: Document) -> Sample:
    """Converts a document to a sample. References into the run (`blob`) are left out."""
    media = [e for e in doc.elements if isinstance(e, Media) and e.data is not None]
    members = [(media_name(e), e.data) for e in media if e.data is not None]
    if doc.body is not None:
        members.append(("body.bin", doc.body))
    return Sample(key_of(doc.id), (("json", to_json(_record(doc))), *members), sum(isinstance(e, Image) for e in media))


def document_facts(doc: Document) -> dict[str, Any]:
    """Returns the part of the JSON that is the same in every layout: id, source, labels, scores and schema version."""
    return {
        "id": doc.id,
        "source": _non_default_fields(doc.source),
        "labels": dict(doc.labels),
        "scores": _to_json_value(doc.scores),
        "schema_version": SAMPLE_VERSION,
    }


def to_json(record: Mapping[str, Any]) -> bytes:
    """Returns compact JSON in UTF-8 with sorted keys. A half of a surrogate pair, which UTF-8 cannot encode, is escaped."""
    text = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "backslashreplace")


def element_record(element: Element) -> dict[str, Any]:
    """Returns the kind, the position and the fields of an element that are not at their default, without text and bytes."""
    record = {"kind": _KIND_OF[type(element)], "position": element.position, **_non_default_fields(element)}
    return {**record, "member": media_name(element)} if isinstance(element, Media) and element.data is not None else record


def text_sample(doc: Document, text: str) -> Sample:
    """Converts a document to a sample of the layout "text", with this running text."""
    return Sample(key_of(doc.id), (("txt", _utf8(text)), ("json", to_json(document_facts(doc)))), 0)


def pair_sample(doc: Document, image: Image, text: str, text_facts: Mapping[str, Any]) -> Sample:
    """Converts an image of a document and its text to a sample of the layout "pairs".

    `text_facts` say where the text is from (`caption_from`) and, where each caption is a pair, its position (`caption_position`).
    The key is that of the document with the positions of the image and of the caption: "a_3", "a_3-4".
    """
    facts = {**document_facts(doc), "image": element_record(image), "caption": text, **text_facts}
    facts["image"]["member"] = extension_of(image.format)
    content = (facts["image"]["member"], image.data or b"")
    caption = text_facts.get("caption_position")
    key = f"{key_of(doc.id)}_{image.position}" + ("" if caption is None else f"-{caption}")
    return Sample(key, (content, ("txt", _utf8(text)), ("json", to_json(facts))), 1)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _record(doc: Document) -> dict[str, Any]:
    return {
        **document_facts(doc),
        "texts": [e.text if isinstance(e, Text) else None for e in doc.elements],
        "images": [media_name(e) if isinstance(e, Image) and e.data is not None else None for e in doc.elements],
        "elements": [element_record(e) for e in doc.elements],
    }


def _non_default_fields(element: Any) -> dict[str, Any]:
    return {f.name: _to_json_value(getattr(element, f.name)) for f in fields(element) if _is_written(f, getattr(element, f.name))}


def _is_written(field: Field[Any], value: object) -> bool:
    return field.name not in _WRITTEN_ELSEWHERE and value != field.default and value != {}


def _to_json_value(value: Any) -> Any:
    """Returns a value of a field as JSON can hold it; nan and infinities become strings: nan -> "nan"."""
    if isinstance(value, Mapping):
        return {name: _to_json_value(float(number)) for name, number in value.items()}
    if isinstance(value, tuple):
        return [_to_json_value(float(number)) for number in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
