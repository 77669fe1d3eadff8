"""Rows whose fields the recipe names: text, images, caption, URL, date, language."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Literal

from interloom.pipeline.contents import IMAGE_BYTES, IMAGE_FORMAT, IMAGES, TEXT, Content, labels
from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Document, Element, Image, Text
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.dates import date_label, iso_date
from interloom.stages._input.pictures import to_image
from interloom.stages._input.rows import Row, RowOrigin, value_at
from interloom.stages._input.surrogates import replace_surrogates, text_of_file
from interloom.stages.read_documents.text_columns import hint

Field = Literal["text", "image", "caption", "id", "url", "date", "language"]
FIELDS: tuple[Field, ...] = ("text", "image", "caption", "id", "url", "date", "language")
_CONTENT: tuple[Field, ...] = ("text", "image", "caption")


def named_fields(names: Mapping[Field, str]) -> RowFormat:
    """Returns the format of rows with these names of fields (dotted paths); what is not given is called as the field is."""
    paths: dict[Field, str] = {field: names.get(field) or field for field in FIELDS}
    return RowFormat(
        columns=tuple(paths.values()),
        provides=(TEXT, IMAGES, IMAGE_BYTES, IMAGE_FORMAT, *labels("language")),
        matches=lambda fields: any(paths[field] in fields for field in _CONTENT),
        to_document=partial(_to_document, paths),
        names_files=True,
    )


def provided(names: Mapping[Field, str], fields: Collection[str]) -> tuple[Content, ...]:
    """Returns what documents may hold whose rows have these fields."""
    images = (IMAGES, IMAGE_BYTES, IMAGE_FORMAT) if names.get("image", "image") in fields else ()
    return (TEXT, *images, *(labels("language") if names.get("language", "language") in fields else ()))


def _to_document(paths: Mapping[Field, str], row: Row, origin: RowOrigin) -> Document:
    """Converts a row to a document: its texts, then its images, each followed by its caption.

    A date that cannot be read is the label `date`. Raises DocumentError if there is neither a string in the field of the text,
    nor an image.
    """
    values = {field: value_at(row, path) for field, path in paths.items()}
    pictures = [to_image(value, 0, origin) for value in _listed(values["image"])]
    texts = list(_strings(values["text"]))
    if not texts and not any(pictures):
        raise DocumentError(f"no string in field '{paths['text']}'{hint([row])}")
    url = values["url"]
    written = {"language": values["language"], "date": date_label(values["date"])}
    return Document(
        id="",
        source=origin.source(replace_surrogates(url) if isinstance(url, str) else "", iso_date(values["date"])),
        elements=tuple(_elements(texts, pictures, _listed(values["caption"]))),
        labels={name: replace_surrogates(value) for name, value in written.items() if isinstance(value, str) and value},
    )


def _elements(texts: list[str], pictures: list[Image | None], captions: list[object]) -> Iterator[Element]:
    """Yields texts, then images. If there are as many captions as images, with or without the empty entries, each has its own,
    and one without an image is a text of its own; else the first image has all."""
    for position, text in enumerate(texts):
        yield Text(position=position, text=text)
    position = len(texts)
    there = [image for image in pictures if image]
    if len(captions) != len(pictures) and len(captions) == len(there):
        pictures = [*there]
    first = next((n for n, image in enumerate(pictures) if image), None)
    each = len(captions) == len(pictures)
    for number, image in enumerate(pictures):
        of = position if image else None
        if image:
            yield replace(image, position=position)
            position += 1
        for caption in _strings(captions[number] if each else captions if number == first else []):
            yield Text(position=position, text=caption, role="caption", of=of)
            position += 1


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _strings(value: object) -> Iterator[str]:
    for item in _listed(value):
        if isinstance(item, str):
            yield text_of_file(item)
