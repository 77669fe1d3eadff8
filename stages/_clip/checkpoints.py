"""Where a CLIP model's files are: names and tags that open_clip knows, its caches, folders on disk and in S3. Never the network.

Nothing here imports open_clip or torch, because `interloom validate` asks: names come from open_clip's folder of
configurations, and tags from the text of its table (`pretrained.py`).
"""

from __future__ import annotations

import ast
import json
import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from interloom.pipeline.store import storage

CONFIG_NAME = "open_clip_config.json"
WEIGHTS_NAMES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""What a published repository holds; of two, the first is better, since it cannot carry code."""
_SAFE, _ZIPPED = (".safetensors",), (".bin", ".pt", ".pth", ".ckpt")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a tag's weights are published: a Hugging Face repository (`owner/name/` or `owner/name/file`), or a URL."""

    hf_hub: str = ""
    url: str = ""


def is_path(model: str) -> bool:
    """Whether `model` is a folder or a `.json` rather than a name; names may have slashes, too (`ViT-B/32`)."""
    return canonical(model) not in known_models() and ("/" in model or model.endswith(".json") or Path(model).is_dir())


def canonical(name: str) -> str:
    return name.replace("/", "-")


@cache
def _package() -> Path | None:
    found = find_spec("open_clip")
    return Path(found.origin).parent if found and found.origin else None


@cache
def known_models() -> Mapping[str, Path]:
    """Name -> open_clip's configuration file."""
    package = _package()
    return {path.stem: path for path in sorted((package / "model_configs").glob("*.json"))} if package else {}


@cache
def known_tags() -> Mapping[str, Mapping[str, Origin]]:
    """Model -> tag -> where it is published; empty when open_clip keeps its table in a shape that we do not know."""
    package = _package()
    source = package / "pretrained.py" if package else None
    body = ast.parse(source.read_text(encoding="utf-8")).body if source and source.exists() else []
    named = {
        node.targets[0].id: node.value for node in body if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    table = named.get("_PRETRAINED")
    if not isinstance(table, ast.Dict):
        return {}
    return {
        str(key.value): dict(_origins(named.get(value.id) if isinstance(value, ast.Name) else value))
        for key, value in zip(table.keys, table.values, strict=True)
        if isinstance(key, ast.Constant)
    }


def _origins(tags: ast.expr | None) -> Iterator[tuple[str, Origin]]:
    for tag in tags.keywords if isinstance(tags, ast.Call) else ():
        given = tag.value.keywords if isinstance(tag.value, ast.Call) else []
        said = {word.arg: word.value.value for word in given if isinstance(word.value, ast.Constant)}
        yield tag.arg or "", Origin(str(said.get("hf_hub", "")), str(said.get("url", "")))


def tags_of(model: str) -> Mapping[str, Origin]:
    return known_tags().get(canonical(model).removesuffix("-quickgelu"), {})


def tag_of(pretrained: str) -> str:
    """A tag as open_clip's table writes it."""
    return pretrained.lower().replace("-", "_")


def cache_places(origin: Origin) -> list[Path]:
    """Folders where a download of `origin` lies once made, by Hugging Face's rules and by open_clip's."""
    places = []
    if origin.hf_hub:
        repository = posixpath.dirname(origin.hf_hub)
        places.append(_hub() / f"models--{repository.replace('/', '--')}" / "snapshots")
    if origin.url:
        places.append(Path("~/.cache/clip").expanduser())
    return places


def _hub() -> Path:
    set_ = os.environ
    home = set_.get("HF_HOME") or str(Path(set_.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface")
    return Path(set_.get("HF_HUB_CACHE") or str(Path(home) / "hub")).expanduser()


def cached(origin: Origin) -> Path | None:
    """The downloaded weights, if they are here."""
    name = posixpath.basename(origin.hf_hub)
    wanted = [posixpath.splitext(name)[0] + ".safetensors", name] if name else list(WEIGHTS_NAMES)
    hub = (
        [path for one in wanted for path in sorted(cache_places(Origin(origin.hf_hub))[0].glob(f"*/{one}"))]
        if origin.hf_hub
        else []
    )
    by_url = [cache_places(origin)[-1] / posixpath.basename(origin.url)] if origin.url else []
    return next((path for path in [*hub, *by_url] if path.is_file()), None)


def weights_in(folder: str) -> str | None:
    """The path of a folder's weights: a published name first, else the first safetensors, else the first torch file."""
    names = storage.list_names(folder)
    ranked = [name for name in WEIGHTS_NAMES if name in names]
    ranked += [name for ending in (_SAFE, _ZIPPED) for name in names if name.endswith(ending)]
    return storage.join(folder, ranked[0]) if ranked else None


def paths(model: str, pretrained: str | None) -> Iterator[str]:
    """The files and folders that the model is loaded from; those that `problems` would miss are left out."""
    if is_path(model):
        yield model
    if pretrained and is_weights(pretrained):
        yield pretrained
    elif pretrained and (origin := tags_of(model).get(tag_of(pretrained))) and (weights := cached(origin)):
        yield str(weights)


def is_weights(path: str) -> bool:
    return path.endswith((*_SAFE, *_ZIPPED))


def config_of(model: str) -> dict[str, Any]:
    """The configuration `{model_cfg, preprocess_cfg}` of a name, a folder or a `.json`. Raises FileNotFoundError, ValueError."""
    if is_path(model):
        config = json.loads(storage.read(model if model.endswith(".json") else storage.join(model, CONFIG_NAME)))
    else:
        config = json.loads(known_models()[canonical(model)].read_bytes())
    if not isinstance(config, dict):
        raise ValueError(f"{model}: its configuration is not a JSON object")
    return config if "model_cfg" in config else {"model_cfg": config}


def problems(model: str, pretrained: str | None) -> Iterator[str]:
    """What keeps the model from loading, each in one line, found offline."""
    missing = [name for name in ("torch", "open_clip") if find_spec(name) is None]
    if missing:
        yield f"needs {' and '.join(missing)}, not installed here; pip install 'interloom[clip]'"
    elif is_path(model):
        yield from _path_problems(model, pretrained)
    elif canonical(model) not in known_models():
        yield f"no model '{model}' in open_clip{_near(canonical(model), known_models())}"
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
        yield f"{model} says what the model is like; its weights are missing: give `pretrained`"
    elif weights_in(model) is None:
        yield f"no weights in {model} (looked for {', '.join('*' + ending for ending in (*_SAFE, *_ZIPPED))})"


def _pretrained_problems(model: str, pretrained: str) -> Iterator[str]:
    origin = tags_of(model).get(tag_of(pretrained))
    if is_weights(pretrained) or "/" in pretrained:
        yield from _checkpoint_problems(pretrained)
    elif origin is None:
        yield f"'{pretrained}' is no tag of {model} and no checkpoint{_near(pretrained, tags_of(model))}"
    elif cached(origin) is None:
        places = " or ".join(str(place) for place in cache_places(origin))
        yield f"model {model}/{pretrained} is not in the cache at {places}; give a path or download it beforehand"


def _checkpoint_problems(path: str) -> Iterator[str]:
    if not is_weights(path):
        yield f"checkpoint {path} is neither safetensors nor a torch file ({', '.join((*_SAFE, *_ZIPPED))})"
    elif not storage.exists(path):
        yield f"no checkpoint at {path}"


def _near(wrong: str, valid: Mapping[str, object]) -> str:
    near = get_close_matches(wrong, valid, 1, 0.6)
    return f"; did you mean '{near[0]}'?" if near else ""
