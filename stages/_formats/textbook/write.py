"""Writes documents as the Multimodal Textbook (arXiv 2501.00958) publishes them: speech and keyframes in parallel, as JSON.

A keyframe is a file `<video>/<video>@<start>_<end>#<number>.jpg` beside the array. Text on screens stands in `text_ocr_list`
after the speech that precedes it, or by itself. `text_num` counts tokens, and `token_num` adds 576 for each image, as in the
published file. The format has no place for sizes and scores, labels, roles of texts, the source, and images without bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from interloom.schemas.document import Document, Element, Image, Text
from interloom.schemas.media_names import extension_of
from interloom.stages._export.sample import key_of
from interloom.stages._formats.row_export import Row, RowExport
from interloom.stages._video.timeline import count_tokens

_TOKENS_OF_IMAGE = 576
"""Tokens of an image: 15 images and 425 tokens of text are 9,065 in the dataset card."""


def _rows(doc: Document) -> Iterator[Row]:
    parts, on_screen = _parts(doc.elements)
    names = dict(_names(doc))
    texts = [part.text if isinstance(part, Text) else None for part in parts]
    spoken = sum(count_tokens(text) for text in texts if text is not None)
    yield {
        "images": [names[part.position] if isinstance(part, Image) else None for part in parts],
        "texts": texts,
        "text_ocr_list": [_joined(part, on_screen.get(part.position, [])) for part in parts],
        "metadata": [None] * len(parts),
        "image_num": len(names),
        "text_num": spoken,
        "token_num": spoken + _TOKENS_OF_IMAGE * len(names),
    }


def _parts(elements: Sequence[Element]) -> tuple[list[Text | Image], dict[int, list[str]]]:
    """The elements of the lists, and the texts on screen by the position of the speech that they follow. Text on a screen before
    any speech is an element with an empty text."""
    parts, on_screen = list[Text | Image](), dict[int, list[str]]()
    for element in elements:
        if isinstance(element, Image) and element.data is not None:
            parts.append(element)
        elif isinstance(element, Text) and element.origin == "ocr":
            last = next((part for part in reversed(parts) if isinstance(part, Text)), None)
            if last is None:
                last = Text(position=element.position, text="")
                parts.append(last)
            on_screen.setdefault(last.position, []).append(element.text)
        elif isinstance(element, Text):
            parts.append(element)
    return parts, on_screen


def _joined(part: Text | Image, on_screen: Sequence[str]) -> str | None:
    return "\n".join(filter(None, [part.text, *on_screen])) if isinstance(part, Text) else None


def _names(doc: Document) -> Iterator[tuple[int, str]]:
    """The position and the file name of each keyframe with bytes."""
    video = key_of(doc.id)
    frames = (image for image in doc.images if image.data is not None)
    for number, image in enumerate(frames):
        start, end = image.start_s or 0.0, image.end_s or image.start_s or 0.0
        page = number if image.page is None else image.page
        yield image.position, f"{video}/{video}@{start}_{end}#{page}.{extension_of(image.format)}"


def _files(doc: Document) -> Iterator[tuple[str, bytes]]:
    names = dict(_names(doc))
    return ((names[image.position], image.data) for image in doc.images if image.data is not None)


def _without_bytes(doc: Document) -> list[int]:
    return [image.position for image in doc.images if image.data is None]


EXPORT = RowExport(to_rows=_rows, files=_files, lacking=_without_bytes, container="json")
