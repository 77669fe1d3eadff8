"""Lines of text in a picture, by RapidOCR (the PP-OCR models inside its package) or by tesseract."""

from __future__ import annotations

import csv
import io
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from interloom.pipeline.errors import DocumentError
from interloom.stages.extract_screen_text.reading_order import Box, rows

Pixels = npt.NDArray[np.uint8]

_TALL = 1.5
_UPRIGHT = 0.05
_LONGEST = 4
"""Sides of a picture to each other, at most. RapidOCR enlarges the shorter one to 736 pixels, and the other by as much."""
_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line in the picture's pixels, its mean confidence from 0 to 1."""

    text: str
    confidence: float
    box: Box


class Engine(Protocol):
    def read(self, picture: Image.Image) -> list[Line]:
        """The lines in reading order. Raises DocumentError."""
        ...


@dataclass(frozen=True, slots=True)
class _Found:
    """What was read when the picture had been turned by `turns` quarters counterclockwise."""

    lines: list[Line]
    turns: int
    better: int
    """The quarters by which the picture should be turned, going by most of its text."""

    @property
    def sureness(self) -> float:
        """Lines on their side are read well, too, only in the wrong order: a page that needs no turning is worth a little."""
        letters = sum(len(line.text) for line in self.lines)
        mean = sum(line.confidence * len(line.text) for line in self.lines) / letters if letters else 0.0
        return mean + _UPRIGHT * (self.better == 0)


@dataclass(frozen=True)
class Rapid:
    """One thread, because sums in another order would differ in their last bits. A page that lies on its side or stands on
    its head is read again when turned, and the reading of which the model is surer stays."""

    def read(self, picture: Image.Image) -> list[Line]:
        pixels = _padded(np.asarray(picture.convert("RGB"))[:, :, ::-1])
        found = self._read(pixels, 0)
        if found.better:
            found = max(found, self._read(pixels, found.better), key=lambda one: one.sureness)
        height, width = pixels.shape[:2]
        turned = (width, height) if found.turns % 2 == 0 else (height, width)
        return [replace(line, box=_inside(_back(line.box, found.turns, turned), picture.size)) for line in _ordered(found.lines)]

    def _read(self, pixels: Pixels, turns: int) -> _Found:
        from rapidocr.main import RapidOCRError
        from rapidocr.utils.process_img import map_boxes_to_original

        upright = np.ascontiguousarray(np.rot90(pixels, turns))
        sized, record = self._engine.preprocess_img(upright)
        try:
            crops, found = self._engine.detect_and_crop(sized, record)
            turned, voted = self._engine.cls_and_rotate(list(crops))
            # Which way up a line is, is guessed too badly to be used on lines of a page that is upright.
            tall = [_is_tall(quad) for quad in found.boxes]
            read = self._engine.recognize_txt([flip if up else crop for crop, flip, up in zip(crops, turned, tall, strict=True)])
        except RapidOCRError:  # it says so when there is no text
            return _Found([], turns, 0)
        quads = map_boxes_to_original(found.boxes, record, *upright.shape[:2])
        boxes = [_box(quad) for quad in quads]
        lines = [
            Line(text.strip(), round(float(sure), 4), box) for text, sure, box in zip(read.txts, read.scores, boxes, strict=True)
        ]
        return _Found([line for line in lines if line.text], turns, _better(boxes, tall, voted.cls_res))

    @cached_property
    def _engine(self) -> Any:
        from rapidocr import RapidOCR

        threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
        return RapidOCR(params={"Global.log_level": "critical", **threads})


def _ordered(lines: list[Line]) -> Iterator[Line]:
    """Boxes beside each other are pieces of one line."""
    for row in rows([line.box for line in lines]):
        pieces = [lines[n] for n in row]
        sure = sum(piece.confidence * len(piece.text) for piece in pieces) / sum(len(piece.text) for piece in pieces)
        yield Line(" ".join(piece.text for piece in pieces), round(sure, 4), around([piece.box for piece in pieces]))


