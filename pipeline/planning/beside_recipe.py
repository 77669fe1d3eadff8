"""What relative paths mean in a recipe that lies in object storage: they begin at its folder, because no machine has a folder to
which they could be relative. In a recipe on disk they begin where the command is started."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store import storage
from interloom.pipeline.store.object_stores import parts, url

_NAMED = frozenset({"paths", "to", "folder", "file", "table", "entries", "head"})
"""Parameters whose values are paths. Values of other parameters are paths if they begin with `./` or `../`: a model, for example,
may as well be a name."""
_MARKS = ("./", "../")


def anchored(values: Any, file: str) -> Any:
    """The recipe's values with `run` and the paths in its steps, as far as they are relative, below the folder of the recipe.

    Raises ConfigError for a path that leads out of the bucket.
    """
    if not storage.is_remote(file) or not isinstance(values, Mapping):
        return values
    recipe = {**values}
    if isinstance(run := values.get("run"), str):
        recipe["run"] = _below(file, run)
    if isinstance(steps := values.get("steps"), list):
        recipe["steps"] = [_step(file, step) for step in steps]
    return recipe


def _step(file: str, step: Any) -> Any:
    if not isinstance(step, Mapping) or not isinstance(step.get("with"), Mapping):
        return step
    return {**step, "with": {name: _value(file, value, name in _NAMED) for name, value in step["with"].items()}}


def _value(file: str, value: Any, is_path: bool) -> Any:
    if isinstance(value, list):
        return [_value(file, each, is_path) for each in value]
    if isinstance(value, Mapping):
        return {name: _value(file, each, is_path) for name, each in value.items()}
    return _below(file, value) if isinstance(value, str) and (is_path or value.startswith(_MARKS)) else value


def _below(file: str, path: str) -> str:
    """Example: s3://corpora/recipes/web.yaml, ../crawl/*.warc.gz -> s3://corpora/crawl/*.warc.gz"""
    if not path or "://" in path or path.startswith(("/", "~", "${")):
        return path
    folder = parts(file)[1].rpartition("/")[0]
    key = posixpath.normpath(posixpath.join(folder, path))
    if key.startswith(".."):
        raise ConfigError(f"{file}: {path} leads out of the bucket; write the whole path")
    return url(file, ("" if key == "." else key) + ("/" if path.endswith("/") else ""))
