"""Opens, verifies and measures one picture's bytes with Pillow. The bytes are hostile until this has passed."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from interloom.pipeline.errors import DocumentError
from interloom.schemas.outcome import Drop
from interloom.stages.decode_images.phash import phash

_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "ICO", "TIFF", "JPEG2000", "PPM")
"""What the web shows, and scans. Not all that Pillow knows: EPS, for one, would start Ghostscript on the bytes."""
_ANIMATED = frozenset({"GIF", "PNG", "WEBP", "AVIF"})
_SIGNATURE = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|RIFF.{4}WEBP|BM.{4}\0\0\0\0|II\*\0|MM\0\*|.{4}ftypavi[fs]", re.DOTALL
)
_SVG = re.compile(
    rb"\s*(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*|<!DOCTYPE svg[^>]*>\s*)*<svg[\s>]", re.DOTALL | re.IGNORECASE
)
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError)
"""What Pillow's decoders raise on bytes that are not what they say they are."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Measures:
    """`format` in lower case; width and height in pixels after EXIF rotation; `phash` as 16 hex digits."""

    format: str
    width: int
    height: int
    phash: str


def measure(data: bytes, max_pixels: int, animated: bool) -> Measures | Drop:
    """The measures of a whole and sound picture, or why it goes. Raises DocumentError for a broken one.

    Of an animation only the first frame is decoded, and it goes when not `animated`.
    """
    if not data:
        return Drop("empty", 0)
    try:
        with _guarded(max_pixels), Image.open(io.BytesIO(data), formats=_formats()) as image:
            return _measured(image, animated)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        return Drop("bomb", _pixels(bomb), max_pixels)
    except UnidentifiedImageError as error:
        if not _SIGNATURE.match(data):
            return Drop("svg" if _SVG.match(data[:4096]) else "not_an_image")
        raise DocumentError("its header cannot be read, though it starts like a picture") from error
    except (*_BROKEN, struct.error, zlib.error) as error:
        raise DocumentError(_one_line(error)) from error


@cache
def _formats() -> tuple[str, ...]:
    """Those of ours that this build of Pillow has: it fails on the name of one that it lacks."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


@contextmanager
def _guarded(max_pixels: int) -> Iterator[None]:
    """Pillow's own bomb guard at our limit: it judges headers, and pictures inside pictures (ICO), before decoding."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _measured(image: Image.Image, animated: bool) -> Measures | Drop:
    kind = image.format or ""
    if not animated and kind in _ANIMATED and getattr(image, "is_animated", False):
        return Drop("animated", getattr(image, "n_frames", None), 1)
    # A JPEG's luma is its grey: all of the file is read and checked, but no colour is computed, which halves the time.
    image.draft("L", image.size)
    image.load()
    turn = _TURNS.get(_orientation(image))
    grey = _grey(image) if turn is None else _grey(image).transpose(turn)
    return Measures("jpeg" if kind == "MPO" else kind.lower(), grey.width, grey.height, phash(grey))


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; broken EXIF is no reason to lose the picture."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (*_BROKEN, struct.error):
        return 1


def _grey(image: Image.Image) -> Image.Image:
    """Mode L. 16-bit greys keep their high byte, where Pillow would clip all above 255 to white."""
    if image.mode == "L":
        return image
    if image.mode == "LAB":
        return image.getchannel("L")
    if image.mode == "I" or image.mode.startswith("I;16"):
        values = np.asarray(image)
        return Image.fromarray((values.clip(0, 65535) >> 8 if values.max() > 255 else values.clip(0)).astype(np.uint8))
    return image.convert("L")


def _pixels(bomb: Exception) -> float | None:
    """Pillow tells the size only in words."""
    found = re.search(r"\((\d+) pixels\)", str(bomb))
    return float(found[1]) if found else None


def _one_line(error: BaseException) -> str:
    words = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
