"""Encodes a decoded frame as JPEG: upright, with square pixels, deinterlaced."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


def encode_jpeg(frame: VideoFrame, pixel_aspect: float, max_side: int, quality: int) -> tuple[bytes, int, int]:
    """The JPEG file, its width and its height in pixels.

    `pixel_aspect` is the width of a pixel over its height before the frame is rotated; `max_side` limits the longer side in
    pixels; `quality` is Pillow's, 1 to 100.
    """
    rgb = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    image = Image.fromarray(_deinterlaced(rgb) if frame.interlaced_frame else rgb)
    scale = min(1.0, max_side / max(image.width * pixel_aspect, image.height))
    size = max(1, round(image.width * pixel_aspect * scale)), max(1, round(image.height * scale))
    if size != image.size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    if frame.rotation:
        image = image.rotate(frame.rotation, expand=True)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue(), image.width, image.height


def _deinterlaced(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Keeps the first field and interpolates the lines between, so that the image shows one moment instead of two.

    Lines of grey values [10, 99, 30, 99] -> [10, 20, 30, 30]
    """
    field = rgb[::2].astype(np.uint16)
    below = np.concatenate([field[1:], field[-1:]])
    out = rgb.copy()
    out[1::2] = ((field + below) // 2)[: len(out[1::2])]
    return out
