"""Finds a Whisper checkpoint: the file of a tag in the local cache, or a path on disk or in S3. Uses no network but S3.

This module imports neither whisper nor torch, because `interloom validate` calls it and must be fast: tags are read from the
source of whisper's own table.
"""

from __future__ import annotations

import ast
import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from interloom.pipeline.errors import did_you_mean
from interloom.pipeline.store import storage


@dataclass(frozen=True, slots=True)
class Published:
    """What is published under a tag: the name of the file, its sha256, and the attention heads that follow time (base85)."""

    name: str
    sha256: str
    heads: bytes


@cache
def tags() -> Mapping[str, Published]:
    """Tag -> what is published under it; empty without whisper, or if its table does not have the expected form.

    `_MODELS = {"tiny": "https://.../65147644/tiny.pt"}` -> {"tiny": Published("tiny.pt", "65147644", ...)}
    """
    spec = find_spec("whisper")
    source = Path(spec.origin) if spec and spec.origin else None
    body = ast.parse(source.read_text(encoding="utf-8")).body if source else []
    tables = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Dict)
    }
    heads = tables.get("_ALIGNMENT_HEADS", {})
    return {
        tag: Published(posixpath.basename(url), url.split("/")[-2], heads.get(tag, b""))
        for tag, url in tables.get("_MODELS", {}).items()
    }


def is_path(model: str) -> bool:
    """Whether `model` is a path and not a tag: "tiny" -> False; "tiny.pt", "models/tiny" -> True."""
    return "/" in model or model.endswith((".pt", ".pth", ".bin"))


def cache_path(tag: str) -> Path:
    """The path to which whisper downloads the file of a tag; it need not exist."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "whisper" / tags()[tag].name


def paths(model: str) -> Iterator[str]:
    """The path of the checkpoint; nothing for a tag whose file is not in the cache."""
    if is_path(model):
        yield model
    elif model in tags() and cache_path(model).is_file():
        yield str(cache_path(model))


def problems(model: str) -> Iterator[str]:
    """What keeps the model from loading, one line for each problem. Loads nothing and downloads nothing."""
    missing = [name for name in ("torch", "whisper") if find_spec(name) is None]
    if missing:
        yield f"needs {' and '.join(missing)}, not installed here; pip install 'interloom[asr]'"
    elif is_path(model):
        if not storage.exists(model):
            yield f"no checkpoint at {model}"
    elif model not in tags():
        yield f"no model '{model}' in whisper{did_you_mean(model, tags())}"
    elif not cache_path(model).is_file():
        yield f"model {model} is not in the cache at {cache_path(model)}; give a path or download it beforehand"
