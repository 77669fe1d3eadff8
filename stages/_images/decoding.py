"""The one decoder of images: opens hostile bytes with Pillow, and turns all that can go wrong into DocumentError.

DocumentError
|-- ImageBombError      the image has too many pixels
`-- NotAnImageError     the bytes are an SVG, or not an image of a format in `IMAGE_FORMATS`
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Literal

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from interloom.pipeline.errors import DocumentError, in_a_line
from interloom.stages._images.formats import IMAGE_FORMATS, has_tiff_directory, image_media_type, looks_like_svg

NO_BYTES = "the image has no bytes to score; fetch images first"

_MAX_PIXELS = 1 << 27
"""`decode` refuses larger images; our choice. `stages.decode_images` drops them earlier, if the recipe has that step."""
_MAX_MESSAGE = 160
"""Characters of Pillow's message that an error keeps."""
_PILLOW_ERRORS = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError,
    struct.error, zlib.error,
)  # fmt: skip
"""What Pillow's decoders raise on damaged bytes."""
_TRANSPOSE_BY_ORIENTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> the operation that makes the image upright."""


class ImageBombError(DocumentError):
    """The image has more pixels than the limit. `pixels` is None if Pillow does not state the number."""

    def __init__(self, pixels: int | None) -> None:
        super().__init__(f"the image has too many pixels to decode{'' if pixels is None else f': {pixels}'}")
        self.pixels = pixels


class NotAnImageError(DocumentError):
    """The bytes are not an image that can be read; `reason` is a drop reason."""

    def __init__(self, reason: Literal["svg", "not_an_image"]) -> None:
        super().__init__("the image is an SVG" if reason == "svg" else "the bytes are not an image of a known format")
        self.reason = reason


@contextmanager
def open_image(data: bytes) -> Iterator[Image.Image]:
    """Opens an encoded image without decoding it; the body of the `with` statement decodes it.

    Raises ImageBombError, NotAnImageError, or DocumentError for a damaged image, also for what Pillow raises in the body.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_pillow_formats()) as image:
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageBombError(_pixels_in_message(error)) from error
    except UnidentifiedImageError as error:
        if image_media_type(data) == "image/tiff" and has_tiff_directory(data):
            raise DocumentError("cannot be decoded: Pillow cannot read this kind of TIFF") from error
        if image_media_type(data):
            raise DocumentError("cannot be decoded: the first bytes are those of an image, but the header is damaged") from error
        raise NotAnImageError("svg" if looks_like_svg(data) else "not_an_image") from error
    except _PILLOW_ERRORS as error:
        raise DocumentError(f"cannot be decoded ({type(error).__name__}: {in_a_line(error, _MAX_MESSAGE)})") from error


def decode(data: bytes) -> Image.Image:
    """The image as a page shows it: RGB, upright, transparent parts white. Raises DocumentError."""
    with open_image(data) as image:
        if image.width * image.height > _MAX_PIXELS:
            raise ImageBombError(image.width * image.height)
        image.load()
        return on_white(upright(image, exif_orientation(image))).convert("RGB")


def exif_orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 (upright) if there is no EXIF block or it is damaged."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _PILLOW_ERRORS:
        return 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image turned and mirrored as its EXIF orientation demands."""
    operation = _TRANSPOSE_BY_ORIENTATION.get(orientation)
    return image if operation is None else image.transpose(operation)


def on_white(image: Image.Image) -> Image.Image:
    """The image as a white page shows it, of 8 bits a channel: transparent parts are white, whatever colour they hide."""
    transparent = image.info.get("transparency") if image.mode.startswith("I") else None
    opaque = _with_eight_bits(image)
    if transparent is not None:  # a grey level of 16 bits
        mask = Image.fromarray((np.asarray(image) == transparent).astype(np.uint8) * 255)
        opaque.paste(255, (0, 0), mask)
    if not opaque.has_transparency_data:
        return opaque
    rgba = opaque.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def _with_eight_bits(image: Image.Image) -> Image.Image:
    """The image with 8 bits a channel. 16-bit greys keep their high byte; Pillow would make all above 255 white."""
    if image.mode == "LAB":
        return image.getchannel("L")
    if image.mode == "I" or image.mode.startswith("I;16"):
        values = np.asarray(image)
        return Image.fromarray((values.clip(0, 65535) >> 8 if values.max() > 255 else values.clip(0)).astype(np.uint8))
    return image


@cache
def _pillow_formats() -> tuple[str, ...]:
    """The formats of `IMAGE_FORMATS` that this build of Pillow has; it fails on the name of a format that it lacks."""
    Image.init()
    return tuple(image_format.pillow_name for image_format in IMAGE_FORMATS if image_format.pillow_name in Image.OPEN)


def _pixels_in_message(bomb: Exception) -> int | None:
    """The number of pixels, which only Pillow's message states: "Image size (3600000000 pixels) exceeds ..." -> 3600000000."""
    match = re.search(r"\((\d+) pixels\)", str(bomb))
    return int(match[1]) if match else None
