"""A line of text on an image, and what an engine for optical character recognition (OCR) offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from interloom.stages.extract_screen_text.reading_order import Box


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, its mean confidence from 0 to 1, and its box in the image's pixels."""

    text: str
    confidence: float
    box: Box


class OcrEngine(Protocol):
    """Recognises the text on images."""

    def read(self, image: Image.Image) -> list[Line]:
        """Returns the lines in reading order. Raises DocumentError."""
        ...


def mean_confidence(lines: Sequence[Line]) -> float:
    """The mean confidence of the characters: lines "abc" at 1.0 and "d" at 0.6 -> 0.9; 0 without characters."""
    characters = sum(len(line.text) for line in lines)
    return sum(line.confidence * len(line.text) for line in lines) / characters if characters else 0.0


def enclosing_box(boxes: Sequence[Box]) -> Box:
    """The smallest box that contains these: (0, 0, 2, 1), (1, 0, 4, 3) -> (0, 0, 4, 3)."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)
