"""Which module keeps the objects of a path: one for each scheme, all with the same functions. Used by `storage` alone."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from interloom.pipeline.errors import ConfigError

_MODULES = {
    "s3://": "interloom.pipeline.store.s3",
    "az://": "interloom.pipeline.store.azure",
    "gs://": "interloom.pipeline.store.gcs",
}
_CLAIMED = (
    "a local path, s3://bucket/key (also other stores that speak S3: AWS_ENDPOINT_URL), gs://bucket/key or az://container/key"
)
_SCHEME = re.compile(r"(s3[an]?|gs|gcs|az|abfss?|wasbs?|hdfs|file|https?):", re.IGNORECASE)
_OTHER_WAYS = {
    "abfs://": "write az://container/key and set AZURE_STORAGE_ACCOUNT_NAME",
    "abfss://": "write az://container/key and set AZURE_STORAGE_ACCOUNT_NAME",
}


class ObjectStore(Protocol):
    """What the module of a store offers. Paths are whole: `s3://bucket/key`. An object that is not there is FileNotFoundError, a
    store that refuses us ConfigError, one that fails after all retries UnitError, an object that is too short DamageError."""

    def read(self, path: str, span: tuple[int, int] | None = None, etag: str = "") -> bytes:
        """The object's bytes, or those of `span` (first, last). With `etag` an object that was replaced is a UnitError."""

    def head(self, path: str) -> tuple[int, str] | None:
        """Size in bytes and etag; None when there is no such object."""

    def put(self, path: str, data: bytes) -> None:
        """Writes an object."""

    def put_once(self, path: str, data: bytes) -> bool:
        """Whether this call made the object: False if it was there."""

    def put_if(self, path: str, body: bytes | Path, allow: Callable[[], object]) -> None:
        """Writes an object if `allow` does not raise and nobody writes the object after `allow` was asked."""

    def upload(self, path: str, local_file: Path) -> None:
        """Writes a file of any size."""

    def ages(self, folder: str) -> dict[str, float]:
        """How many seconds ago each object right in a folder was written, by the store's clock."""

    def listing(self, prefix: str, *, deep: bool = True) -> list[tuple[str, int, str]]:
        """(path, size, etag) of all objects whose path starts with `prefix`, or of those before the next slash, where deeper
        ones show as one path that ends in a slash; sorted."""

    def remove(self, path: str) -> None:
        """Deletes the object; it may be gone."""

    def credentials_problem(self, path: str) -> str | None:
        """Why objects cannot be reached from here, found without the network."""


def store_of(path: str) -> ObjectStore:
    """The module for the scheme of a path."""
    return cast(ObjectStore, import_module(_MODULES[scheme_of(path)]))


def scheme_of(path: str) -> str:
    """`s3://`, `az://`, `gs://`, or empty for a path on disk."""
    return next((scheme for scheme in _MODULES if path.startswith(scheme)), "")


def is_object(path: str) -> bool:
    return path.startswith(tuple(_MODULES))


def parts(path: str) -> tuple[str, str]:
    """The bucket and the key of `s3://bucket/key`."""
    scheme = scheme_of(path)
    bucket, _, key = path.removeprefix(scheme).partition("/")
    if not bucket:
        raise ConfigError(f"{path}: no bucket; write {scheme}bucket/key")
    return bucket, key


def url(path: str, key: str) -> str:
    """The path of another key in the bucket of a path."""
    return f"{scheme_of(path)}{parts(path)[0]}/{key}"


def is_misspelt(path: str) -> bool:
    """Whether a path begins as one of a store would, but for its slashes (`s3:/bucket/key`), and is none on this disk."""
    return _SCHEME.match(path) is not None and not is_object(path) and not os.path.exists(path)


def refused(path: str) -> str:
    """Says of a path with a scheme that no module knows what to write instead."""
    way_out = _OTHER_WAYS.get(path.partition("://")[0] + "://", "")
    return f"{path}: {way_out + ': ' if way_out else 'write '}{_CLAIMED}"
