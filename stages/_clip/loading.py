"""Loads a CLIP model with open_clip from a name and a cached tag, or from files on disk or in S3. Never the network else."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store import storage
from interloom.stages._clip import checkpoints


@dataclass(frozen=True, slots=True)
class Loaded:
    """open_clip's model in eval mode, its tokenizer and its transform of a picture to a tensor."""

    model: Any
    tokenizer: Any
    transform: Any


def load(model: str, pretrained: str | None, *, precision: str, device: str) -> Loaded:
    """The model with its weights. Raises ConfigError when a file is missing, does not fit, or could carry code."""
    found = next(checkpoints.problems(model, pretrained), None)
    if found:
        raise ConfigError(found)
    import open_clip
    from open_clip.transform import PreprocessCfg, image_transform_v2

    with tempfile.TemporaryDirectory(prefix="interloom-clip-") as scratch, _quiet():
        folder = _gathered(model, pretrained, Path(scratch))
        try:
            built = open_clip.create_model(f"local-dir:{folder}", precision=precision, device=device, weights_only=True)
            tokenizer = _tokenizer(model, folder)
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError, AssertionError) as error:
            reason = " ".join(str(error).split())[:300]
            raise ConfigError(f"model {model} cannot be built with its weights: {reason}") from error
    transform = image_transform_v2(PreprocessCfg(**built.visual.preprocess_cfg), is_train=False)
    return Loaded(built.eval().requires_grad_(False), tokenizer, transform)


def _gathered(model: str, pretrained: str | None, scratch: Path) -> Path:
    """A folder of the shape that open_clip loads whole: configuration, one checkpoint, the tokenizer's files."""
    config = checkpoints.config_of(model)
    checkpoint = pretrained if pretrained and checkpoints.is_weights(pretrained) else None
    if checkpoints.is_path(model):
        checkpoint = checkpoint or checkpoints.weights_in(model)
        _fetch_all(model, scratch)
    elif checkpoint is None:
        config, checkpoint = _published(model, str(pretrained), config)
    _checked(_fetch(str(checkpoint), scratch))
    (scratch / checkpoints.CONFIG_NAME).write_text(json.dumps(config))
    return scratch


def _published(model: str, tag: str, config: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """A tag's own preprocessing and activation: OpenAI's weights, for one, want QuickGELU under every name."""
    from open_clip.pretrained import get_pretrained_cfg

    said = get_pretrained_cfg(checkpoints.canonical(model).removesuffix("-quickgelu"), tag)
    shape = {**config["model_cfg"], "quick_gelu": bool(said.get("quick_gelu", False))}
    preprocess = {key: said[key] for key in ("mean", "std", "interpolation", "resize_mode") if key in said}
    return {"model_cfg": shape, "preprocess_cfg": preprocess}, str(
        checkpoints.cached(checkpoints.tags_of(model)[checkpoints.tag_of(tag)])
    )


def _fetch_all(model: str, scratch: Path) -> None:
    """Copies what may belong to the tokenizer; weights come one by one."""
    if model.endswith(".json"):
        return
    for name in storage.list_names(model):
        if name.endswith((".json", ".txt", ".model")):
            (scratch / name).write_bytes(storage.read(storage.join(model, name)))


def _fetch(checkpoint: str, scratch: Path) -> Path:
    """The checkpoint under the name that open_clip looks for first; a local one is linked, not copied."""
    safe = checkpoint.endswith(".safetensors")
    target = scratch / checkpoints.WEIGHTS_NAMES[0 if safe else 1]
    if storage.is_remote(checkpoint):
        with storage.open(checkpoint) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file, 8 << 20)
    else:
        target.symlink_to(Path(checkpoint).resolve())
    return target


def _checked(checkpoint: Path) -> None:
    """Refuses a checkpoint that is not plain tensors, before open_clip opens it: a pickle can run code."""
    import torch

    origin = checkpoint.resolve()
    try:
        if checkpoint.suffix == ".safetensors":
            from safetensors import SafetensorError, safe_open

            try:
                with safe_open(str(checkpoint), "pt"):
                    return
            except SafetensorError as error:
                raise ConfigError(f"checkpoint {origin} is not sound safetensors: {error}") from error
        torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).split("\n")[0][:200]
        raise ConfigError(f"checkpoint {origin} is refused: not plain tensors in torch's zip format ({reason})") from error


def _tokenizer(model: str, folder: Path) -> Any:
    import open_clip

    if checkpoints.is_path(model):
        return open_clip.get_tokenizer(f"local-dir:{folder}")
    name = checkpoints.canonical(model)
    from_hub = "hf_tokenizer_name" in checkpoints.config_of(model)["model_cfg"]["text_cfg"]
    return open_clip.get_tokenizer(name, local_files_only=True) if from_hub else open_clip.get_tokenizer(name)


@contextmanager
def _quiet() -> Iterator[None]:
    """open_clip tells its every step to the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
