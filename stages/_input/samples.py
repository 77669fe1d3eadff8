"""Samples as img2dataset, DataComp and others write them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from interloom.pipeline.errors import DocumentError
from interloom.schemas import document
from interloom.schemas.document import Clip, Document, Element, Image, Text
from interloom.stages._input.dates import iso_date
from interloom.stages._input.kept_columns import KeptColumns, with_facts
from interloom.stages._input.parallel import interleaved
from interloom.stages._input.pictures import IMAGE_FORMATS, format_of_name
from interloom.stages._input.rows import Row, RowOrigin, given_id, number_field, string_field, value_at
from interloom.stages._input.surrogates import replace_surrogates, text_of_file
from interloom.stages._input.tar_members import TarMember

_CLIP_FORMATS = ("mp4", "webm", "mkv", "mov", "avi", "mp3", "wav", "flac", "m4a", "ogg", "opus")
MEDIA_ENDINGS = tuple(f".{ending}" for ending in (*IMAGE_FORMATS, *_CLIP_FORMATS))
"""Endings of members that are not read but referred to."""
_TEXTS = ("txt", "text", "caption")
_CAPTIONS = ("caption", "text")
_IDS = ("uid", "key", "id", "__key__")
_USED = frozenset({"url", "page_url", "width", "height", "sha256", "texts", "images", "date", "license", *_CAPTIONS, *_IDS})
_LABELS = ("cls", "id", "lang")
"""Members with a word or number about the sample."""
_SHA256_DIGITS = 64


def record_of(members: Mapping[str, TarMember]) -> dict[str, Any]:
    """Returns the JSON of a sample, empty without one. Raises DocumentError if it is broken or no object."""
    member = members.get("json")
    if member is None:
        return {}
    try:
        record = json.loads(member.data or b"")
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"broken JSON: {error}") from error
    if not isinstance(record, dict):
        raise DocumentError("the JSON is not an object")
    return record


def to_document(
    members: Mapping[str, TarMember], record: Row, origin: RowOrigin, how: tuple[str, Sequence[str] | None]
) -> tuple[Document, str]:
    """Returns the document of a sample, and the id that its JSON gives.

    Raises DocumentError if there is neither a text nor a medium, or a text is not UTF-8.

    Parameters:
        members: The members by suffix.
        record: The JSON.
        origin: The place of the sample.
        how: The member or field that holds the text ("": the usual ones), and the fields that are kept (None: all).
    """
    caption, keep = how
    texts = _texts(members, record, caption)
    elements = tuple(_interleaved(members, record) or _in_a_row(members, record, texts))
    if not elements:
        raise DocumentError(f"neither text nor pictures; there is {', '.join(members)}")
    source = document.Source(
        url=string_field(record, "page_url"),
        path=origin.split.path,
        offset=origin.offset,
        date=iso_date(record.get("date")),
        licence=string_field(record, "license"),
    )
    used = _USED - (set() if caption else _unused_captions(record, texts)) - ({"date"} if not source.date else set())
    facts = KeptColumns(None if keep is None else tuple(keep), used | {caption}).facts_of(record)
    words = {name: _decoded(member, name).strip() for name in _LABELS if (member := members.get(name)) and member.data}
    given = next((id_ for name in _IDS if (id_ := given_id(record.get(name)))), "")
    return with_facts(with_facts(Document(id="", source=source, elements=elements), facts), (words, {})), given


def caption_field(rows: Sequence[Row]) -> str:
    """Returns the usual field that holds the caption in rows."""
    return next((name for name in _CAPTIONS if any(caption_texts(row.get(name)) for row in rows)), _CAPTIONS[0])


def caption_texts(value: object) -> list[str]:
    """Returns the texts of a field: a string, or those of a list of strings, as of pictures with several captions; else none."""
    values = value if isinstance(value, list) else [value]
    texts = [text for text in values if isinstance(text, str)]
    return [text for text in texts if text.strip()] if len(texts) == len(values) else []


def _texts(members: Mapping[str, TarMember], record: Row, caption: str) -> list[str]:
    names = [caption] if caption else _TEXTS
    name = next((name for name in names if name in members), None)
    if name is not None:
        return [_decoded(members[name], name)]
    fields = [caption] if caption else _CAPTIONS
    return next((texts for name in fields if (texts := caption_texts(value_at(record, name)))), [])


def _unused_captions(record: Row, texts: Sequence[str]) -> set[str]:
    """The usual fields of the text that hold another one."""
    return {name for name in _CAPTIONS if isinstance(record.get(name), str) and [record[name]] != texts}


def _decoded(member: TarMember, name: str) -> str:
    """The text of a member, without a byte order mark. Raises DocumentError if it is not UTF-8."""
    try:
        return (member.data or b"").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError(f"not UTF-8: '{name}': {error}") from error


def _media(members: Mapping[str, TarMember]) -> Iterator[tuple[str, TarMember]]:
    return ((suffix, member) for suffix, member in members.items() if f".{suffix}".endswith(MEDIA_ENDINGS))


def _in_a_row(members: Mapping[str, TarMember], record: Row, texts: Sequence[str]) -> Iterator[Element]:
    """Yields the media in the order of the tar, then the texts; beside a single picture they are the picture's."""
    media = list(_media(members))
    about = record if len(media) == 1 else {}
    for position, (suffix, member) in enumerate(media):
        yield _medium(position, suffix, member, about)
    role, of = ("caption", 0) if len(media) == 1 else ("paragraph", None)
    for position, text in enumerate((text for text in texts if text.strip()), len(media)):
        yield Text(position=position, text=text_of_file(text), role=role, of=of)


