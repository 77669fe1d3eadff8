"""What steps read besides documents: hashes of these files and folders, which fingerprints depend on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from interloom.pipeline.errors import ConfigError, in_a_line
from interloom.pipeline.planning.file_digests import digest_of_file
from interloom.pipeline.planning.fingerprint import digest
from interloom.pipeline.planning.plugins import Plugin
from interloom.pipeline.planning.recipe import Problems
from interloom.pipeline.store import storage


def digests_of_step(n: int, plugin: Plugin | None, values: Mapping[str, Any] | None, problems: Problems) -> dict[str, str]:
    """Returns a hash for each path that the step of line `n` reads; a path where nothing is becomes a problem."""
    if plugin is None or values is None:
        return {}
    step = plugin.build(values)
    try:
        return digests_of_files(step.files(), step.inputs())
    except ConfigError as error:
        problems.add(("steps", n, "with"), in_a_line(error))
        return {}


def digests_of_files(named: Iterable[str], inputs: Iterable[str]) -> dict[str, str]:
    """A hash for each path: of `named` files and folders by content (sha256; the etag in object storage), of `inputs` by name,
    size and time of change. Raises ConfigError for a path that is not there; an empty local folder may be one of `inputs`."""
    contents = {path: _content(path) for path in dict.fromkeys(named)}
    return contents | {path: _identities(path) for path in dict.fromkeys(inputs)}


def _content(path: str) -> str:
    root = path.rstrip("/") + "/"
    return digest([[f.path.removeprefix(root), _digest_of(f)] for f in _files(path)])


def _identities(path: str) -> str:
    files = _files(path) if storage.is_remote(path) else storage.glob(path)
    return digest([[f.path, f.identity] for f in files])


def _files(path: str) -> list[storage.Found]:
    if files := storage.glob(path):
        return files
    raise ConfigError(f"{path}: no such file or folder, or an empty one")


def _digest_of(file: storage.Found) -> str:
    return file.identity if storage.is_remote(file.path) else digest_of_file(file.path)
