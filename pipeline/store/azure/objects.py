"""Objects in Azure Blob Storage, through obstore, with errors in one clear line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store.azure.client import LONG_S, SHORT_S, container_client, store_time
from interloom.pipeline.store.azure.errors import clearly
from interloom.pipeline.store.object_stores import parts, url
from interloom.pipeline.store.store_answers import undisturbed

_PART_BYTES = 16 << 20
_PARTS_AT_ONCE = 4
_MOST_AT_ONCE_BYTES = 5000 << 20
"""The largest blob that one request can write, and so the largest that is written on a condition."""


@clearly
def read(path: str, span: tuple[int, int] | None = None, etag: str = "") -> bytes:
    """The object's bytes, or those of `span` (first, last). With `etag` an object that was replaced meanwhile is a UnitError."""
    container, key = parts(path)
    options: Any = {"range": (span[0], span[1] + 1)} if span else {}
    options |= {"if_match": f'"{etag}"'} if etag else {}
    return bytes(container_client(container).get(key, options=options).bytes())


@clearly
def head(path: str) -> tuple[int, str] | None:
    """Size in bytes and etag; None when there is no such object."""
    container, key = parts(path)
    if not key:
        return None
    try:
        meta = container_client(container).head(key)
    except FileNotFoundError:
        return None
    return meta["size"], (meta["e_tag"] or "").strip('"')


@clearly
def put(path: str, data: bytes) -> None:
    """Writes an object."""
    container, key = parts(path)
    container_client(container).put(key, data, use_multipart=False)


@clearly
def put_once(path: str, data: bytes) -> bool:
    """Whether this call made the object. A put that was retried after its answer got lost says False: it is there."""
    from obstore.exceptions import AlreadyExistsError

    container, key = parts(path)
    try:
        container_client(container).put(key, data, mode="create")
    except AlreadyExistsError:
        return False
    return True


@clearly
def put_if(path: str, body: bytes | Path, allow: Callable[[], object]) -> None:
    """Writes an object, bytes or a local file, if `allow` does not raise and nobody writes the object after `allow` was asked.

    `allow` is asked again when somebody did. A file is sent in one request, so it may be as large as one request can be.
    """
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    container, key = parts(path)
    if isinstance(body, Path) and body.stat().st_size > _MOST_AT_ONCE_BYTES:
        way_out = "which Azure cannot replace safely; make shards smaller"
        raise ConfigError(f"{path}: larger than {_MOST_AT_ONCE_BYTES >> 20} MiB, {way_out}")

    def attempt() -> bool | None:
        there = head(path)
        allow()
        mode: Any = {"e_tag": f'"{there[1]}"'} if there else "create"
        try:
            container_client(container, LONG_S if isinstance(body, Path) else SHORT_S).put(key, body, mode=mode)
        except (AlreadyExistsError, PreconditionError):
            return None
        return True

    undisturbed(path, attempt)


@clearly
def upload(path: str, local_file: Path) -> None:
    """Writes a file of any size, in parts when it is large. Parts of a failed upload are removed by Azure after a week."""
    container, key = parts(path)
    container_client(container).put(key, local_file, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE)


@clearly
def ages(folder: str) -> dict[str, float]:
    """How many seconds ago each object right in a folder was written, by the store's clock."""
    container, key = parts(folder.rstrip("/") + "/")
    metas = container_client(container).list_with_delimiter(key)["objects"]
    if not metas:
        return {}
    now = store_time()
    return {meta["path"].removeprefix(key): (now - meta["last_modified"]).total_seconds() for meta in metas}


@clearly
def listing(prefix: str, *, deep: bool = True) -> list[tuple[str, int, str]]:
    """(path, size, etag) of all objects whose path starts with `prefix`, or of those before the next slash, where deeper
    ones show as one path that ends in a slash."""
    container, key = parts(prefix)
    store = container_client(container)
    folder = key.rpartition("/")[0]
    if deep and (key.endswith("/") or not key):
        return sorted(_entry(prefix, meta) for page in store.list(folder or None, chunk_size=1000) for meta in page)
    level = store.list_with_delimiter(folder or None)
    entries = [_entry(prefix, meta) for meta in level["objects"] if meta["path"].startswith(key)]
    folders = [f"{name.rstrip('/')}/" for name in level["common_prefixes"]]
    for name in (name for name in folders if name.startswith(key)):
        entries += listing(url(prefix, name)) if deep else [(url(prefix, name), 0, "")]
    return sorted(entries)


def _entry(prefix: str, meta: Mapping[str, Any]) -> tuple[str, int, str]:
    return url(prefix, meta["path"]), meta["size"], (meta["e_tag"] or "").strip('"')


@clearly
def remove(path: str) -> None:
    """Deletes the object; it may be gone."""
    container, key = parts(path)
    with suppress(FileNotFoundError):
        container_client(container).delete(key)
