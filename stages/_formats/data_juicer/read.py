"""Data-Juicer (arXiv 2309.02033): a text with tokens for images, videos and sounds, and lists of their files.

Each piece of text between tokens is a Text. Numbers of `__dj__stats__` become scores, strings of `meta` labels,
and `image_urls` of `meta` URLs of images.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from interloom.pipeline.contents import IMAGE_BYTES, IMAGE_FORMAT, IMAGES, TEXT, VIDEO
from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Clip, Document, Element, Image, Text
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.dates import date_label, iso_date
from interloom.stages._input.pictures import to_clip, to_image
from interloom.stages._input.rows import Row, RowOrigin, mapping_field, scores_of, string_field
from interloom.stages._input.surrogates import replace_surrogates, text_of_file

_TOKEN = re.compile(r"(<__dj__image>|<__dj__video>|<__dj__audio>|<\|__dj__eoc\|>)")
_LISTS = {"<__dj__image>": "images", "<__dj__video>": "videos", "<__dj__audio>": "audios"}


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts a row to a document. Raises DocumentError if `text` is no string, or there are more tokens than files."""
    text = row.get("text")
    if not isinstance(text, str):
        raise DocumentError("no string in field 'text'")
    meta, stats = mapping_field(row, "meta"), mapping_field(row, "__dj__stats__")
    known = {
        replace_surrogates(name): replace_surrogates(value)
        for name, value in meta.items()
        if isinstance(value, str) and value and name not in ("url", "date")
    }
    date = meta.get("date")
    known |= {"date": replace_surrogates(unread)} if (unread := date_label(date)) else {}
    return Document(
        id="",
        source=origin.source(string_field(meta, "url"), iso_date(date)),
        elements=tuple(_with_urls(_elements(text, row, origin), meta.get("image_urls"))),
        labels=known,
        scores=scores_of(stats, *stats),
    )


def _elements(text: str, row: Row, origin: RowOrigin) -> Iterator[Element]:
    """Yields texts and media in order; media without a token of their own stand at the end."""
    waiting = {token: iter(_names(row, name)) for token, name in _LISTS.items()}
    position = 0
    for piece in _TOKEN.split(text):
        if piece in waiting:
            name = next(waiting[piece], None)
            if name is None:
                raise DocumentError(f"more tokens {piece} than entries in '{_LISTS[piece]}'")
            yield _medium(piece, name, position, origin)
        elif piece.strip() and not _TOKEN.fullmatch(piece):
            yield Text(position=position, text=text_of_file(piece.strip()))
        else:
            continue
        position += 1
    for token, names in waiting.items():
        for name in names:
            yield _medium(token, name, position, origin)
            position += 1


def _with_urls(elements: Iterable[Element], urls: object) -> Iterator[Element]:
    """Yields the elements; images in order have the URLs that `stages.write_documents` lists."""
    listed = iter(urls if isinstance(urls, list) else ())
    for element in elements:
        url = next(listed, None) if isinstance(element, Image) else None
        yield (
            replace(element, url=replace_surrogates(url))
            if isinstance(element, Image) and isinstance(url, str) and url
            else element
        )


def _names(row: Row, name: str) -> list[object]:
    value = row.get(name)
    return [entry for entry in value if entry] if isinstance(value, list) else []


def _medium(token: str, name: object, position: int, origin: RowOrigin) -> Image | Clip:
    if token == "<__dj__image>":
        return to_image(name, position, origin) or Image(position=position)
    return to_clip(name, position, origin)


FORMAT = RowFormat(
    columns=("id", "text", "images", "videos", "audios", "meta", "__dj__stats__"),
    provides=(TEXT, IMAGES, IMAGE_BYTES, IMAGE_FORMAT, VIDEO),
    matches=lambda fields: "text" in fields and not {"images", "videos", "audios", "__dj__stats__"}.isdisjoint(fields),
    to_document=to_document,
)
