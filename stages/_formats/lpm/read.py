"""Multimodal Lecture Presentations (LPM, arXiv 2208.08080), read only: a folder for each lecture, with a picture for each slide.

Beside `slide_001.jpg` lie `slide_001_spoken.csv` (columns `Word`, `Start`, `End`) and `slide_001_ocr.csv` (Tesseract's columns,
of which `text` and `conf` are read). A document is a lecture: for each slide its picture, the words spoken and the words on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from interloom.pipeline.contents import IMAGE_BYTES, IMAGE_FORMAT, IMAGES, KEYFRAMES, SCREEN_TEXT, SPEECH, TEXT, Content, labels
from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Split
from interloom.pipeline.store import storage
from interloom.schemas.document import SOURCE_ID, Document, Element, Image, Text
from interloom.stages._input.delimited import read_delimited
from interloom.stages._input.files_beside import file_beside
from interloom.stages._input.ids import document_id
from interloom.stages._input.kept_columns import parsed
from interloom.stages._input.rows import Row, RowOrigin, as_score, string_field

PROVIDES: tuple[Content, ...] = (
    *(TEXT, SPEECH, SCREEN_TEXT, IMAGES, KEYFRAMES, IMAGE_BYTES, IMAGE_FORMAT),
    *labels(SOURCE_ID),
)
SLIDE = re.compile(r"slide_(\d{1,9})\.jpe?g")
_CONFIDENT = 70.0
"""Words that Tesseract is less sure of are left out, as published."""
_MAX_LINE_BYTES = 1 << 20


def lectures(files: Sequence[Split]) -> list[Split]:
    """Returns the first slide of each folder, which stands for the lecture."""
    first: dict[str, Split] = {}
    for file in files:
        folder, _, name = file.path.rpartition("/")
        if SLIDE.fullmatch(name):
            first.setdefault(folder, file)
    return list(first.values())


def read_lecture(split: Split) -> Document:
    """Returns the lecture to which a slide belongs. Raises DocumentError if what lies beside a slide is broken."""
    folder = split.path.rpartition("/")[0]
    names = [name for name in storage.list_names(folder) if SLIDE.fullmatch(name)]
    elements: list[Element] = []
    for slide in sorted(names, key=_number):
        first = len(elements)
        elements += [_placed(element, first + n, first) for n, element in enumerate(_slide(folder, slide))]
    name = split.name.rpartition("/")[0] or folder.rpartition("/")[2]
    source = RowOrigin(split, -1).source("")
    return Document(
        id=document_id(split.name), source=replace(source, offset=None), elements=tuple(elements), labels={SOURCE_ID: name}
    )


def _placed(element: Element, position: int, picture: int) -> Element:
    """The element at its position; words on a slide describe its picture."""
    if isinstance(element, Text) and element.origin == "ocr":
        return replace(element, position=position, of=picture)
    return replace(element, position=position)


def _number(name: str) -> int:
    match = SLIDE.fullmatch(name)
    return int(match[1]) if match else 0


def _slide(folder: str, name: str) -> Iterator[Element]:
    stem = name.rpartition(".")[0]
    words = _table(folder, f"{stem}_spoken.csv")
    starts = [number for word in words if (number := as_score(parsed(word.get("Start")))) is not None]
    ends = [number for word in words if (number := as_score(parsed(word.get("End")))) is not None]
    start, end = min(starts, default=None), max(ends, default=None)
    blob = file_beside(folder, name)
    yield Image(position=0, url=name, format="jpeg", page=_number(name), start_s=start, end_s=end, blob=blob)
    if spoken := " ".join(filter(None, (string_field(word, "Word") for word in words))):
        yield Text(position=0, text=spoken, origin="asr", start_s=start, end_s=end)
    seen = (word for word in _table(folder, f"{stem}_ocr.csv") if (as_score(parsed(word.get("conf"))) or 0.0) > _CONFIDENT)
    if shown := " ".join(filter(None, (string_field(word, "text").strip() for word in seen))):
        yield Text(position=0, text=shown, origin="ocr", start_s=start, end_s=end)


def _table(folder: str, name: str) -> list[Row]:
    """The rows of a table beside a slide; none if there is none."""
    path = storage.join(folder, name)
    if not storage.exists(path):
        return []
    lines = list(read_delimited(Split(path), _MAX_LINE_BYTES))
    if wrong := next((line.error for line in lines if line.error), ""):
        raise DocumentError(f"{name}: {wrong}")
    return [line.value for line in lines]
