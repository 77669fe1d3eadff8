"""A document as the members of a WebDataset sample, and back.

`<key>.json` holds everything but the media: `texts` and `images` are parallel lists over the elements, null where an element
is not one (an image that has bytes stands there by its suffix, the form Megatron-Energon documents for interleaved data);
`elements` holds each element's other fields, those at their default left out. Media are `<key>.<position>.<extension>`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from typing import Any
from urllib.parse import quote

from interloom.schemas.document import Clip, Document, Element, Image, Media, Source, Text
from interloom.schemas.table import SCHEMA_VERSION

_MEDIA: Mapping[str, type[Image] | type[Clip]] = {"image": Image, "clip": Clip}
_KIND_OF: Mapping[type[Element], str] = {Text: "text", Image: "image", Clip: "clip"}
_APART = frozenset({"position", "text", "data", "blob"})
_LONGEST_KEY = 72

# Readers decode a member by its extension, some of them by unpickling; a format that a page claims must not choose that.
_EXTENSIONS: Mapping[str, str] = {
    **{name: name for name in ("avif", "bmp", "gif", "heic", "heif", "ico", "jp2", "jpg", "jxl", "png", "svg", "tif", "webp")},
    **{name: name for name in ("flac", "m4a", "mkv", "mov", "mp3", "mp4", "ogg", "opus", "wav", "webm")},
    "jpeg": "jpg",
    "mpo": "jpg",
    "tiff": "tif",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """What a tar holds under one key: (suffix, content) in order, and how many of them are images."""

    key: str
    members: tuple[tuple[str, bytes], ...]
    images: int


def key_of(id: str) -> str:
    """The id with all but ASCII letters, digits, `_` and `-` percent-encoded: `urllib.parse.unquote` gives the id back.

    An id too long for a tar name becomes `~` and its SHA-256; the JSON holds the id in any case.
    """
    key = quote(id, safe="", errors="surrogatepass").replace(".", "%2E").replace("~", "%7E")
    return key if len(key) <= _LONGEST_KEY else "~" + hashlib.sha256(key.encode()).hexdigest()


def extension_of(format: str) -> str:
    """The file name extension of a media format; `bin` for one we do not know."""
    return _EXTENSIONS.get(format.lower(), "bin")


def to_sample(doc: Document) -> Sample:
    """All of the document but its references into the run (`blob`)."""
    media = [e for e in doc.elements if isinstance(e, Media) and e.data is not None]
    members = [(_suffix(e), e.data) for e in media if e.data is not None]
    if doc.body is not None:
        members.append(("body.bin", doc.body))
    return Sample(key_of(doc.id), (("json", to_json(_record(doc))), *members), sum(isinstance(e, Image) for e in media))


def from_sample(members: Mapping[str, bytes]) -> Document:
    """The document of these members, by suffix. Raises ValueError for a newer schema."""
    record = json.loads(members["json"])
    if record["schema_version"] > SCHEMA_VERSION:
        raise ValueError(f"written by a newer version (schema {record['schema_version']}, this one reads {SCHEMA_VERSION})")
    elements = zip(record["elements"], record["texts"], strict=True)
    return Document(
        id=record["id"],
        source=Source(**record["source"]),
        elements=tuple(_element(element, text, members) for element, text in elements),
        scores=_floats(record["scores"]),
        labels=record["labels"],
        body=members.get("body.bin"),
    )


def about(doc: Document) -> dict[str, Any]:
    """What every layout says of a document besides its content."""
    return {
        "id": doc.id,
        "source": _changed(doc.source),
        "labels": dict(doc.labels),
        "scores": _plain(doc.scores),
        "schema_version": SCHEMA_VERSION,
    }


def to_json(record: Mapping[str, Any]) -> bytes:
    """Compact UTF-8 with sorted keys; half of a surrogate pair, which UTF-8 cannot hold, is written as its JSON escape."""
    text = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "backslashreplace")


def element_record(element: Element) -> dict[str, Any]:
    """The element's fields that are not at their default, without its text and bytes."""
    record = {"kind": _KIND_OF[type(element)], "position": element.position, **_changed(element)}
    return {**record, "member": _suffix(element)} if isinstance(element, Media) and element.data is not None else record


def _record(doc: Document) -> dict[str, Any]:
    has_bytes = [isinstance(e, Image) and e.data is not None for e in doc.elements]
    return {
        **about(doc),
        "texts": [e.text if isinstance(e, Text) else None for e in doc.elements],
        "images": [_suffix(e) if has and isinstance(e, Image) else None for e, has in zip(doc.elements, has_bytes, strict=True)],
        "elements": [element_record(e) for e in doc.elements],
    }


def _suffix(media: Media) -> str:
    return f"{media.position}.{extension_of(media.format)}"


def _element(record: dict[str, Any], text: str | None, members: Mapping[str, bytes]) -> Element:
    values = {**record, "scores": _floats(record.get("scores", {}))}
    kind = values.pop("kind")
    member = values.pop("member", None)
    values |= {name: float(values[name]) for name in ("start_s", "end_s") if name in values}
    if "bbox" in values:
        values["bbox"] = tuple(float(value) for value in values["bbox"])
    if kind == "text":
        return Text(**values, text=text or "")
    return _MEDIA[kind](**values, data=members[member] if member else None)


def _changed(thing: Any) -> dict[str, Any]:
    return {f.name: _plain(getattr(thing, f.name)) for f in fields(thing) if _is_told(f, getattr(thing, f.name))}


def _is_told(field: Field[Any], value: object) -> bool:
    return field.name not in _APART and value != field.default and value != {}


def _plain(value: Any) -> Any:
    """As JSON can hold it; numbers that it cannot (nan, inf) as their name."""
    if isinstance(value, Mapping):
        return {name: _plain(float(number)) for name, number in value.items()}
    if isinstance(value, tuple):
        return [_plain(float(number)) for number in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _floats(record: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in record.items()}
