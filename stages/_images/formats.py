"""The image formats that are read, and the bytes that their files begin with."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageFormat:
    """A format: Pillow's name for it, its media type, and the pattern of its first bytes.

    `signature` is None if the first bytes are too short or too common to tell the format from other files.
    """

    pillow_name: str
    media_type: str
    signature: re.Pattern[bytes] | None
    can_be_animated: bool = False


IMAGE_FORMATS = (
    ImageFormat("JPEG", "image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ImageFormat("PNG", "image/png", re.compile(rb"\x89PNG\r\n\x1a\n"), can_be_animated=True),
    ImageFormat("GIF", "image/gif", re.compile(rb"GIF8[79]a"), can_be_animated=True),
    ImageFormat("WEBP", "image/webp", re.compile(rb"RIFF.{4}WEBP", re.DOTALL), can_be_animated=True),
    ImageFormat("AVIF", "image/avif", re.compile(rb".{4}ftypavi[fs]", re.DOTALL), can_be_animated=True),
    ImageFormat("BMP", "image/bmp", re.compile(rb"BM.{4}\0\0\0\0", re.DOTALL)),
    ImageFormat("ICO", "image/x-icon", None),
    ImageFormat("TIFF", "image/tiff", re.compile(rb"II\*\0|MM\0\*")),
    ImageFormat("JPEG2000", "image/jp2", None),
    ImageFormat("PPM", "image/x-portable-anymap", None),
)
"""What the web shows, and scans. Not all that Pillow knows: for EPS, for instance, Pillow would run Ghostscript on the bytes."""

_SVG = re.compile(
    rb"\s*(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*|<!DOCTYPE svg[^>]*>\s*)*<svg[\s>]", re.DOTALL | re.IGNORECASE
)
_TIFF_FIELD_BYTES, _TIFF_TYPES = 12, 13
"""Size of a field of a TIFF, and the number of its types (TIFF 6.0, section 2, and IFD of its supplement 1)."""
_SVG_SEARCH_BYTES = 4096
"""`<svg` must begin within so many bytes; our choice."""


def image_media_type(data: bytes) -> str:
    """The media type that the first bytes show: b"GIF89a..." -> "image/gif"; "" if no signature matches."""
    for image_format in IMAGE_FORMATS:
        if image_format.signature and image_format.signature.match(data):
            return image_format.media_type
    return ""


def has_tiff_directory(data: bytes) -> bool:
    """Whether a TIFF has a directory of fields in order and of known types, as TIFF 6.0 (section 2) wants it."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        fields = [struct.unpack_from(f"{order}HH", data, start + 2 + n * _TIFF_FIELD_BYTES) for n in range(count)]
    except struct.error:
        return False
    tags = [tag for tag, _ in fields]
    return bool(fields) and tags == sorted(set(tags)) and all(1 <= kind <= _TIFF_TYPES for _, kind in fields)


def looks_like_svg(data: bytes) -> bool:
    """Whether `<svg` is the first element: b'<?xml version="1.0"?><svg>' -> True; b"<html><svg>" -> False."""
    return _SVG.match(data[:_SVG_SEARCH_BYTES]) is not None
