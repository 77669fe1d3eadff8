"""A decoded frame as a JPEG file, upright, with square pixels and without combs."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


def jpeg(frame: VideoFrame, aspect: float, max_side: int, quality: int) -> tuple[bytes, int, int]:
    """The file, its width and its height. `aspect` is the width of a pixel over its height before any turn."""
    rgb = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    image = Image.fromarray(_deinterlaced(rgb) if frame.interlaced_frame else rgb)
    scale = min(1.0, max_side / max(image.width * aspect, image.height))
    size = max(1, round(image.width * aspect * scale)), max(1, round(image.height * scale))
    if size != image.size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    if frame.rotation:
        image = image.rotate(frame.rotation, expand=True)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue(), image.width, image.height


def _deinterlaced(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The first field, the lines between made from their neighbours: two moments are never mixed in one picture."""
    field = rgb[::2].astype(np.uint16)
    below = np.concatenate([field[1:], field[-1:]])
    out = rgb.copy()
    out[1::2] = ((field + below) // 2)[: len(out[1::2])]
    return out
