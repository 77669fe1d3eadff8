"""Encoded pictures to 8-bit pixels, in threads that run a bounded way ahead of the model."""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from interloom.pipeline.errors import DocumentError, in_a_line

Pixels = npt.NDArray[np.uint8]
_Given = TypeVar("_Given")
_Made = TypeVar("_Made")

_MOST_PIXELS = 1 << 27
"""Over this a picture is a bomb. `decode_images` drops them earlier; this holds when a recipe leaves it out."""
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError)


def decode(encoded: bytes) -> Image.Image:
    """The picture in RGB, upright, on white where it is transparent, as a page would show it. Raises DocumentError."""
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise DocumentError(f"a picture of {image.width} x {image.height} pixels is too large to score")
            image.load()
            return _on_white(_upright(image))
    except (*_BROKEN, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DocumentError(f"cannot be decoded ({type(error).__name__}: {in_a_line(error, 160)})") from error


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except _BROKEN:
        return image


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    ground = Image.new("RGBA", seen.size, "white")
    return Image.alpha_composite(ground, seen).convert("RGB")


def pixels_of(
    pictures: Iterable[bytes], resize: Callable[[Image.Image], Image.Image], ahead: int
) -> Iterator[Pixels | DocumentError]:
    """For each encoded picture, in order, its resized pixels (height, width, 3), or why it has none."""

    def one(encoded: bytes) -> Pixels | DocumentError:
        try:
            return np.asarray(resize(decode(encoded)))
        except DocumentError as error:
            return error

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        yield from _ahead(pool, one, pictures, ahead)


def _ahead(pool: ThreadPoolExecutor, make: Callable[[_Given], _Made], given: Iterable[_Given], most: int) -> Iterator[_Made]:
    """`map` that never holds more than `most` results that nobody has asked for."""
    rest = iter(given)
    under_way: deque[Future[_Made]] = deque(pool.submit(make, one) for one in islice(rest, most))
    while under_way:
        yield under_way.popleft().result()
        under_way.extend(pool.submit(make, one) for one in islice(rest, 1))
