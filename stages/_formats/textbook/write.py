"""Writes documents as the Multimodal Textbook (arXiv 2501.00958) publishes them: speech and keyframes in parallel, as JSON.

A keyframe is a file `<video>/<video>@<start>_<end>#<number>.jpg` beside the array; the video is the label `video`, else the
id. Text on screens stands in `text_ocr_list` after the speech that precedes it, or by itself. `text_num` counts tokens, and
`token_num` adds 576 for each image, as in the published file. The format has no place for sizes and scores, labels, roles of
texts, the source, and images without bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from interloom.pipeline.card_parts import CardParts
from interloom.schemas.document import Document, Element, Image, Text
from interloom.schemas.media_names import extension_of
from interloom.schemas.sample_members import key_of
from interloom.stages._formats.row_export import Row, RowExport, named_files, without_bytes
from interloom.stages._video.timeline import count_tokens

_TOKENS_OF_IMAGE = 576
"""Tokens of an image: 15 images and 425 tokens of text are 9,065 in the dataset card."""


def _rows(doc: Document) -> Iterator[Row]:
    entries, names = list(_entries(doc.elements)), dict(_names(doc))
    texts = [entry.spoken for entry in entries]
    spoken = sum(count_tokens(text) for text in texts if text is not None)
    yield {
        "images": [None if entry.image is None else names[entry.image.position] for entry in entries],
        "texts": texts,
        "text_ocr_list": [entry.joined for entry in entries],
        "metadata": [None] * len(entries),
        "image_num": len(names),
        "text_num": spoken,
        "token_num": spoken + _TOKENS_OF_IMAGE * len(names),
    }


@dataclass(slots=True)
class _Entry:
    """A place in the lists: a keyframe, or speech with the text on the screen that follows it, or such text alone."""

    image: Image | None = None
    spoken: str | None = None
    shown: list[str] = field(default_factory=list)

    @property
    def joined(self) -> str | None:
        return "\n".join(filter(None, [self.spoken, *self.shown])) if self.image is None else None


def _entries(elements: Sequence[Element]) -> Iterator[_Entry]:
    entry = _Entry()
    for element in elements:
        if isinstance(element, Text) and element.origin == "ocr" and (entry.spoken is not None or entry.shown):
            entry.shown.append(element.text)
            continue
        if isinstance(element, Text):
            new = _Entry(shown=[element.text]) if element.origin == "ocr" else _Entry(spoken=element.text)
        elif isinstance(element, Image) and element.data is not None:
            new = _Entry(image=element)
        else:
            continue
        if entry != _Entry():
            yield entry
        entry = new
    if entry != _Entry():
        yield entry


def _names(doc: Document) -> Iterator[tuple[int, str]]:
    """The position and the file name of each keyframe with bytes."""
    video = key_of(doc.labels.get("video") or doc.id)
    frames = (image for image in doc.images if image.data is not None)
    for number, image in enumerate(frames):
        start, end = image.start_s or 0.0, image.end_s or image.start_s or 0.0
        page = number if image.page is None else image.page
        yield image.position, f"{video}/{video}@{start}_{end}#{page}.{extension_of(image.format)}"


def _files(doc: Document) -> Iterator[tuple[str, bytes]]:
    return named_files(doc, dict(_names(doc)))


_ABOUT = CardParts(
    kind="interleaved",
    columns={
        "images": "files of the keyframes in order, null where a text stands",
        "texts": "speech, null where a keyframe or text on a screen stands alone",
        "text_ocr_list": "speech with the text on screens after it",
        "metadata": "nulls",
        "image_num, text_num, token_num": "images, tokens of speech, and tokens of both",
    },
    features=(
        {"name": "images", "list": "string"},
        {"name": "texts", "list": "string"},
        {"name": "text_ocr_list", "list": "string"},
        {"name": "metadata", "list": "string"},
        {"name": "image_num", "dtype": "int64"},
        {"name": "text_num", "dtype": "int64"},
        {"name": "token_num", "dtype": "int64"},
    ),
)
EXPORT = RowExport(to_rows=_rows, files=_files, lacking=without_bytes, container="json", about=_ABOUT)
