"""Heads on CLIP embeddings: a few linear layers from a vector to a number."""

from __future__ import annotations

import io
import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store import storage

Floats = npt.NDArray[np.float64]
_LAYER = re.compile(r"(?:(?:.*\.)?layers\.(?P<number>\d+)\.|(?:.*\.)?)(?P<part>weight|bias)")


@dataclass(frozen=True)
class Head:
    """`layers` are (weight (out, in), bias (out,)) from first to last, the last with one output."""

    layers: tuple[tuple[Floats, Floats], ...]
    activation: Literal["none", "relu"]

    @classmethod
    def open(cls, path: str, activation: Literal["none", "relu"]) -> Head:
        """A head in torch's zip format: `weight` and `bias` (LAION aesthetic v1), or `layers.N.weight` and `layers.N.bias`
        (improved aesthetic v2); local or s3. Raises ConfigError for what is not plain tensors or does not fit together."""
        tensors = _tensors(path)
        named = [(_LAYER.fullmatch(name), value) for name, value in tensors.items()]
        parts = {(int(found["number"] or 0), found["part"]): value for found, value in named if found}
        numbers = sorted({number for number, _ in parts})
        if len(parts) != len(tensors) or len(parts) != 2 * len(numbers):
            raise ConfigError(f"head {path}: its tensors ({', '.join(sorted(tensors))[:200]}) are not weight and bias of layers")
        layers = tuple((parts[number, "weight"], parts[number, "bias"]) for number in numbers)
        _check(path, layers)
        return cls(layers, activation)

    @property
    def width(self) -> int:
        """The length of the vectors that it takes."""
        return int(self.layers[0][0].shape[1])

    def __call__(self, vectors: npt.NDArray[np.floating[Any]]) -> Floats:
        """(n,) scores of (n, width) vectors, which are brought to length 1 first, in float64 and row by row, so that a
        score does not depend on its neighbours."""
        return np.array([self._one(np.asarray(vector, np.float64)) for vector in vectors])

    def _one(self, vector: Floats) -> float:
        out = vector / (np.linalg.norm(vector) or 1.0)
        for number, (weight, bias) in enumerate(self.layers):
            out = np.maximum(out, 0.0) if number and self.activation == "relu" else out
            out = weight @ out + bias
        return float(out[0])


def _tensors(path: str) -> Mapping[str, Floats]:
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickles of another age, which are refused anyhow
            loaded = torch.load(io.BytesIO(storage.read(path)), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, TypeError, AttributeError, KeyError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ConfigError(f"head {path} is refused: not plain tensors in torch's format ({reason})") from error
    loaded = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else loaded
    if not isinstance(loaded, dict) or not all(isinstance(value, torch.Tensor) for value in loaded.values()):
        raise ConfigError(f"head {path} holds no tensors by name")
    return {str(name): value.double().numpy() for name, value in loaded.items()}


def _check(path: str, layers: tuple[tuple[Floats, Floats], ...]) -> None:
    shapes = [weight.shape for weight, _ in layers]
    flat = all(weight.ndim == 2 and bias.shape == weight.shape[:1] for weight, bias in layers)
    chained = flat and all(before[0] == after[1] for before, after in pairwise(shapes))
    if not layers or not chained or shapes[-1][0] != 1:
        raise ConfigError(f"head {path}: layers of {shapes} do not lead from a vector to one number")
