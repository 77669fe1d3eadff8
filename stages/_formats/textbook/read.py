"""Multimodal Textbook (arXiv 2501.00958): the lists `images` (keyframes), `texts` (speech) and `text_ocr_list` are parallel.

A keyframe's name, `<video>@<start>_<end>#<number>.jpg`, gives its times and its number. What `text_ocr_list` has beyond the
speech is text on the screen and becomes a Text of its own, which follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from interloom.pipeline.contents import IMAGE_BYTES, IMAGE_FORMAT, IMAGES, KEYFRAMES, SCREEN_TEXT, SPEECH, TEXT, labels
from interloom.schemas.document import Document, Element, Image, Text
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.pictures import to_image
from interloom.stages._input.rows import Row, RowOrigin, parallel_lists
from interloom.stages._input.surrogates import replace_surrogates, text_of_file

_KEYFRAME = re.compile(r"(?:.*/)?(?P<video>[^/]+)@(?P<start>\d+(?:\.\d+)?)_(?P<end>\d+(?:\.\d+)?)#(?P<number>\d{1,9})\.\w+")


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts a record to a document. Raises DocumentError if the lists are none or differ in length."""
    parts = zip(*parallel_lists(row, "texts", "images", "text_ocr_list"), strict=True)
    parsed = (element for text, image, on_screen in parts for element in _elements(text, image, on_screen, origin))
    elements = tuple(replace(element, position=position) for position, element in enumerate(parsed))
    videos = {
        match["video"] for element in elements if isinstance(element, Image) and (match := _KEYFRAME.fullmatch(element.url))
    }
    return Document(id="", source=origin.source(""), elements=elements, labels={"video": min(videos)} if len(videos) == 1 else {})


def _elements(text: object, image: object, on_screen: object, origin: RowOrigin) -> Iterator[Element]:
    """The elements at one place of the lists; their positions are given later."""
    spoken = text if isinstance(text, str) else ""
    if spoken:
        yield Text(position=0, text=text_of_file(spoken), origin="asr")
    if isinstance(on_screen, str) and (shown := on_screen.removeprefix(spoken).strip("\n")):
        yield Text(position=0, text=text_of_file(shown), origin="ocr")
    if isinstance(image, str) and image and (frame := to_image(image, 0, origin)):
        match = _KEYFRAME.fullmatch(image)
        frame = replace(frame, url=replace_surrogates(image))
        yield _timed(frame, match) if match else frame


def _timed(frame: Image, match: re.Match[str]) -> Image:
    return replace(frame, start_s=float(match["start"]), end_s=float(match["end"]), page=int(match["number"]))


FORMAT = RowFormat(
    columns=("texts", "images", "text_ocr_list", "metadata"),
    provides=(*(TEXT, SPEECH, SCREEN_TEXT, IMAGES, KEYFRAMES, IMAGE_BYTES, IMAGE_FORMAT), *labels("video")),
    matches=lambda fields: {"texts", "images", "text_ocr_list"} <= set(fields),
    to_document=to_document,
)