def _interleaved(members: Mapping[str, TarMember], record: Row) -> list[Element]:
    """The elements that the parallel lists `texts` and `images` of the JSON give, then the media that they do not name; none
    without the lists."""
    texts, images = record.get("texts"), record.get("images")
    if not isinstance(texts, list) or not isinstance(images, list):
        return []
    if len(texts) != len(images):
        raise DocumentError(f"'texts' has {len(texts)} entries, but 'images' has {len(images)}")
    elements, rest = list[Element](), dict(_media(members))

    def named(name: object, number: int, position: int) -> Element:
        if not isinstance(name, str):
            raise DocumentError(f"entry {number} of 'images' is no string but {type(name).__name__}")
        suffix = _suffix_of(name, members)
        rest.pop(suffix, None)
        url = Image(position=position, url=replace_surrogates(name))
        return _medium(position, suffix, members[suffix], {}) if suffix else url

    elements += interleaved(texts, images, named)
    free = max(len(texts), elements[-1].position + 1 if elements else 0)
    elements += (_medium(position, suffix, member, {}) for position, (suffix, member) in enumerate(rest.items(), free))
    return elements


def _suffix_of(name: str, members: Mapping[str, TarMember]) -> str:
    """The suffix of the member that a list names by it, or by its whole name ("0.jpg", "000123.0.jpg"); "" if there is none. The
    names of URLs say nothing about members."""
    whole = "" if "://" in name else name.rpartition("/")[2].partition(".")[2]
    names = (name.lower(), whole.lower())
    return next((suffix for suffix in names if suffix in members), "")


def _medium(position: int, suffix: str, member: TarMember, about: Row) -> Image | Clip:
    ending = suffix.rpartition(".")[2]
    facts: dict[str, Any] = {"url": string_field(about, "url"), "data": member.data, "blob": member.blob}
    if ending in _CLIP_FORMATS:
        return Clip(position=position, format=ending, **facts)
    sha256 = string_field(about, "sha256").lower()
    return Image(
        position=position,
        format=format_of_name(suffix),
        width=number_field(about, "width"),
        height=number_field(about, "height"),
        sha256=sha256 if len(sha256) == _SHA256_DIGITS else "",
        **facts,
    )
