"""Decodes images to 8-bit pixels for a model, in threads that run a bounded way ahead of it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from interloom.pipeline.errors import DocumentError
from interloom.stages._images.decoding import decode

Pixels = npt.NDArray[np.uint8]
"""(height, width, 3)."""
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_MAX_THREADS = 8
"""Threads that decode; our choice."""


def decoded_pixels(
    images: Iterable[bytes], resize: Callable[[Image.Image], Image.Image], ahead: int
) -> Iterator[Pixels | DocumentError]:
    """Yields, for each encoded image in order, its pixels after `resize`, or the error of an image that cannot be decoded.

    At most `ahead` images are decoded before their pixels are asked for.
    """

    def pixels_or_error(encoded: bytes) -> Pixels | DocumentError:
        try:
            return np.asarray(resize(decode(encoded)))
        except DocumentError as error:
            return error

    with ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1)) as pool:
        yield from _bounded_map(pool, pixels_or_error, images, ahead)


def _bounded_map(
    pool: ThreadPoolExecutor, function: Callable[[_Item], _Result], items: Iterable[_Item], most: int
) -> Iterator[_Result]:
    """`pool.map` that reads and computes at most `most` items before their results are asked for."""
    remaining = iter(items)
    pending: deque[Future[_Result]] = deque(pool.submit(function, item) for item in islice(remaining, most))
    while pending:
        yield pending.popleft().result()
        pending.extend(pool.submit(function, item) for item in islice(remaining, 1))
