"""Loads a CLIP model with open_clip, from a name and a cached tag or from files on disk or in S3. Uses no network but S3."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interloom.pipeline.errors import ConfigError, in_a_line
from interloom.pipeline.store import storage
from interloom.pipeline.temporary import temporary_folder
from interloom.stages._clip import checkpoints

_COPY_BYTES = 8 << 20
"""Bytes of a remote checkpoint that are in memory at a time; our choice."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """open_clip's model in eval mode, its tokenizer, and its transform of an image to a tensor."""

    model: Any
    tokenizer: Any
    transform: Any


def load(model: str, pretrained: str | None, *, precision: str, device: str) -> Loaded:
    """Loads a model with its weights. Raises ConfigError if a file is missing, does not fit, or could contain code."""
    problem = next(checkpoints.problems(model, pretrained), None)
    if problem:
        raise ConfigError(problem)
    import open_clip
    from open_clip.transform import PreprocessCfg, image_transform_v2

    with temporary_folder("clip") as scratch, _warnings_off():
        folder = _local_folder(model, pretrained, Path(scratch))
        try:
            built = open_clip.create_model(f"local-dir:{folder}", precision=precision, device=device, weights_only=True)
            tokenizer = _tokenizer(model, folder)
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError, AssertionError) as error:
            reason = in_a_line(error, 300)
            raise ConfigError(f"model {model} cannot be built with its weights: {reason}") from error
    transform = image_transform_v2(PreprocessCfg(**built.visual.preprocess_cfg), is_train=False)
    return Loaded(built.eval().requires_grad_(False), tokenizer, transform)


def _local_folder(model: str, pretrained: str | None, scratch: Path) -> Path:
    """Fills `scratch` with all that open_clip loads from a folder: the configuration, one checkpoint, the tokenizer's files."""
    config = checkpoints.config_of(model)
    checkpoint = pretrained if pretrained and checkpoints.is_weights(pretrained) else None
    if checkpoints.is_path(model):
        checkpoint = checkpoint or checkpoints.weights_in(model)
        _copy_tokenizer(model, scratch)
    elif checkpoint is None:
        config, checkpoint = _published(model, str(pretrained), config)
    local = _link_or_copy(str(checkpoint), scratch)
    _refuse_code(local)
    (scratch / checkpoints.CONFIG_NAME).write_text(json.dumps(config))
    return scratch


def _published(model: str, tag: str, config: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The configuration and the cached weights of a tag.

    The preprocessing and the activation are the tag's, not the model's: OpenAI's weights, for instance, need QuickGELU under
    every name.
    """
    from open_clip.pretrained import get_pretrained_cfg

    settings = get_pretrained_cfg(checkpoints.canonical(model).removesuffix("-quickgelu"), tag)
    shape = {**config["model_cfg"], "quick_gelu": bool(settings.get("quick_gelu", False))}
    preprocess = {key: settings[key] for key in ("mean", "std", "interpolation", "resize_mode") if key in settings}
    weights = checkpoints.cached_weights(checkpoints.tags_of(model)[checkpoints.tag_of(tag)])
    return {"model_cfg": shape, "preprocess_cfg": preprocess}, str(weights)


def _copy_tokenizer(model: str, scratch: Path) -> None:
    """Copies the files of a model's folder that may belong to its tokenizer."""
    if model.endswith(".json"):
        return
    for name in storage.list_names(model):
        if name.endswith((".json", ".txt", ".model")):
            (scratch / name).write_bytes(storage.read(storage.join(model, name)))


def _link_or_copy(checkpoint: str, scratch: Path) -> Path:
    """Puts the checkpoint under the name that open_clip looks for: links a local file, copies a remote one."""
    is_safetensors = checkpoint.endswith(".safetensors")
    target = scratch / checkpoints.WEIGHTS_NAMES[0 if is_safetensors else 1]
    if storage.is_remote(checkpoint):
        with storage.open(checkpoint) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file, _COPY_BYTES)
    else:
        target.symlink_to(Path(checkpoint).resolve())
    return target


def _refuse_code(checkpoint: Path) -> None:
    """Raises ConfigError for a checkpoint that is not plain tensors, before open_clip opens it: a pickle can run code."""
    import torch

    origin = checkpoint.resolve()
    try:
        if checkpoint.suffix == ".safetensors":
            from safetensors import SafetensorError, safe_open

            try:
                with safe_open(str(checkpoint), "pt"):
                    return
            except SafetensorError as error:
                raise ConfigError(f"checkpoint {origin} is damaged: not valid safetensors ({error})") from error
        torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).split("\n")[0][:200]
        raise ConfigError(f"checkpoint {origin} is refused: not plain tensors in torch's zip format ({reason})") from error


def _tokenizer(model: str, folder: Path) -> Any:
    """The tokenizer in the folder, or that of a published name, which may come from the Hugging Face cache."""
    import open_clip

    if checkpoints.is_path(model):
        return open_clip.get_tokenizer(f"local-dir:{folder}")
    name = checkpoints.canonical(model)
    from_hub = "hf_tokenizer_name" in checkpoints.config_of(model)["model_cfg"]["text_cfg"]
    return open_clip.get_tokenizer(name, local_files_only=True) if from_hub else open_clip.get_tokenizer(name)


@contextmanager
def _warnings_off() -> Iterator[None]:
    """Switches off log lines up to warnings: open_clip logs every step to the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
