"""Measures an encoded image: its format, its size, its perceptual hash. Its bytes are hostile until they have passed this."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image

from interloom.schemas.outcome import Drop
from interloom.stages._images.decoding import ImageBombError, NotAnImageError, exif_orientation, on_white, open_image, upright
from interloom.stages._images.formats import IMAGE_FORMATS
from interloom.stages.decode_images.phash import phash

_ANIMATED_FORMATS = frozenset(image_format.pillow_name for image_format in IMAGE_FORMATS if image_format.can_be_animated)


@dataclass(frozen=True, slots=True)
class Measures:
    """`format` in lower case; width and height in pixels after EXIF rotation; `phash` as 16 hex digits."""

    format: str
    width: int
    height: int
    phash: str


def measure(data: bytes, max_pixels: int, keep_animated: bool) -> Measures | Drop:
    """Decodes an image whole and measures it; of an animation, only the first frame is decoded.

    Returns a Drop if the bytes are not an image, if it has more than `max_pixels`, or if it is an animation and not
    `keep_animated`. Raises DocumentError for a damaged image.
    """
    if not data:
        return Drop("empty", 0)
    try:
        with _pixel_limit(max_pixels), open_image(data) as image:
            return _measured(image, keep_animated)
    except ImageBombError as error:
        return Drop("bomb", error.pixels, max_pixels)
    except NotAnImageError as error:
        return Drop(error.reason)


@contextmanager
def _pixel_limit(max_pixels: int) -> Iterator[None]:
    """Sets the limit of Pillow's own guard, which checks headers, also of images inside images (ICO), before it decodes.

    The limit is global to the process: not for use in threads.
    """
    limit_before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit_before


def _measured(image: Image.Image, keep_animated: bool) -> Measures | Drop:
    pillow_name = image.format or ""
    if not keep_animated and pillow_name in _ANIMATED_FORMATS and getattr(image, "is_animated", False):
        return Drop("animated", getattr(image, "n_frames", None), 1)
    # The luma of a JPEG is its grey image: the whole file is read and checked, but no colour is computed, which halves the time.
    image.draft("L", image.size)
    image.load()
    orientation = exif_orientation(image)
    grey = upright(on_white(image).convert("L"), orientation)
    # MPO is a JPEG that holds further images behind the first.
    return Measures("jpeg" if pillow_name == "MPO" else pillow_name.lower(), grey.width, grey.height, phash(grey))
