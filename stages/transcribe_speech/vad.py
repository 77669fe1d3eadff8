"""Where somebody speaks: spans of 16 kHz sound, by our own rule on energy or by silero's network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from interloom.stages.transcribe_speech.audio import RATE, Samples, scaled
from interloom.stages.transcribe_speech.speech import Word

Flags = npt.NDArray[np.bool_]
Span = tuple[float, float]

_HOP, _WINDOW = 320, 512
_BLOCK_S = 30
_BAND_HZ = (200.0, 4000.0)
_MARGIN_DB = 6.0
_QUIETEST_DB = -55.0
_LEAST_S, _GAP_S, _PAD_S = 0.25, 0.5, 0.2  # twice the pad is less than a gap: spans never touch
_SILERO_HOP, _SILERO_CONTEXT = 512, 64


def by_energy(samples: Samples) -> list[Span]:
    """Spans in seconds where 200 to 4000 Hz stand 6 dB above the floor (the 10th percentile of the half minute around) and
    above -55 dB of full scale. It finds sound that comes and goes as speech does; music with pauses passes, too."""
    levels = np.concatenate([_levels(samples[start : start + _BLOCK_S * RATE + _WINDOW]) for start in _starts(len(samples))])
    return joined(levels > np.maximum(_floor(levels) + _MARGIN_DB, _QUIETEST_DB), _HOP / RATE, len(samples) / RATE)


def _starts(length: int) -> range:
    return range(0, max(length, 1), _BLOCK_S * RATE)


def _levels(block: Samples) -> npt.NDArray[np.float32]:
    """dB of full scale in the band, one value per 20 ms."""
    frames = min(_BLOCK_S * RATE, max(0, len(block) - _WINDOW + _HOP)) // _HOP
    if not frames:
        return np.zeros(0, np.float32)
    padded = np.zeros((frames - 1) * _HOP + _WINDOW, np.float32)
    padded[: len(block)] = scaled(block[: len(padded)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP] * np.hanning(_WINDOW).astype(np.float32)
    low, high = (round(hertz * _WINDOW / RATE) for hertz in _BAND_HZ)
    power = (np.abs(np.fft.rfft(windows)[:, low:high]) ** 2).sum(1) / (_WINDOW * _WINDOW / 16)
    return np.asarray(10 * np.log10(power + 1e-10), np.float32)


def _floor(levels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The 10th percentile of every 10 s with the 10 s before and after it."""
    size = 10 * RATE // _HOP
    starts = range(0, max(len(levels), 1), size)
    floors = [np.percentile(around, 10) if len(around := levels[max(0, n - size) : n + 2 * size]) else 0.0 for n in starts]
    return np.repeat(np.asarray(floors, np.float32), size)[: len(levels)]


def joined(flags: Flags, step_s: float, length_s: float) -> list[Span]:
    """Runs of True as spans: gaps under 0.5 s closed, what is then shorter than 0.25 s dropped, 0.2 s added at both ends."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8))).reshape(-1, 2) * step_s
    closed = list[list[float]]()
    for start, end in edges.tolist():
        if closed and start - closed[-1][1] < _GAP_S:
            closed[-1][1] = end
        else:
            closed.append([start, end])
    long = [(start, end) for start, end in closed if end - start >= _LEAST_S]
    return [(max(0.0, start - _PAD_S), min(length_s, end + _PAD_S)) for start, end in long]


@dataclass(frozen=True)
class Silero:
    """Silero's voice activity network (version 5, ONNX) from a local file; speech starts at 0.5 and ends under 0.35."""

    path: str

    def spans(self, samples: Samples) -> list[Span]:
        flags, speaking = list[bool](), False
        for probability in self._probabilities(samples):
            speaking = probability >= (0.35 if speaking else 0.5)
            flags.append(speaking)
        return joined(np.asarray(flags, np.bool_), _SILERO_HOP / RATE, len(samples) / RATE)

    def _probabilities(self, samples: Samples) -> Iterator[float]:
        state = np.zeros((2, 1, 128), np.float32)
        context = np.zeros((1, _SILERO_CONTEXT), np.float32)
        rate = np.asarray(RATE, np.int64)
        for start in range(0, len(samples), _SILERO_HOP):
            piece = np.zeros((1, _SILERO_HOP), np.float32)
            found = samples[start : start + _SILERO_HOP]
            piece[0, : len(found)] = scaled(found)
            given = np.concatenate([context, piece], 1)
            answer, state = self._session.run(None, {"input": given, "state": state, "sr": rate})
            context = given[:, -_SILERO_CONTEXT:]
            yield float(answer[0, 0])

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])


def chunks(spans: Sequence[Span], longest_s: float = 30.0) -> list[Span]:
    """Neighbouring spans in chunks of at most 30 s, what Whisper hears at once; only a span that is longer is cut itself
    (after WhisperX's cut and merge, Bain et al. 2023, arXiv 2303.00747, section 2.2)."""
    found = list[Span]()
    for start, end in (piece for span in spans for piece in _pieces(span, longest_s)):
        if found and end - found[-1][0] <= longest_s:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _pieces(span: Span, longest_s: float) -> Iterator[Span]:
    start, end = span
    count = int(np.ceil((end - start) / longest_s - 1e-9)) or 1
    cuts = [start + (end - start) * n / count for n in range(count + 1)]
    yield from pairwise(cuts)


def voiced(words: Sequence[Word], span: Span, spans: Sequence[Span]) -> Iterator[Word]:
    """Words of a piece (times from its start) with times of the file. One that reaches over silence keeps its longest
    spoken part: attention is smeared over pauses."""
    start_s, end_s = span
    for word in words:
        begin, end = start_s + word.start_s, min(start_s + max(word.start_s, word.end_s), end_s)
        parts = [(max(begin, low), min(end, high)) for low, high in spans if low < end and high > begin]
        best = max(parts, key=lambda part: part[1] - part[0], default=(begin, end))
        yield replace(word, start_s=best[0], end_s=best[1])
