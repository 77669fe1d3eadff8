"""Reads the lines of text on an image with tesseract, the program on the PATH."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from itertools import groupby
from shutil import which

from PIL import Image

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.program import Program
from interloom.stages.extract_screen_text.lines import Line, enclosing_box

_CPU_S = 120.0
"""CPU time for one image; our choice."""
_MAX_MESSAGE = 200
"""Characters of tesseract's message, from its end, that an error keeps."""
_LINE_COLUMNS = ("page_num", "block_num", "par_num", "line_num")
"""The columns of tesseract's table that are equal for the words of one line."""
_WORD_LEVEL = "5"
"""Rows of this level are words; those of lower levels are lines, paragraphs, blocks and pages."""

_TESSERACT = Program(name="tesseract", cpu_s=_CPU_S)


@dataclass(frozen=True)
class Tesseract:
    """Tesseract with the models of these languages; it detects columns and turned pages itself."""

    languages: tuple[str, ...]

    def read(self, image: Image.Image) -> list[Line]:
        """Returns the lines in reading order.

        Raises DocumentError if tesseract fails or takes more than 120 s of CPU time, KilledError if it is ended from outside
        again and again.
        """
        file = io.BytesIO()
        image.convert("RGB").save(file, "PNG", compress_level=1)
        command = ["tesseract", "stdin", "stdout", "--psm", "1", "-l", "+".join(self.languages), "tsv"]
        one_thread = {**os.environ, "OMP_THREAD_LIMIT": "1"}
        finished = _TESSERACT.run(command, file.getvalue(), one_thread)
        if finished.status:
            message = " ".join(finished.errors.decode("utf-8", "replace").split())
            raise DocumentError(f"tesseract: {message[-_MAX_MESSAGE:]}")
        return _lines(finished.output.decode("utf-8", "replace"))


def is_installed() -> bool:
    """Whether the program is on the PATH."""
    return which("tesseract") is not None


def installed_languages() -> list[str]:
    """The languages that tesseract has models for: ["eng", "osd"]."""
    return _TESSERACT.run(["tesseract", "--list-langs"]).output.decode("utf-8", "replace").split("\n")[1:]


def _lines(table: str) -> list[Line]:
    rows = csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE)
    words = [row for row in rows if row["level"] == _WORD_LEVEL and row["text"] and row["text"].strip()]
    lines = groupby(words, key=lambda row: tuple(row[name] for name in _LINE_COLUMNS))
    return [_line(list(line)) for _, line in lines]


def _line(words: list[dict[str, str]]) -> Line:
    """Joins the words of a line. Tesseract's confidences go to 100; negative ones count as 0."""
    boxes = []
    for word in words:
        left, top, width, height = (float(word[name]) for name in ("left", "top", "width", "height"))
        boxes.append((left, top, left + width, top + height))
    confidence = sum(max(0.0, float(word["conf"])) for word in words) / (100 * len(words))
    return Line(" ".join(word["text"] for word in words), round(confidence, 4), enclosing_box(boxes))
