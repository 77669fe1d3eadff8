"""Where a Whisper checkpoint is: a tag's file in the local cache, or a path on disk or in S3. Never the network.

Nothing here imports whisper or torch, because `interloom validate` asks: tags come from the text of whisper's own table.
"""

from __future__ import annotations

import ast
import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from interloom.pipeline.store import storage


@dataclass(frozen=True, slots=True)
class Published:
    """A tag: its file's name, the sha256 of that file, and which attention heads follow time (base85)."""

    name: str
    sha256: str
    heads: bytes


@cache
def tags() -> Mapping[str, Published]:
    """Tag -> what is published under it; empty when whisper is absent or keeps its table in a shape that we do not know."""
    found = find_spec("whisper")
    source = Path(found.origin) if found and found.origin else None
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
    return "/" in model or model.endswith((".pt", ".pth", ".bin"))


def cached(tag: str) -> Path:
    """Where whisper puts the file of a tag when somebody downloads it."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "whisper" / tags()[tag].name


def paths(model: str) -> Iterator[str]:
    """The checkpoint's path; a tag's only when it is in the cache."""
    if is_path(model):
        yield model
    elif model in tags() and cached(model).is_file():
        yield str(cached(model))


def problems(model: str) -> Iterator[str]:
    """What keeps the model from loading, each in one line, found offline."""
    missing = [name for name in ("torch", "whisper") if find_spec(name) is None]
    if missing:
        yield f"needs {' and '.join(missing)}, not installed here; pip install 'interloom[asr]'"
    elif is_path(model):
        if not storage.exists(model):
            yield f"no checkpoint at {model}"
    elif model not in tags():
        near = get_close_matches(model, tags(), 1, 0.5)
        yield f"no model '{model}' in whisper{f'; did you mean {near[0]!r}?' if near else ''}"
    elif not cached(model).is_file():
        yield f"model {model} is not in the cache at {cached(model)}; give a path or download it beforehand"
