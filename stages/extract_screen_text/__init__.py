"""Reads the text on keyframes."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from shutil import which
from typing import ClassVar, Literal

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Element, Image, Text
from interloom.schemas.outcome import Outcome, Quarantined, Side
from interloom.stages._images.pixels import decode
from interloom.stages.extract_screen_text.ocr import Engine, Line, Rapid, Tesseract, around


@dataclass(frozen=True, kw_only=True)
class ExtractScreenText(Stage):
    """Adds the text on each keyframe as one Text, a line of the screen a line, columns one after the other, with its box in
    the image's pixels and the image's time. Its score `ocr` is the mean confidence of its characters; lines under
    `at_least` are left out. The image gets `text_area`, the share of it that lines cover, and `ocr_repeats`.

    A screen that says what the last one with a text said gets no text of its own: `ocr_repeats` is their similarity (Dice's, of
    groups of three characters), at `similarity` or above the screen is a repetition; none, no folding. Multimodal Textbook
    drops such texts (arXiv 2501.00958, section 3) and publishes no value; 0.9 is our own. Keyframes are images with a time;
    `of: images` reads all that have bytes. RapidOCR reads Chinese, English and languages in Latin script, tesseract its
    installed `languages`. With `keep_lines`, lines go to the side table `screen_lines`. An image that cannot be decoded
    is quarantined.
    """

    dear: ClassVar[bool] = True
    wants_media: ClassVar[bool] = True
    level: ClassVar[str] = "image"

    engine: Literal["rapidocr", "tesseract"] = "rapidocr"
    languages: tuple[str, ...] = ("eng",)
    of: Literal["keyframes", "images"] = "keyframes"
    at_least: float = 0.5
    similarity: float | None = 0.9
    keep_lines: bool = False

    def check(self) -> Iterable[str]:
        if self.engine == "rapidocr":
            missing = [name for name in ("rapidocr", "onnxruntime") if find_spec(name) is None]
            if missing:
                yield f"needs {' and '.join(missing)}, not installed here; pip install 'interloom[ocr]'"
        elif which("tesseract") is None:
            yield "engine: no tesseract on the PATH"
        else:
            absent = [name for name in self.languages if name not in _tesseract_languages()]
            if absent or not self.languages:
                yield f"languages: tesseract has no model for {', '.join(absent) or 'none'}"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            yield from self._read(doc)

    def _read(self, doc: Document) -> Iterator[Outcome]:
        position = max((element.position for element in doc.elements), default=-1) + 1
        shown, broken, last = dict[int, list[Element]](), list[int](), ""
        for image in sorted(filter(self._is_wanted, doc.images), key=lambda image: (image.start_s or 0.0, image.position)):
            try:
                lines, seen = self._lines(image)
            except DocumentError as error:
                broken.append(image.position)
                yield Quarantined(doc.id, str(error), image.position, image.url)
                continue
            text = "\n".join(line.text for line in lines)
            alike = round(similar(text, last), 4) if text and last else 0.0
            shown[image.position] = [seen.with_score("ocr_repeats", alike)]
            if not text or (self.similarity is not None and alike >= self.similarity):
                continue
            last = text
            shown[image.position].append(_text(position, image, lines, text))
            yield from _rows(doc.id, position, lines) if self.keep_lines else ()
            position += 1
        elements = [new for old in doc.elements for new in shown.get(old.position, [old])]
        yield doc.with_elements(elements).without(broken)

    def _is_wanted(self, image: Image) -> bool:
        return image.data is not None and (self.of == "images" or image.start_s is not None)

    def _lines(self, image: Image) -> tuple[list[Line], Image]:
        picture = decode(image.data or b"")
        lines = [line for line in self._engine.read(picture) if line.confidence >= self.at_least]
        area = sum((line.box[2] - line.box[0]) * (line.box[3] - line.box[1]) for line in lines)
        return lines, image.with_score("text_area", round(min(1.0, area / (picture.width * picture.height)), 4))

    @cached_property
    def _engine(self) -> Engine:
        return Rapid() if self.engine == "rapidocr" else Tesseract(self.languages)


def similar(one: str, other: str) -> float:
    """Dice's coefficient of the texts' groups of three characters, case and spaces aside: 1 when they say the same."""
    groups = [_groups(text) for text in (one, other)]
    total = sum(group.total() for group in groups)
    return 2 * (groups[0] & groups[1]).total() / total if total else float(one.split() == other.split())


def _groups(text: str) -> Counter[str]:
    bare = f" {''.join(text.casefold().split())} "
    return Counter(bare[n : n + 3] for n in range(len(bare) - 2))


def _text(position: int, image: Image, lines: Sequence[Line], text: str) -> Text:
    letters = sum(len(line.text) for line in lines)
    sure = sum(line.confidence * len(line.text) for line in lines) / letters
    return Text(
        position=position,
        text=text,
        origin="ocr",
        role="screen_text",
        of=image.position,
        start_s=image.start_s,
        end_s=image.end_s,
        bbox=around([line.box for line in lines]),
        scores={"ocr": round(sure, 4)},
    )


def _rows(id_: str, position: int, lines: Sequence[Line]) -> Iterator[Side]:
    for number, line in enumerate(lines):
        box = dict(zip(("x0", "y0", "x1", "y1"), line.box, strict=True))
        row = {"id": id_, "position": position, "number": number, "text": line.text, "confidence": line.confidence}
        yield Side("screen_lines", {**row, **box})


def _tesseract_languages() -> list[str]:
    done = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, timeout=20, check=False)
    return done.stdout.split("\n")[1:]
