"""Objects in Google Cloud Storage, through Google's library. The etag of an object is its generation."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from interloom.pipeline.errors import ConfigError, UnitError
from interloom.pipeline.store.gcs.client import bucket_of, clearly, store_time
from interloom.pipeline.store.object_stores import url
from interloom.pipeline.store.store_answers import undisturbed

_KIND = "application/octet-stream"


@clearly
def read(path: str, span: tuple[int, int] | None = None, etag: str = "") -> bytes:
    """The object's bytes, or those of `span` (first, last). With `etag` an object that was replaced meanwhile is a UnitError."""
    from google.api_core.exceptions import NotFound

    bucket, key = bucket_of(path)
    first, last = span or (None, None)
    blob = bucket.blob(key, generation=int(etag) if etag else None)
    try:
        return bytes(blob.download_as_bytes(start=first, end=last, raw_download=True))
    except NotFound as error:
        if etag:
            raise UnitError(f"{path}: it was replaced while it was read") from error
        raise


@clearly
def head(path: str) -> tuple[int, str] | None:
    """Size in bytes and generation; None when there is no such object."""
    bucket, key = bucket_of(path)
    blob = bucket.get_blob(key) if key else None
    return (blob.size, str(blob.generation)) if blob else None


def _send(path: str, body: bytes | Path, generation: int | None = None) -> None:
    """Writes an object, if it has this generation (0: if it is not there)."""
    from google.api_core.exceptions import NotFound
    from google.cloud.storage.retry import DEFAULT_RETRY

    bucket, key = bucket_of(path)
    options: Any = {"content_type": _KIND, "if_generation_match": generation, "retry": DEFAULT_RETRY}
    try:
        if isinstance(body, Path):
            bucket.blob(key).upload_from_filename(str(body), **options)
        else:
            bucket.blob(key).upload_from_string(body, **options)
    except NotFound as error:
        raise _no_bucket(path) from error


def _no_bucket(path: str) -> ConfigError:
    return ConfigError(f"{path}: no such bucket; create it or check its name")


@clearly
def put(path: str, data: bytes) -> None:
    """Writes an object."""
    _send(path, data)


@clearly
def upload(path: str, local_file: Path) -> None:
    """Writes a file of any size."""
    _send(path, local_file)


@clearly
def put_once(path: str, data: bytes) -> bool:
    """Whether this call made the object. A put that was retried after its answer got lost says False: it is there."""
    from google.api_core.exceptions import PreconditionFailed

    try:
        _send(path, data, 0)
    except PreconditionFailed:
        return False
    return True


@clearly
def put_if(path: str, body: bytes | Path, allow: Callable[[], object]) -> None:
    """Writes an object, bytes or a local file, if `allow` does not raise and nobody writes the object after `allow` was asked.

    `allow` is asked again when somebody did.
    """
    from google.api_core.exceptions import PreconditionFailed

    def attempt() -> bool | None:
        there = head(path)
        allow()
        try:
            _send(path, body, int(there[1]) if there else 0)
        except PreconditionFailed:
            return None
        return True

    undisturbed(path, attempt)


@clearly
def ages(folder: str) -> dict[str, float]:
    """How many seconds ago each object right in a folder was written, by the store's clock."""
    bucket, key = bucket_of(folder.rstrip("/") + "/")
    blobs = _listed(folder, bucket.list_blobs(prefix=key, delimiter="/"))
    now = store_time() if blobs else None
    return {blob.name.removeprefix(key): (now - blob.updated).total_seconds() for blob in blobs if now}


def _listed(path: str, pages: Any) -> list[Any]:
    from google.api_core.exceptions import NotFound

    try:
        return list(pages)
    except NotFound as error:
        raise _no_bucket(path) from error


@clearly
def listing(prefix: str, *, deep: bool = True) -> list[tuple[str, int, str]]:
    """(path, size, generation) of all objects whose path starts with `prefix`, or of those before the next slash, where deeper
    ones show as one path that ends in a slash."""
    bucket, key = bucket_of(prefix)
    pages = bucket.list_blobs(prefix=key, delimiter=None if deep else "/")
    entries = [(url(prefix, blob.name), blob.size, str(blob.generation)) for blob in _listed(prefix, pages)]
    return sorted([*entries, *((url(prefix, name), 0, "") for name in pages.prefixes)])


@clearly
def remove(path: str) -> None:
    """Deletes the object; it may be gone."""
    from google.api_core.exceptions import NotFound

    bucket, key = bucket_of(path)
    with suppress(NotFound):
        bucket.blob(key).delete()
