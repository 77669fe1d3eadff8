"""Decodes the audio of a video to 16 kHz mono samples, in a file that is read as needed, so that length costs no memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.temporary import temporary_file
from interloom.stages._video.file import Options, ffmpeg
from interloom.stages._video.probe import Track

Samples = npt.NDArray[np.int16]
FloatSamples = npt.NDArray[np.float32]

RATE = 16_000
"""Samples a second: what Whisper and silero take."""
_MAX_S = 12 * 3600
"""Longer audio is refused: most often, a time stamp is wrong. Seconds; our choice."""
_CPU_S = 1800.0
"""CPU time to decode a track; our choice."""
_FULL_SCALE = 32768


@contextmanager
def decode_audio(path: str, track: Track) -> Iterator[Samples]:
    """Opens the samples of a track: sample n is at n / 16000 seconds of the video; gaps and a late start are silent.

    Raises DocumentError if the track cannot be decoded, or is longer than 12 hours.
    """
    with temporary_file("audio", ".raw") as file:
        sound: Options = {"af": "aresample=async=1:first_pts=0", "ac": 1, "ar": RATE, "c:a": "pcm_s16le", "f": "s16le"}
        options: Options = {**sound, "t": _MAX_S, "y": None}
        ffmpeg(path, f"file:{file.name}", options, streams=[str(track.index)], cpu_s=_CPU_S)
        count = Path(file.name).stat().st_size // 2
        if count >= _MAX_S * RATE:
            raise DocumentError(f"the audio is longer than {_MAX_S // 3600} h")
        yield np.memmap(file.name, np.int16, "r", shape=(count,)) if count else np.zeros(0, np.int16)


def excerpt(samples: Samples, start_s: float, end_s: float) -> FloatSamples:
    """The samples from `start_s` to `end_s`, from -1 to 1."""
    return to_float(samples[round(start_s * RATE) : round(end_s * RATE)])


def to_float(samples: Samples) -> FloatSamples:
    """Scales samples as Whisper does: [-32768, 16384] -> [-1.0, 0.5]."""
    return np.divide(samples, np.float32(_FULL_SCALE), dtype=np.float32)


def digest(samples: FloatSamples) -> bytes:
    """A name for these samples that no others have."""
    return hashlib.blake2b(samples.tobytes(), digest_size=16).digest()
