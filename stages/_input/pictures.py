"""Pictures as rows hold them: bytes, structs of Hugging Face, URLs, paths, base64 and `data:` URIs."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import replace

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Split
from interloom.schemas.document import Blob, Clip, Image
from interloom.stages._images.formats import image_media_type
from interloom.stages._input.files_beside import file_beside
from interloom.stages._input.surrogates import replace_surrogates
from interloom.stages._web.data_uri import decode_data_uri, is_data_uri

IMAGE_FORMATS: Mapping[str, str] = {
    **{name: name for name in ("png", "webp", "gif", "bmp", "avif", "heic", "heif", "jxl", "jp2", "ico", "svg")},
    **{"jpg": "jpeg", "jpeg": "jpeg", "jfif": "jpeg", "tif": "tiff", "tiff": "tiff"},
}
"""The formats of images by the ending of their files."""
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{64,}={0,2}\s*")
"""A string that may be base64: too long for a name, and nothing else in it."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")
_PATHS = ("path", "url", "src", "image_path")
"""The keys of structs that may name the file."""


def to_image(value: object, position: int, split: Split) -> Image | None:
    """Returns the image that a cell holds; None for an empty cell.

    A path is looked for beside the row's file and in the input's folder; if it is there, the image refers to it. What is not
    there, or lies outside, is an image without bytes, whose `url` is what the row says.
    In JSON the `bytes` of a struct are base64. Raises DocumentError for a broken `data:` URI, for `bytes` that are not base64,
    and for a cell that is none of these.

    Parameters:
        value: Bytes, a struct with `bytes` and `path`, a URL, a path, base64, or a `data:` URI.
        position: The position of the image.
        split: The file of the row.
    """
    if isinstance(value, Mapping):
        return _from_struct(value, position, split)
    if isinstance(value, bytes):
        return of_bytes(value, position)
    if isinstance(value, str):
        return _from_string(value, position, split) if value else None
    if value is None:
        return None
    raise DocumentError(f"an image is neither bytes nor a string but {type(value).__name__}")


def to_clip(value: object, position: int, split: Split, start_s: float | None = None, end_s: float | None = None) -> Clip:
    """Returns the video or sound that a cell names by its path or URL. If the file lies beside the row's or in the input's
    folder, the clip refers to it.

    Raises DocumentError for a cell that is no string.
    """
    if not isinstance(value, str):
        raise DocumentError(f"a video is no string but {type(value).__name__}")
    blob = _file_of(value, split)
    name = value.rpartition("/")[2]
    format_ = name.rpartition(".")[2].lower() if "." in name else ""
    clip = Clip(position=position, url=replace_surrogates(value), start_s=start_s, end_s=end_s, blob=blob)
    return replace(clip, format=format_ if format_.isalnum() else "")


def of_bytes(data: bytes, position: int, name: str = "") -> Image:
    """Returns an image with these bytes; its format is what they, or else the ending of its name, say."""
    return Image(position=position, data=data, format=format_of_media_type(image_media_type(data)) or format_of_name(name))


def format_of_name(name: str) -> str:
    """Returns the format that the ending of a file name stands for: "a/b.JPG" -> "jpeg", "b" -> ""."""
    return IMAGE_FORMATS.get(name.rpartition(".")[2].lower(), "")


def format_of_media_type(media_type: str) -> str:
    """Returns the format of a media type: "image/x-icon" -> "ico", "" -> ""."""
    kind = media_type.removeprefix("image/")
    return {"svg+xml": "svg", "x-icon": "ico", "vnd.microsoft.icon": "ico"}.get(kind, kind)


def _from_struct(value: Mapping[str, object], position: int, split: Split) -> Image | None:
    data = value.get("bytes")
    name = next((path for key in _PATHS if isinstance(path := value.get(key), str) and path), "")
    if isinstance(data, bytes):
        return of_bytes(data, position, name)
    if isinstance(data, str) and data:
        try:
            return of_bytes(base64.b64decode("".join(data.split()), validate=True), position, name)
        except ValueError as error:
            raise DocumentError(f"the bytes of an image are not base64: {error}") from error
    return _from_string(name, position, split) if name else None


def _from_string(value: str, position: int, split: Split) -> Image:
    if is_data_uri(value):
        return of_bytes(decode_data_uri(value), position)
    if blob := _file_of(value, split):
        return Image(position=position, url=replace_surrogates(value), format=format_of_name(value), blob=blob)
    data = None if _URL.match(value) else _decoded(value)
    return of_bytes(data, position) if data else Image(position=position, url=replace_surrogates(value))


def _file_of(value: str, split: Split) -> Blob | None:
    """A reference to the file that a path names: beside the row's file, or in the input's folder."""
    if _URL.match(value):
        return None
    folder = split.path.rpartition("/")[0]
    name = value.removeprefix(split.root.rstrip("/") + "/") if split.root else value
    found = (file_beside(place, name, split.root) for place in dict.fromkeys((folder, split.root)))
    return next(filter(None, found), None)


def _decoded(value: str) -> bytes | None:
    """Returns the bytes of an image in base64, None if the string is something else."""
    if not _BASE64.fullmatch(value):
        return None
    try:
        data = base64.b64decode("".join(value.split()))
    except binascii.Error:
        return None
    return data if image_media_type(data) else None
