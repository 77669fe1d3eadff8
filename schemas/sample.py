"""Reads documents from the members of WebDataset samples, as `stages.write_webdataset` writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from interloom.schemas.document import Clip, Document, Element, Image, Source, Text

SAMPLE_VERSION = 1
"""The version of this form of a sample; it changes independently of the schema of tables."""
TEXTS, IMAGES, RECORD = "texts.json", "images.mp", "record.txt"
"""The members of a sample of the layout "flat"."""
_MEDIA: Mapping[str, type[Image] | type[Clip]] = {"image": Image, "clip": Clip}


def from_sample(members: Mapping[str, bytes]) -> Document:
    """Converts the members of a sample, by suffix, to the document. Raises ValueError if its schema is newer than ours."""
    record = json.loads(members["json"])
    if record["schema_version"] > SAMPLE_VERSION:
        raise ValueError(f"written by a newer version (schema {record['schema_version']}, this one reads {SAMPLE_VERSION})")
    elements = zip(record["elements"], record["texts"], strict=True)
    return Document(
        id=record["id"],
        source=Source(**record["source"]),
        elements=tuple(_element(element, text, members) for element, text in elements),
        scores=_floats(record["scores"]),
        labels=record["labels"],
        body=members.get("body.bin"),
    )


def unflattened(members: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Converts the members of a sample of the layout "flat" to those of "interleaved", where pictures are members of their own.
    Others are returned as they are. Without `images.mp`, which need not be read, elements have no pictures; clips never have."""
    if RECORD not in members:
        return members
    import msgpack

    pictures = [picture for picture in msgpack.unpackb(members.get(IMAGES, b"\x90")) if picture]
    contents = {str(picture["path"]): bytes(picture["bytes"]) for picture in pictures}
    record = json.loads(members[RECORD])
    elements = [{k: v for k, v in e.items() if k != "member" or v in contents} for e in record["elements"]]
    images = [element.get("member") for element in elements]
    record |= {"texts": json.loads(members[TEXTS]), "images": images, "elements": elements}
    return {"json": json.dumps(record).encode(), **contents}


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


def _floats(record: Mapping[str, Any]) -> dict[str, float]:
    """Returns numbers that were read from JSON as floats: `{"x": "nan", "y": 1}` -> `{"x": nan, "y": 1.0}`."""
    return {name: float(value) for name, value in record.items()}
