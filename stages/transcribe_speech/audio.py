"""The sound of a video as 16 kHz mono samples, in a file that is read as needed, so that length costs no memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from interloom.pipeline.errors import DocumentError
from interloom.stages._video.file import ffmpeg
from interloom.stages._video.probe import Track

Samples = npt.NDArray[np.int16]

RATE = 16_000
_LONGEST_S = 12 * 3600


@contextmanager
def sound(path: str, track: Track) -> Iterator[Samples]:
    """The track's samples; sample n is at n / 16000 seconds of the video, gaps and a late start filled with silence.

    Raises DocumentError when it cannot be decoded, or is longer than 12 hours (a lying time stamp).
    """
    with tempfile.NamedTemporaryFile(prefix="sound-", suffix=".raw") as file:
        shape = ["-af", "aresample=async=1:first_pts=0", "-ac", "1", "-ar", str(RATE), "-c:a", "pcm_s16le", "-f", "s16le"]
        ffmpeg(path, ["-map", f"0:{track.index}", *shape, "-t", str(_LONGEST_S), "-y", f"file:{file.name}"], timeout_s=1800.0)
        size = Path(file.name).stat().st_size // 2
        if size >= _LONGEST_S * RATE:
            raise DocumentError(f"its sound is longer than {_LONGEST_S // 3600} h")
        yield np.memmap(file.name, np.int16, "r", shape=(size,)) if size else np.zeros(0, np.int16)


def piece(samples: Samples, start_s: float, end_s: float) -> npt.NDArray[np.float32]:
    """Samples of this span, -1 to 1."""
    return scaled(samples[round(start_s * RATE) : round(end_s * RATE)])


def scaled(samples: Samples) -> npt.NDArray[np.float32]:
    """As whisper scales them: full scale is 1."""
    return np.divide(samples, np.float32(32768), dtype=np.float32)
