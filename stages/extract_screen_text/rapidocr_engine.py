"""Reads the lines of text on an image with RapidOCR, which has the PP-OCR models in its package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from interloom.stages.extract_screen_text.lines import Line, enclosing_box, mean_confidence
from interloom.stages.extract_screen_text.reading_order import Box, rows

Pixels = npt.NDArray[np.uint8]
"""(height, width, 3)."""

_UPRIGHT_LINE_RATIO = 1.5
"""A line this much higher than wide runs upwards; RapidOCR's value, which turns such lines before it recognises them."""
_UPRIGHT_BONUS = 0.05
"""Added to the confidence of a page that needs no turning; our choice."""
_MAX_SIDE_RATIO = 4
"""Longest ratio of an image's sides. RapidOCR enlarges the shorter side to 736 pixels and the longer one in proportion, so that a
longer ratio would need too much memory; our choice."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """The lines that were read after the image had been turned by `turns` quarter turns counterclockwise."""

    lines: list[Line]
    turns: int
    further_turns: int
    """The quarter turns that would make most of the text upright; 0 if it is upright."""

    @property
    def confidence(self) -> float:
        """The mean confidence, with a bonus for upright text: lines on their side are read well, too, but in the wrong order."""
        return mean_confidence(self.lines) + _UPRIGHT_BONUS * (self.further_turns == 0)


@dataclass(frozen=True)
class RapidOcr:
    """RapidOCR in one thread, because sums in another order would differ in their last bits.

    A page that lies on its side or stands on its head is turned and read again; the reading with the higher confidence counts.
    """

    def read(self, image: Image.Image) -> list[Line]:
        """Returns the lines in reading order."""
        pixels = _padded(np.asarray(image.convert("RGB"))[:, :, ::-1])
        reading = self._read(pixels, 0)
        if reading.further_turns:
            again = self._read(pixels, reading.further_turns)
            reading = max(reading, again, key=lambda candidate: candidate.confidence)
        height, width = pixels.shape[:2]
        size = (width, height) if reading.turns % 2 == 0 else (height, width)
        return [
            replace(line, box=_clipped(_turned_back(line.box, reading.turns, size), image.size))
            for line in _joined_lines(reading.lines)
        ]

    def _read(self, pixels: Pixels, turns: int) -> _Reading:
        from rapidocr.main import RapidOCRError
        from rapidocr.utils.process_img import map_boxes_to_original

        turned = np.ascontiguousarray(np.rot90(pixels, turns))
        resized, record = self._engine.preprocess_img(turned)
        try:
            crops, detected = self._engine.detect_and_crop(resized, record)
            upright_crops, directions = self._engine.cls_and_rotate(list(crops))
            # On upright pages the model's guess of which way up a line is is too often wrong: it is used for tall lines only.
            tall = [_is_tall(quad) for quad in detected.boxes]
            recognised = self._engine.recognize_txt(
                [upright if is_tall else crop for crop, upright, is_tall in zip(crops, upright_crops, tall, strict=True)]
            )
        except RapidOCRError:  # RapidOCR raises it for an image without text
            return _Reading([], turns, 0)
        quads = map_boxes_to_original(detected.boxes, record, *turned.shape[:2])
        boxes = [_bounding_box(quad) for quad in quads]
        lines = [
            Line(text.strip(), round(float(confidence), 4), box)
            for text, confidence, box in zip(recognised.txts, recognised.scores, boxes, strict=True)
        ]
        return _Reading([line for line in lines if line.text], turns, _needed_turns(boxes, tall, directions.cls_res))

    @cached_property
    def _engine(self) -> Any:
        from rapidocr import RapidOCR

        threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
        return RapidOCR(params={"Global.log_level": "critical", **threads})


def _joined_lines(lines: list[Line]) -> Iterator[Line]:
    """The lines in reading order, lines side by side joined to one: "Apples", "3.20" in one row -> "Apples 3.20"."""
    for row in rows([line.box for line in lines]):
        parts = [lines[n] for n in row]
        text = " ".join(part.text for part in parts)
        yield Line(text, round(mean_confidence(parts), 4), enclosing_box([part.box for part in parts]))


def _needed_turns(boxes: Sequence[Box], tall: Sequence[bool], directions: Sequence[tuple[str, float]]) -> int:
    """The quarter turns counterclockwise that make most of the text upright; each line counts by its length.

    `directions` are the model's guesses for each line, ("0" or "180", probability). RapidOCR turns a tall line by a quarter
    before the guess: one line with ("180", 0.9) -> 2, one tall line with ("0", 0.9) -> 1.
    """
    weights = [0.0] * 4
    for box, is_tall, (label, probability) in zip(boxes, tall, directions, strict=True):
        upside_down = float(probability) if label == "180" else 1 - float(probability)
        length = max(box[2] - box[0], box[3] - box[1])
        weights[int(is_tall)] += length * (1 - upside_down)
        weights[int(is_tall) + 2] += length * upside_down
    return max(range(4), key=lambda turns: weights[turns])


def _is_tall(quad: Any) -> bool:
    """Whether RapidOCR takes the line for one that runs upwards, and turns it. `quad` is its four corners, clockwise."""
    width = max(np.linalg.norm(quad[0] - quad[1]), np.linalg.norm(quad[2] - quad[3]))
    height = max(np.linalg.norm(quad[0] - quad[3]), np.linalg.norm(quad[1] - quad[2]))
    return bool(height >= _UPRIGHT_LINE_RATIO * width)


def _bounding_box(quad: Any) -> Box:
    x0, y0 = (round(float(value), 1) for value in quad.min(0))
    x1, y1 = (round(float(value), 1) for value in quad.max(0))
    return x0, y0, x1, y1


def _turned_back(box: Box, turns: int, size: tuple[int, int]) -> Box:
    """The box on the image before it was turned; `size` is (width, height) of the turned image.

    (0, 0, 10, 5), turned by 1, size (20, 30) -> (25, 0, 30, 10)
    """
    for _ in range(turns):
        x0, y0, x1, y1 = box
        box = (size[1] - y1, x0, size[1] - y0, x1)
        size = (size[1], size[0])
    return box


def _padded(pixels: Pixels) -> Pixels:
    """A long, thin image with room below or to the right until its sides are 4 to 1, in the colour of the bottom right corner."""
    height, width = pixels.shape[:2]
    below = max(0, -(-width // _MAX_SIDE_RATIO) - height)
    right = max(0, -(-height // _MAX_SIDE_RATIO) - width)
    canvas = np.empty((height + below, width + right, 3), np.uint8)
    canvas[:] = pixels[-1, -1]
    canvas[:height, :width] = pixels
    return canvas


def _clipped(box: Box, size: tuple[int, int]) -> Box:
    """The part of the box that lies on an image of this width and height."""
    x0, y0, x1, y1 = box
    return max(0.0, min(x0, size[0])), max(0.0, min(y0, size[1])), max(0.0, min(x1, size[0])), max(0.0, min(y1, size[1]))
