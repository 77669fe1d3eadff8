"""Samples as `stages.write_webdataset` writes them, with members that lie in the tar."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from interloom.schemas.document import Document, Element, Media, Text
from interloom.schemas.sample import IMAGES, RECORD, TEXTS, from_sample, unflattened
from interloom.stages._input.own_pair import with_caption
from interloom.stages._input.tar_members import TarMember

_BODY = "body.bin"


def is_ours(record: Mapping[str, Any]) -> bool:
    """Returns whether the JSON of a sample is one of ours."""
    return {"schema_version", "id", "labels", "scores", "source"} <= record.keys()


def is_flat(members: Mapping[str, TarMember]) -> bool:
    """Returns whether a sample has the members of the layout "flat"."""
    return members.keys() >= {RECORD, TEXTS, IMAGES}


def from_flat(members: Mapping[str, TarMember]) -> Document:
    """Returns the document of a sample of the layout "flat". Raises what a wrong value raises."""
    return from_sample(unflattened({name: member.data or b"" for name, member in members.items()}))


def to_document(record: Mapping[str, Any], members: Mapping[str, TarMember]) -> Document:
    """Returns the document of a sample of any other layout. Raises ValueError if its schema is newer than ours, and what a wrong
    value raises."""
    if "elements" in record:
        return _with_members(record, members)
    if "image" not in record:
        text = Text(position=0, text=_text(members))
        return replace(_with_members({**record, "elements": [], "texts": []}, members), elements=(text,))
    pair = _with_members({**record, "elements": [record["image"]], "texts": [None]}, members)
    return with_caption(pair, record["caption"], record["caption_from"], record.get("caption_position"))


def _with_members(record: Mapping[str, Any], members: Mapping[str, TarMember]) -> Document:
    names = [element.get("member") for element in record["elements"]]
    contents = {"json": json.dumps(record).encode(), **{name: b"" for name in names if name}}
    doc = from_sample(contents)
    elements = [_with_member(element, name, members) for element, name in zip(doc.elements, names, strict=True)]
    body = members.get(_BODY)
    return replace(doc, elements=tuple(elements), body=body.data if body else None)


def _with_member(element: Element, name: str | None, members: Mapping[str, TarMember]) -> Element:
    if not isinstance(element, Media):
        return element
    if not name:
        return replace(element, data=None, blob=None)
    return replace(element, data=members[name].data, blob=members[name].blob)


def _text(members: Mapping[str, TarMember]) -> str:
    return (members["txt"].data or b"").decode()
