"""File names of pictures and clips in shards."""

from __future__ import annotations

from collections.abc import Mapping

from interloom.schemas.document import Media

# Readers decode a file by its extension, some of them by unpickling it. So a format that a page names must not become an
# extension unless it is one of these.
_EXTENSIONS: Mapping[str, str] = {
    **{name: name for name in ("avif", "bmp", "gif", "heic", "heif", "ico", "jp2", "jpg", "jxl", "png", "svg", "tif", "webp")},
    **{name: name for name in ("flac", "m4a", "mkv", "mov", "mp3", "mp4", "ogg", "opus", "wav", "webm")},
    "jpeg": "jpg",
    "mpo": "jpg",
    "tiff": "tif",
}


def extension_of(format: str) -> str:
    """Returns the file name extension of a media format, "bin" for an unknown one. Example: "JPEG" -> "jpg"."""
    return _EXTENSIONS.get(format.lower(), "bin")


def media_name(media: Media) -> str:
    """Returns the name of a picture or clip within its document: its position and extension. Example: "3.jpg"."""
    return f"{media.position}.{extension_of(media.format)}"
