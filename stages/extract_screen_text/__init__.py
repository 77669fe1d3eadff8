"""Reads the text on keyframes, by optical character recognition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import ClassVar, Literal

from interloom.pipeline.contents import IMAGE_BYTES, KEYFRAMES, SCREEN_TEXT, Content, Need, scores, side_table
from interloom.pipeline.cost import Cost
from interloom.pipeline.errors import DocumentError
from interloom.pipeline.ranges import Share
from interloom.pipeline.stage import Level, Stage
from interloom.schemas.document import Document, Element, Image, Text
from interloom.schemas.outcome import Outcome, Quarantined, Side
from interloom.stages._images.decoding import decode
from interloom.stages.extract_screen_text.lines import Line, OcrEngine, enclosing_box, mean_confidence
from interloom.stages.extract_screen_text.rapidocr_engine import RapidOcr
from interloom.stages.extract_screen_text.tesseract_engine import Tesseract, installed_languages, is_installed


@dataclass(frozen=True, kw_only=True)
class ExtractScreenText(Stage):
    """Adds the text on each keyframe as one Text, by optical character recognition (OCR).

    The Text has a line for each line on the screen, columns one after the other, the box of all lines in the image's pixels, the
    image's times, and the score `ocr`, the mean confidence of its characters. The image gets the scores `text_area`, the share of
    it that lines cover, and `ocr_repeats`, the similarity of its text to that of the last image with a text of its own (Dice's
    coefficient of groups of three characters, 0 to 1). Multimodal Textbook drops repeated texts, too (arXiv 2501.00958, section
    3), but publishes no threshold. An image that cannot be decoded is quarantined. Images without bytes pass.

    Parameters:
        engine: "rapidocr", which reads Chinese, English and languages in Latin script, or "tesseract". Default "rapidocr", our
            choice.
        languages: The languages that tesseract reads, by the names of its models. Default ("eng",), our choice.
        of: Which images are read: "keyframes", those with a time, or "images", all. Default "keyframes", our choice.
        at_least: Lines of a lower confidence are left out. 0 to 1. Default 0.5, our choice.
        similarity: An image of this `ocr_repeats` or more is a repetition and gets no text; none keeps the texts of repetitions.
            0 to 1. Default 0.9, our choice.
        keep_lines: Whether the lines go to the side table `screen_lines`. Default false, our choice.
    """

    memory_bytes: ClassVar[int] = 770_000_000
    checkpoint: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(per_image=1.0)  # about a slide on one core
    wants_media: ClassVar[bool] = True
    level: ClassVar[Level] = "image"

    engine: Literal["rapidocr", "tesseract"] = "rapidocr"
    languages: tuple[str, ...] = ("eng",)
    of: Literal["keyframes", "images"] = "keyframes"
    at_least: Share = 0.5
    similarity: Share | None = 0.9
    keep_lines: bool = False

    def needs(self) -> Iterable[Need]:
        return (IMAGE_BYTES, KEYFRAMES) if self.of == "keyframes" else (IMAGE_BYTES,)

    def provides(self) -> Iterable[Content]:
        rows = (side_table("screen_lines"),) if self.keep_lines else ()
        return (SCREEN_TEXT, *scores("text", "ocr"), *scores("image", "text_area", "ocr_repeats"), *rows)

    def check(self) -> Iterable[str]:
        if self.engine == "rapidocr":
            missing = [name for name in ("rapidocr", "onnxruntime") if find_spec(name) is None]
            if missing:
                yield f"needs {' and '.join(missing)}, not installed here; pip install 'interloom[ocr]'"
        elif not is_installed():
            yield "engine: tesseract is not on the PATH"
        elif not self.languages:
            yield "languages: must name at least one"
        else:
            installed = installed_languages()
            missing = [name for name in self.languages if name not in installed]
            if missing:
                yield f"languages: tesseract has no model for {', '.join(missing)}"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            yield from self._read(doc)

    def _read(self, doc: Document) -> Iterator[Outcome]:
        """Reads the images of a document by time. Texts get new positions and stand behind their image."""
        position = max((element.position for element in doc.elements), default=-1) + 1
        replacements, broken, last_text = dict[int, list[Element]](), list[int](), ""
        for image in sorted(filter(self._is_wanted, doc.images), key=lambda image: (image.start_s or 0.0, image.position)):
            try:
                lines, scored = self._lines(image)
            except DocumentError as error:
                broken.append(image.position)
                yield Quarantined(doc.id, str(error), image.position, image.url)
                continue
            text = "\n".join(line.text for line in lines)
            repeats = round(similar(text, last_text), 4) if text and last_text else 0.0
            replacements[image.position] = [scored.with_score("ocr_repeats", repeats)]
            if not text or (self.similarity is not None and repeats >= self.similarity):
                continue
            last_text = text
            replacements[image.position].append(_text(position, image, lines))
            yield from _rows(doc.id, position, lines) if self.keep_lines else ()
            position += 1
        elements = [new for old in doc.elements for new in replacements.get(old.position, [old])]
        yield doc.with_elements(elements).without(broken)

    def _is_wanted(self, image: Image) -> bool:
        return image.data is not None and (self.of == "images" or image.start_s is not None)

    def _lines(self, image: Image) -> tuple[list[Line], Image]:
        """The lines on an image, and the image with its score `text_area`. Raises DocumentError."""
        pixels = decode(image.data or b"")
        lines = [line for line in self._engine.read(pixels) if line.confidence >= self.at_least]
        area = sum((line.box[2] - line.box[0]) * (line.box[3] - line.box[1]) for line in lines)
        return lines, image.with_score("text_area", round(min(1.0, area / (pixels.width * pixels.height)), 4))

    @cached_property
    def _engine(self) -> OcrEngine:
        return RapidOcr() if self.engine == "rapidocr" else Tesseract(self.languages)


def similar(text: str, other: str) -> float:
    """Dice's coefficient of the groups of three characters of two texts, without case and spaces; 1.0 for equal texts.

    "Same text", "same  TEXT" -> 1.0; "abcd", "abce" -> 0.5 (2 of 4 groups are equal)
    """
    groups, other_groups = _groups_of_three(text), _groups_of_three(other)
    total = groups.total() + other_groups.total()
    return 2 * (groups & other_groups).total() / total if total else float(text.split() == other.split())


def _groups_of_three(text: str) -> Counter[str]:
    """How often each group of three characters occurs: "A bc" -> " ab", "abc", "bc ", once each."""
    characters = f" {''.join(text.casefold().split())} "
    return Counter(characters[n : n + 3] for n in range(len(characters) - 2))


def _text(position: int, image: Image, lines: Sequence[Line]) -> Text:
    return Text(
        position=position,
        text="\n".join(line.text for line in lines),
        origin="ocr",
        role="screen_text",
        of=image.position,
        start_s=image.start_s,
        end_s=image.end_s,
        bbox=enclosing_box([line.box for line in lines]),
        scores={"ocr": round(mean_confidence(lines), 4)},
    )


def _rows(id_: str, position: int, lines: Sequence[Line]) -> Iterator[Side]:
    """Rows of the side table `screen_lines` for the Text at this position."""
    for number, line in enumerate(lines):
        box = dict(zip(("x0", "y0", "x1", "y1"), line.box, strict=True))
        row = {"id": id_, "position": position, "number": number, "text": line.text, "confidence": line.confidence}
        yield Side("screen_lines", {**row, **box})
