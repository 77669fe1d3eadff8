"""Decodes pictures of samples: as PIL images, as tensors, or not at all."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageOps

from interloom.loader.whole_numbers import problem_of
from interloom.pipeline.errors import ConfigError

_FORMS = ("pil", "tensor", "bytes")
_BLOCKS = 8
"""Pieces of memory, of a picture each and of 16 MB at most, that Pillow keeps for the next pictures. Our choice: those of some
documents. New memory for each picture costs a quarter of decoding a JPEG of 640 x 480."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """How pictures are given.

    Parameters:
        form: "pil": PIL images, RGB, turned as EXIF says; "tensor": torch tensors, uint8, (3, height, width); "bytes": as they
            are stored. Default "pil".
        draft: JPEGs come out 2, 4 or 8 times smaller, as long as no side is below this, in a fraction of the time. Pixels;
            null: as large as they are. Default null.
    """

    form: Literal["pil", "tensor", "bytes"] = "pil"
    draft: int | None = None

    def __post_init__(self) -> None:
        if self.form not in _FORMS:
            raise ConfigError(f"pictures: form is {', '.join(map(repr, _FORMS))}, not {self.form!r}")
        if self.draft is not None and (problem := problem_of("pictures", {"draft": self.draft}, 1)):
            raise ConfigError(problem)

    def __call__(self, data: bytes) -> Any:
        """The picture of these bytes. Raises what PIL raises for bytes that are none."""
        if self.form == "bytes":
            return data
        _keep_memory()
        picture = Image.open(io.BytesIO(data))
        if self.draft is not None:
            picture.draft("RGB", (self.draft, self.draft))
        ImageOps.exif_transpose(picture, in_place=True)
        shown = picture if picture.mode == "RGB" else picture.convert("RGB")  # without a copy of what is right
        return shown if self.form == "pil" else _tensor(shown)


@cache
def _keep_memory() -> None:
    """Lets Pillow use memory again, once in a process, unless the environment says how much of it (PILLOW_BLOCKS_MAX)."""
    if "PILLOW_BLOCKS_MAX" not in os.environ:
        Image.core.set_blocks_max(_BLOCKS)  # type: ignore[attr-defined]  # the variable sets nothing else, but is read at import


def _tensor(picture: Image.Image) -> Any:
    import torch

    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()
