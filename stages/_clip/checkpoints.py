"""Finds the files of a CLIP model: by open_clip's names and tags, in its caches, on disk and in S3. Uses no network but S3.

This module imports neither open_clip nor torch, because `interloom validate` calls it and must be fast: names are read from
open_clip's folder of configurations, and tags from the source of its table (`pretrained.py`).
"""

from __future__ import annotations

import ast
import json
import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from interloom.pipeline.errors import did_you_mean
from interloom.pipeline.planning.fingerprint import digest
from interloom.pipeline.planning.step_files import digests_of_files
from interloom.pipeline.store import storage

CONFIG_NAME = "open_clip_config.json"
WEIGHTS_NAMES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""The names of the weights in a published repository. If it has both, the first is used, because it cannot contain code."""
_SAFETENSORS_ENDINGS = (".safetensors",)
_TORCH_ENDINGS = (".bin", ".pt", ".pth", ".ckpt")
_ENDINGS = (*_SAFETENSORS_ENDINGS, *_TORCH_ENDINGS)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a tag's weights are published: a Hugging Face repository (`owner/name/` or `owner/name/file`), or a URL."""

    hf_hub: str = ""
    url: str = ""


def is_path(model: str) -> bool:
    """Whether `model` is a folder or a `.json` rather than a name; names may contain slashes, too (`ViT-B/32`)."""
    return canonical(model) not in known_models() and ("/" in model or model.endswith(".json") or Path(model).is_dir())


def canonical(name: str) -> str:
    """The name as open_clip's files have it: "ViT-B/32" -> "ViT-B-32"."""
    return name.replace("/", "-")


@cache
def _package() -> Path | None:
    """The folder of the installed open_clip; None without open_clip."""
    spec = find_spec("open_clip")
    return Path(spec.origin).parent if spec and spec.origin else None


@cache
def known_models() -> Mapping[str, Path]:
    """Name -> open_clip's configuration file."""
    package = _package()
    return {path.stem: path for path in sorted((package / "model_configs").glob("*.json"))} if package else {}


