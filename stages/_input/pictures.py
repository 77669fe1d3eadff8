"""Pictures as rows hold them: bytes, structs of Hugging Face, URLs, paths, base64 and `data:` URIs."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Blob, Clip, Document, Image
from interloom.schemas.outcome import Drop, Dropped, Outcome
from interloom.stages._images.formats import image_media_type
from interloom.stages._input.files_beside import file_beside, is_there, lasting
from interloom.stages._input.rows import RowOrigin
from interloom.stages._input.surrogates import replace_surrogates
from interloom.stages._web.data_uri import decode_data_uri, is_data_uri

IMAGE_FORMATS: Mapping[str, str] = {
    **{name: name for name in ("png", "webp", "gif", "bmp", "avif", "heic", "heif", "jxl", "jp2", "ico", "svg")},
    **{"jpg": "jpeg", "jpeg": "jpeg", "jfif": "jpeg", "tif": "tiff", "tiff": "tiff"},
}
"""The formats of images by the ending of their files."""
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{64,}={0,2}\s*")
"""A string that may be base64: too long for a name, and nothing else in it."""
_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//|data:")
_FILE = "file://"
MISSING_FILE = Drop("missing_file")
OUTSIDE_FOLDER = Drop("outside_folder")
_PATHS = ("path", "url", "src", "image_path")
"""The keys of structs that may name the file."""


def to_image(value: object, position: int, origin: RowOrigin) -> Image | None:
    """Returns the image that a cell holds; None for an empty cell.

    A path is looked for beside the row's file, in the input's folder and in `media_root`; if it is there, the image refers to it.
    What is not there, or lies outside, is an image without bytes, whose `url` is what the row says.
    In JSON the `bytes` of a struct are base64. Raises DocumentError for a broken `data:` URI, for `bytes` that are not base64,
    and for a cell that is none of these.

    Parameters:
        value: Bytes, a struct with `bytes` and `path`, a URL, a path, base64, or a `data:` URI.
        position: The position of the image.
        origin: The row.
    """
    if isinstance(value, Mapping):
        return _from_struct(value, position, origin)
    if isinstance(value, bytes):
        return of_bytes(value, position)
    if isinstance(value, str):
        return _from_string(value, position, origin) if value else None
    if value is None:
        return None
    raise DocumentError(f"an image is neither bytes nor a string but {type(value).__name__}")


def to_clip(value: object, position: int, origin: RowOrigin, start_s: float | None = None, end_s: float | None = None) -> Clip:
    """Returns the video or sound that a cell names by its path or URL. If the file is there, as for `to_image`, the clip refers
    to it.

    Raises DocumentError for a cell that is no string.
    """
    if not isinstance(value, str):
        raise DocumentError(f"a video is no string but {type(value).__name__}")
    blob = _file_of(value, origin)
    name = value.rpartition("/")[2]
    format_ = name.rpartition(".")[2].lower() if "." in name else ""
    clip = Clip(position=position, url=replace_surrogates(value), start_s=start_s, end_s=end_s, blob=blob)
    return replace(clip, format=format_ if format_.isalnum() else "")


def with_files(doc: Document, origin: RowOrigin) -> Iterator[Outcome]:
    """Yields the document without the images that name a file which is not there: each is dropped as `missing_file`, or as
    `outside_folder` if the file is there, but may not be read. If there is nothing else in the document, so is the document."""
    missing = [image for image in doc.images if image.url and image.data is None and image.blob is None and _is_path(image.url)]
    kept = doc.without(image.position for image in missing) if missing else doc
    if missing and not kept.elements:
        yield Dropped(doc.id, _why_missing(missing[0].url, origin), url=missing[0].url)
        return
    yield from (Dropped(doc.id, _why_missing(image.url, origin), image.position, image.url) for image in missing)
    yield kept


def _why_missing(url: str, origin: RowOrigin) -> Drop:
    folders = dict.fromkeys((origin.split.path.rpartition("/")[0], origin.split.root, *filter(None, (origin.media_root,))))
    path = unquote(urlsplit(url).path) if url.startswith(_FILE) else url
    return OUTSIDE_FOLDER if any(is_there(folder, path) for folder in folders) else MISSING_FILE


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


def _from_struct(value: Mapping[str, object], position: int, origin: RowOrigin) -> Image | None:
    data = value.get("bytes")
    name = next((path for key in _PATHS if isinstance(path := value.get(key), str) and path), "")
    if isinstance(data, bytes):
        return of_bytes(data, position, name)
    if isinstance(data, str) and data:
        try:
            return of_bytes(base64.b64decode("".join(data.split()), validate=True), position, name)
        except ValueError as error:
            raise DocumentError(f"the bytes of an image are not base64: {error}") from error
    return _from_string(name, position, origin) if name else None


def _from_string(value: str, position: int, origin: RowOrigin) -> Image:
    if is_data_uri(value):
        return of_bytes(decode_data_uri(value), position)
    if blob := _file_of(value, origin):
        return Image(position=position, url=replace_surrogates(value), format=format_of_name(value), blob=blob)
    data = _decoded(value) if _is_path(value) else None
    return of_bytes(data, position) if data else Image(position=position, url=replace_surrogates(value))


def _file_of(value: str, origin: RowOrigin) -> Blob | None:
    """A reference to the file that a path names: beside the row's file, in the input's folder, or in `media_root`."""
    split = origin.split
    path = unquote(urlsplit(value).path) if value.startswith(_FILE) else value
    places = {split.path.rpartition("/")[0]: split.root, split.root: split.root}
    places |= {origin.media_root: ""} if origin.media_root else {}
    names = ((place, _below(path, place), root) for place, root in places.items())
    return next((blob for place, name, root in names if name and (blob := file_beside(place, name, root))), None)


def _below(path: str, folder: str) -> str:
    """The path relative to a folder; "" if it is absolute, or a URL, and does not lead into it."""
    if _is_path(path) and not path.startswith("/"):
        return path
    inside = lasting(folder or ".").rstrip("/") + "/"
    return path.removeprefix(inside) if path.startswith(inside) else ""


def _is_path(value: str) -> bool:
    return value.startswith(_FILE) or not _URL.match(value)


def _decoded(value: str) -> bytes | None:
    """Returns the bytes of an image in base64, None if the string is something else."""
    if not _BASE64.fullmatch(value):
        return None
    try:
        data = base64.b64decode("".join(value.split()))
    except binascii.Error:
        return None
    return data if image_media_type(data) else None
