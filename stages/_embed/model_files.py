"""Finds the files of a sentence-transformers model: by its name in the local cache, in a folder, in S3. Uses no network but S3.

This module imports neither torch nor sentence_transformers, because `interloom validate` calls it and must be fast.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from interloom.pipeline.planning.fingerprint import digest
from interloom.pipeline.planning.step_files import digests_of_files
from interloom.pipeline.store import storage
from interloom.stages._clip import checkpoints

MODULES_NAME = "modules.json"
"""The list of a model's modules. A folder without it is a plain transformer, whose token vectors are averaged."""
_CONFIG_NAME = "config.json"
_ORGANISATION = "sentence-transformers"
"""Who publishes the models that are named without an owner: "all-MiniLM-L6-v2"."""
_WEIGHTS_ENDINGS = (".safetensors", "pytorch_model.bin")
_LOADED_ENDINGS = (".json", ".txt", ".model", ".safetensors", ".bin")
"""Endings of the files that a model is loaded from: configurations, tokenizers, weights."""
_MODULES_OF_THE_LIBRARY = "sentence_transformers."


def is_clip(model: str, pretrained: str | None) -> bool:
    """Whether a model of texts is a CLIP: it has `pretrained`, a name of open_clip, or a configuration of open_clip."""
    if pretrained is not None or checkpoints.canonical(model) in checkpoints.known_models() or model.endswith(".json"):
        return True
    has_config = _is_folder(model) and storage.exists(storage.join(model, checkpoints.CONFIG_NAME))
    return has_config and not storage.exists(storage.join(model, MODULES_NAME))


def _is_folder(model: str) -> bool:
    """Whether `model` is a path rather than a name; names may contain a slash, too (`intfloat/e5-small`)."""
    return storage.is_remote(model) or model.startswith(("/", ".", "~")) or Path(model).is_dir()


def folder_of(model: str) -> str | None:
    """The folder of a model's files, on disk or in S3; None if a model of this name is not in the cache."""
    if storage.is_remote(model):
        return model
    if _is_folder(model):
        return str(Path(model).expanduser())
    snapshots = cache_folder(model)
    latest = snapshots.parent / "refs" / "main"
    named = [snapshots / latest.read_text().strip()] if latest.is_file() else []
    return next((str(path) for path in [*named, *sorted(snapshots.glob("*"))] if path.is_dir()), None)


def cache_folder(name: str) -> Path:
    """The folder in Hugging Face's cache, or in that of sentence-transformers, to which the model's versions are downloaded."""
    snapshots = checkpoints.hub_folder(f"{name if '/' in name else f'{_ORGANISATION}/{name}'}/")
    home = os.environ.get("SENTENCE_TRANSFORMERS_HOME")
    return Path(home, *snapshots.parts[-2:]) if home else snapshots


def paths(model: str) -> Iterator[str]:
    """The folder that the model is loaded from; nothing for a name that is not in the cache."""
    if folder := folder_of(model):
        yield folder


def revision(model: str, prompt: str | None, max_tokens: int | None) -> str:
    """What tells vectors of this model from others of the same name: a hash of its files, the prompt and the longest context."""
    return digest([*digests_of_files(paths(model), ()).values(), prompt, max_tokens])


def problems(model: str) -> Iterator[str]:
    """What keeps the model from loading, one line for each problem. Loads nothing and downloads nothing."""
    missing = [name for name in ("torch", "sentence_transformers") if find_spec(name) is None]
    folder = folder_of(model)
    if missing:
        yield f"needs {' and '.join(missing)}, not installed here; pip install 'interloom[embed]'"
    elif folder is None:
        yield f"model {model} is not in the cache at {cache_folder(model)}; give a path or download it beforehand"
    else:
        yield from _folder_problems(folder)


def _folder_problems(folder: str) -> Iterator[str]:
    names = [file.path.removeprefix(folder).lstrip("/") for file in storage.glob(folder.rstrip("/") + "/")]
    if not {MODULES_NAME, _CONFIG_NAME} & set(names):
        yield f"no model of texts at {folder}: it has neither {MODULES_NAME} nor {_CONFIG_NAME}"
        return
    if not any(name.endswith(_WEIGHTS_ENDINGS) for name in names):
        yield f"no weights in {folder} (looked for *.safetensors and pytorch_model.bin)"
    if MODULES_NAME in names:
        yield from _module_problems(storage.join(folder, MODULES_NAME))


def _module_problems(path: str) -> Iterator[str]:
    """Modules that are code of the model's own are not loaded."""
    try:
        types = [str(module["type"]) for module in json.loads(storage.read(path))]
    except (ValueError, TypeError, KeyError) as error:
        yield f"{path}: not a list of modules as expected ({type(error).__name__})"
        return
    for name in types:
        if not name.startswith(_MODULES_OF_THE_LIBRARY):
            yield f"{path}: module {name} is code of the model's own, which is not run"


def local_folder(folder: str, scratch: Path) -> Path:
    """The folder itself, or a copy of a remote one without weights for other runtimes."""
    if not storage.is_remote(folder):
        return Path(folder)
    for file in storage.glob(folder.rstrip("/") + "/"):
        name = file.path.removeprefix(folder).lstrip("/")
        if name.endswith(_LOADED_ENDINGS):
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            (scratch / name).write_bytes(storage.read(file.path))
    return scratch