def _better(boxes: Sequence[Box], tall: Sequence[bool], votes: Sequence[tuple[str, float]]) -> int:
    """A tall line was turned by one quarter before it was voted on; the longer a line, the more its vote counts."""
    weights = [0.0] * 4
    for box, up, (label, sure) in zip(boxes, tall, votes, strict=True):
        flipped = float(sure) if label == "180" else 1 - float(sure)
        length = max(box[2] - box[0], box[3] - box[1])
        weights[int(up)] += length * (1 - flipped)
        weights[int(up) + 2] += length * flipped
    return max(range(4), key=lambda turns: weights[turns])


def _is_tall(quad: Any) -> bool:
    """As RapidOCR has it when it turns such a line."""
    width = max(np.linalg.norm(quad[0] - quad[1]), np.linalg.norm(quad[2] - quad[3]))
    height = max(np.linalg.norm(quad[0] - quad[3]), np.linalg.norm(quad[1] - quad[2]))
    return bool(height >= _TALL * width)


def _box(quad: Any) -> Box:
    x0, y0 = (round(float(value), 1) for value in quad.min(0))
    x1, y1 = (round(float(value), 1) for value in quad.max(0))
    return x0, y0, x1, y1


def around(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds these."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def _back(box: Box, turns: int, size: tuple[int, int]) -> Box:
    """The box in the picture before it was turned; `size` (width, height) is after."""
    for _ in range(turns):
        x0, y0, x1, y1 = box
        box = (size[1] - y1, x0, size[1] - y0, x1)
        size = (size[1], size[0])
    return box


def _padded(pixels: Pixels) -> Pixels:
    """Room below or to the right, in the colour of that corner, for what is long and thin."""
    height, width = pixels.shape[:2]
    below, right = max(0, -(-width // _LONGEST) - height), max(0, -(-height // _LONGEST) - width)
    canvas = np.empty((height + below, width + right, 3), np.uint8)
    canvas[:] = pixels[-1, -1]
    canvas[:height, :width] = pixels
    return canvas


def _inside(box: Box, size: tuple[int, int]) -> Box:
    x0, y0, x1, y1 = box
    return max(0.0, min(x0, size[0])), max(0.0, min(y0, size[1])), max(0.0, min(x1, size[0])), max(0.0, min(y1, size[1]))


@dataclass(frozen=True)
class Tesseract:
    """The binary on the PATH, with these languages' models; it finds columns and turned pages itself."""

    languages: tuple[str, ...]

    def read(self, picture: Image.Image) -> list[Line]:
        file = io.BytesIO()
        picture.convert("RGB").save(file, "PNG", compress_level=1)
        command = ["tesseract", "stdin", "stdout", "--psm", "1", "-l", "+".join(self.languages), "tsv"]
        try:
            one_thread = {**os.environ, "OMP_THREAD_LIMIT": "1"}
            done = subprocess.run(
                command, input=file.getvalue(), capture_output=True, timeout=_TIMEOUT_S, env=one_thread, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise DocumentError(f"tesseract took longer than {_TIMEOUT_S:g} s") from error
        if done.returncode:
            raise DocumentError(f"tesseract: {' '.join(done.stderr.decode('utf-8', 'replace').split())[-200:]}")
        table = csv.DictReader(io.StringIO(done.stdout.decode("utf-8", "replace")), delimiter="\t", quoting=csv.QUOTE_NONE)
        words = [row for row in table if row["level"] == "5" and row["text"] and row["text"].strip()]
        places = ("page_num", "block_num", "par_num", "line_num")
        return [_line(list(line)) for _, line in groupby(words, key=lambda row: tuple(row[name] for name in places))]


def _line(words: list[dict[str, str]]) -> Line:
    boxes = []
    for word in words:
        left, top, width, height = (float(word[name]) for name in ("left", "top", "width", "height"))
        boxes.append((left, top, left + width, top + height))
    sure = sum(max(0.0, float(word["conf"])) for word in words) / (100 * len(words))
    return Line(" ".join(word["text"] for word in words), round(sure, 4), around(boxes))
