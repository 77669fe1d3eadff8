"""Loads a Whisper checkpoint of plain tensors from disk, the local cache or S3."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interloom.pipeline.errors import ConfigError, in_a_line
from interloom.pipeline.store import storage
from interloom.pipeline.temporary import temporary_file
from interloom.stages.transcribe_speech.whisper import checkpoints

_COPY_BYTES = 8 << 20
"""Bytes of a remote checkpoint that are in memory at a time; our choice."""


def load(model: str, device: str) -> Any:
    """Returns whisper's model in eval mode, in half precision on a GPU.

    Raises ConfigError if the checkpoint is missing, damaged, or could contain code.
    """
    problem = next(checkpoints.problems(model), None)
    if problem:
        raise ConfigError(problem)
    from whisper.model import ModelDimensions, Whisper

    with _local_file(model) as path:
        checkpoint = _load_tensors(path, model)
        try:
            whisper = Whisper(ModelDimensions(**checkpoint["dims"]))
            whisper.load_state_dict(checkpoint["model_state_dict"])
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
            reason = in_a_line(error, 200)
            raise ConfigError(f"checkpoint {model} is not a Whisper checkpoint: {reason or type(error).__name__}") from error
    heads = b"" if checkpoints.is_path(model) else checkpoints.tags()[model].heads
    if heads:
        whisper.set_alignment_heads(heads)
    whisper = whisper.eval().requires_grad_(False).to(device)
    return _to_half_precision(whisper) if device == "cuda" else whisper


@contextmanager
def _local_file(model: str) -> Iterator[Path]:
    """The checkpoint as a local file: in the cache, on disk, or a temporary copy from S3."""
    if not checkpoints.is_path(model):
        path = checkpoints.cache_path(model)
        _verify_sha256(path, checkpoints.tags()[model].sha256)
        yield path
    elif storage.is_remote(model):
        with temporary_file("whisper") as copy, storage.open(model) as file:
            while data := file.read(_COPY_BYTES):
                copy.write(data)
            copy.flush()
            yield Path(copy.name)
    else:
        yield Path(model)


def _verify_sha256(path: Path, sha256: str) -> None:
    """Raises ConfigError if the file has another sha256."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        raise ConfigError(f"{path} is not the file that was published under its name; remove it and download it again")


def _load_tensors(path: Path, model: str) -> dict[str, Any]:
    """The checkpoint's dimensions and weights. Raises ConfigError for a pickle of anything but tensors, without running it."""
    import torch

    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).split("\n")[0][:200]
        raise ConfigError(f"checkpoint {model} is refused: not plain tensors ({reason})") from error
    if not isinstance(checkpoint, dict) or not {"dims", "model_state_dict"} <= checkpoint.keys():
        raise ConfigError(f"checkpoint {model} is not a Whisper checkpoint: it lacks dims or model_state_dict")
    return checkpoint


def _to_half_precision(model: Any) -> Any:
    """Casts to fp16 the layers that whisper would otherwise cast at every call; its layer norms need full precision."""
    from torch import nn

    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv1d, nn.Embedding)):
            module.half()
    return model