@cache
def known_tags() -> Mapping[str, Mapping[str, Origin]]:
    """Model -> tag -> where its weights are published; empty if open_clip's table does not have the expected form.

    `_PRETRAINED = {"ViT-L-14": dict(openai=_pcfg(url="https://..."))}` -> {"ViT-L-14": {"openai": Origin(url="https://...")}}
    """
    package = _package()
    source = package / "pretrained.py" if package else None
    body = ast.parse(source.read_text(encoding="utf-8")).body if source and source.exists() else []
    values = {
        node.targets[0].id: node.value for node in body if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    table = values.get("_PRETRAINED")
    if not isinstance(table, ast.Dict):
        return {}
    return {
        str(key.value): dict(_origins(values.get(value.id) if isinstance(value, ast.Name) else value))
        for key, value in zip(table.keys, table.values, strict=True)
        if isinstance(key, ast.Constant)
    }


def _origins(tags: ast.expr | None) -> Iterator[tuple[str, Origin]]:
    """The tags of a model, from the syntax tree of `dict(openai=_pcfg(url="https://..."))`."""
    for tag in tags.keywords if isinstance(tags, ast.Call) else ():
        keywords = tag.value.keywords if isinstance(tag.value, ast.Call) else []
        settings = {keyword.arg: keyword.value.value for keyword in keywords if isinstance(keyword.value, ast.Constant)}
        yield tag.arg or "", Origin(str(settings.get("hf_hub", "")), str(settings.get("url", "")))


def tags_of(model: str) -> Mapping[str, Origin]:
    """The tags that open_clip publishes for a model; the QuickGELU variant of a model has the same."""
    return known_tags().get(canonical(model).removesuffix("-quickgelu"), {})


def tag_of(pretrained: str) -> str:
    """The tag as open_clip's table writes it: "LAION2B-s34B-b79K" -> "laion2b_s34b_b79k"."""
    return pretrained.lower().replace("-", "_")


def cache_folders(origin: Origin) -> list[Path]:
    """The folders to which Hugging Face and open_clip download the weights of `origin`."""
    folders = [hub_folder(origin.hf_hub)] if origin.hf_hub else []
    return [*folders, _url_folder()] if origin.url else folders


def hub_folder(hf_hub: str) -> Path:
    """Hugging Face's cache of a repository: "laion/clip/" -> "~/.cache/huggingface/hub/models--laion--clip/snapshots"."""
    home = os.environ.get("HF_HOME") or str(Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or str(Path(home) / "hub")).expanduser()
    return hub / f"models--{posixpath.dirname(hf_hub).replace('/', '--')}" / "snapshots"


def _url_folder() -> Path:
    return Path("~/.cache/clip").expanduser()


def cached_weights(origin: Origin) -> Path | None:
    """The downloaded weights of `origin`; None if they are not in a cache on this machine."""
    candidates = list[Path]()
    if origin.hf_hub:
        name = posixpath.basename(origin.hf_hub)
        names = [posixpath.splitext(name)[0] + ".safetensors", name] if name else WEIGHTS_NAMES
        candidates += [path for name in names for path in sorted(hub_folder(origin.hf_hub).glob(f"*/{name}"))]
    if origin.url:
        candidates.append(_url_folder() / posixpath.basename(origin.url))
    return next((path for path in candidates if path.is_file()), None)


def weights_in(folder: str) -> str | None:
    """The path of the weights in a folder: a published name, else the first safetensors file, else the first torch file."""
    names = storage.list_names(folder)
    ranked = [name for name in WEIGHTS_NAMES if name in names]
    ranked += [name for ending in (_SAFETENSORS_ENDINGS, _TORCH_ENDINGS) for name in names if name.endswith(ending)]
    return storage.join(folder, ranked[0]) if ranked else None


def paths(model: str, pretrained: str | None) -> Iterator[str]:
    """The files and folders that the model is loaded from, without weights that are not in the cache."""
    if is_path(model):
        yield model
    if pretrained and is_weights(pretrained):
        yield pretrained
    elif pretrained and (origin := tags_of(model).get(tag_of(pretrained))) and (weights := cached_weights(origin)):
        yield str(weights)


def revision(model: str, pretrained: str | None) -> str:
    """What tells the model's weights from others of the same name: the tag as open_clip's table writes it, or a hash of files."""
    if pretrained and not is_weights(pretrained):
        return tag_of(pretrained)
    return digest(list(digests_of_files(paths(model, pretrained), ()).values()))


def version(pretrained: str | None) -> str:
    """What tells the weights from others of the same model before any file is read: the tag, or the path, as given."""
    return "" if pretrained is None else pretrained if is_weights(pretrained) else tag_of(pretrained)


def is_weights(path: str) -> bool:
    """Whether the path has the ending of a checkpoint."""
    return path.endswith(_ENDINGS)


def config_of(model: str) -> dict[str, Any]:
    """The configuration `{model_cfg, preprocess_cfg}` of a name, a folder or a `.json` file.

    Raises FileNotFoundError, or ValueError if it is not a JSON object.
    """
    if is_path(model):
        config = json.loads(storage.read(model if model.endswith(".json") else storage.join(model, CONFIG_NAME)))
    else:
        config = json.loads(known_models()[canonical(model)].read_bytes())
    if not isinstance(config, dict):
        raise ValueError(f"{model}: its configuration is not a JSON object")
    return config if "model_cfg" in config else {"model_cfg": config}


def problems(model: str, pretrained: str | None) -> Iterator[str]:
    """What keeps the model from loading, one line for each problem. Loads nothing and downloads nothing."""
    missing = [name for name in ("torch", "open_clip") if find_spec(name) is None]
    if missing:
        yield f"needs {' and '.join(missing)}, not installed here; pip install 'interloom[clip]'"
    elif is_path(model):
        yield from _path_problems(model, pretrained)
    elif canonical(model) not in known_models():
        yield f"no model '{model}' in open_clip{did_you_mean(canonical(model), known_models())}"
    elif pretrained is None:
        yield f"model {model} needs `pretrained`: a tag ({', '.join(tags_of(model)) or 'none published'}) or a checkpoint's path"
    else:
        yield from _pretrained_problems(model, pretrained)


def _path_problems(model: str, pretrained: str | None) -> Iterator[str]:
    try:
        shape = config_of(model)["model_cfg"]
    except FileNotFoundError as error:
        yield f"no model at {model}: {error}"
        return
    except ValueError as error:
        yield f"{model}: its configuration is not JSON as expected ({error})"
        return
    if not (isinstance(shape, dict) and {"embed_dim", "vision_cfg", "text_cfg"} <= shape.keys()):
        yield f"{model}: its configuration lacks embed_dim, vision_cfg or text_cfg"
    if pretrained is not None:
        yield from _checkpoint_problems(pretrained)
    elif model.endswith(".json"):
        yield f"{model} holds a configuration only; its weights are missing: give `pretrained`"
    elif weights_in(model) is None:
        endings = ", ".join(f"*{ending}" for ending in _ENDINGS)
        yield f"no weights in {model} (looked for {endings})"


def _pretrained_problems(model: str, pretrained: str) -> Iterator[str]:
    origin = tags_of(model).get(tag_of(pretrained))
    if is_weights(pretrained) or "/" in pretrained:
        yield from _checkpoint_problems(pretrained)
    elif origin is None:
        yield f"'{pretrained}' is neither a tag of {model} nor a checkpoint{did_you_mean(pretrained, tags_of(model))}"
    elif cached_weights(origin) is None:
        folders = " or ".join(map(str, cache_folders(origin)))
        yield f"model {model}/{pretrained} is not in the cache at {folders}; give a path or download it beforehand"


def _checkpoint_problems(path: str) -> Iterator[str]:
    if not is_weights(path):
        yield f"checkpoint {path} is neither safetensors nor a torch file ({', '.join(_ENDINGS)})"
    elif not storage.exists(path):
        yield f"no checkpoint at {path}"
