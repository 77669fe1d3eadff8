"""Heads on CLIP vectors: a few linear layers that map a vector to a score."""

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

from interloom.pipeline.errors import ConfigError, in_a_line
from interloom.pipeline.store import storage

Floats = npt.NDArray[np.float64]
_LAYER = re.compile(r"(?:(?:.*\.)?layers\.(?P<number>\d+)\.|(?:.*\.)?)(?P<part>weight|bias)")
"""Names of tensors: "layers.2.weight" is the weight of layer 2, and "weight" that of layer 0."""


@dataclass(frozen=True)
class Head:
    """The layers of a head, first to last, as pairs of weight (out, in) and bias (out,); the last has one output."""

    layers: tuple[tuple[Floats, Floats], ...]
    activation: Literal["none", "relu"]

    @classmethod
    def open(cls, path: str, activation: Literal["none", "relu"]) -> Head:
        """Loads a head. Raises ConfigError for a file that is not plain tensors, or whose layers do not fit together.

        Parameters:
            path: A local or s3 file in torch's zip format with the tensors `weight` and `bias` (LAION aesthetic v1), or
                `layers.N.weight` and `layers.N.bias` (improved aesthetic v2).
            activation: The activation between the layers.
        """
        tensors = _tensors(path)
        matches = [(_LAYER.fullmatch(name), value) for name, value in tensors.items()]
        parts = {(int(match["number"] or 0), match["part"]): value for match, value in matches if match}
        numbers = sorted({number for number, _ in parts})
        if len(parts) != len(tensors) or len(parts) != 2 * len(numbers):
            raise ConfigError(f"head {path}: its tensors ({', '.join(sorted(tensors))[:200]}) are not weight and bias of layers")
        layers = tuple((parts[number, "weight"], parts[number, "bias"]) for number in numbers)
        _check(path, layers)
        return cls(layers, activation)

    @property
    def width(self) -> int:
        """The length of the vectors that the head takes."""
        return int(self.layers[0][0].shape[1])

    def __call__(self, vectors: npt.NDArray[np.floating[Any]]) -> Floats:
        """Returns (n,) scores of (n, width) vectors.

        Vectors are first scaled to length 1. Rows are computed one by one in float64, so that a score does not depend on the
        other rows.
        """
        return np.array([self._score(np.asarray(vector, np.float64)) for vector in vectors])

    def _score(self, vector: Floats) -> float:
        out = vector / (np.linalg.norm(vector) or 1.0)
        for number, (weight, bias) in enumerate(self.layers):
            out = np.maximum(out, 0.0) if number and self.activation == "relu" else out
            out = weight @ out + bias
        return float(out[0])


def _tensors(path: str) -> Mapping[str, Floats]:
    """The tensors of a file by name, of a state dict or of a checkpoint that contains one. Raises ConfigError."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of its old pickle format, which is refused below
            loaded = torch.load(io.BytesIO(storage.read(path)), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, TypeError, AttributeError, KeyError) as error:
        reason = in_a_line(error, 160)
        raise ConfigError(f"head {path} is refused: not plain tensors in torch's format ({reason})") from error
    loaded = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else loaded
    if not isinstance(loaded, dict) or not all(isinstance(value, torch.Tensor) for value in loaded.values()):
        raise ConfigError(f"head {path} holds something else than named tensors")
    return {str(name): value.double().numpy() for name, value in loaded.items()}


def _check(path: str, layers: tuple[tuple[Floats, Floats], ...]) -> None:
    """Raises ConfigError if the output of a layer does not fit the next layer, or the last layer has several outputs."""
    shapes = [weight.shape for weight, _ in layers]
    flat = all(weight.ndim == 2 and bias.shape == weight.shape[:1] for weight, bias in layers)
    chained = flat and all(before[0] == after[1] for before, after in pairwise(shapes))
    if not layers or not chained or shapes[-1][0] != 1:
        raise ConfigError(f"head {path}: layers of {shapes} do not lead from a vector to one number")
