"""Loads a Whisper checkpoint: plain tensors only, never from the network."""

from __future__ import annotations

import hashlib
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store import storage
from interloom.stages.transcribe_speech.whisper import checkpoints

_PIECE_BYTES = 8 << 20


def load(model: str, device: str) -> Any:
    """whisper's model in eval mode, in half precision on a GPU. Raises ConfigError: missing, damaged, or could carry code."""
    found = next(checkpoints.problems(model), None)
    if found:
        raise ConfigError(found)
    from whisper.model import ModelDimensions, Whisper

    with _local(model) as path:
        saved = _tensors(path, model)
        try:
            built = Whisper(ModelDimensions(**saved["dims"]))
            built.load_state_dict(saved["model_state_dict"])
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ConfigError(f"checkpoint {model} is no Whisper checkpoint: {reason or type(error).__name__}") from error
    heads = b"" if checkpoints.is_path(model) else checkpoints.tags()[model].heads
    if heads:
        built.set_alignment_heads(heads)
    built = built.eval().requires_grad_(False).to(device)
    return _halved(built) if device == "cuda" else built


@contextmanager
def _local(model: str) -> Iterator[Path]:
    if not checkpoints.is_path(model):
        path = checkpoints.cached(model)
        _check_sum(path, checkpoints.tags()[model].sha256)
        yield path
    elif storage.is_remote(model):
        with tempfile.NamedTemporaryFile(prefix="whisper-") as copy, storage.open(model) as file:
            while data := file.read(_PIECE_BYTES):
                copy.write(data)
            copy.flush()
            yield Path(copy.name)
    else:
        yield Path(model)


def _check_sum(path: Path, sha256: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ConfigError(f"{path} is not the file that was published under its name; remove it and download it again")


def _tensors(path: Path, model: str) -> dict[str, Any]:
    """The checkpoint, its tensors read as they are needed. A pickle with anything else in it is refused unread."""
    import torch

    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).split("\n")[0][:200]
        raise ConfigError(f"checkpoint {model} is refused: not plain tensors ({reason})") from error
    if not isinstance(saved, dict) or not {"dims", "model_state_dict"} <= saved.keys():
        raise ConfigError(f"checkpoint {model} is no Whisper checkpoint: it lacks dims or model_state_dict")
    return saved


def _halved(model: Any) -> Any:
    """fp16 where whisper would otherwise cast at every call; its layer norms want full precision."""
    from torch import nn

    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv1d, nn.Embedding)):
            module.half()
    return model
