"""Voice activity detection (VAD): the spans of 16 kHz audio that contain speech, by energy or by silero's network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from interloom.pipeline.store import storage
from interloom.stages.transcribe_speech.audio import RATE, Samples, to_float
from interloom.stages.transcribe_speech.speech import Word

Flags = npt.NDArray[np.bool_]
Levels = npt.NDArray[np.float32]
Span = tuple[float, float]
"""Start and end in seconds."""

_HOP = 320
"""Samples between two levels: 20 ms."""
_WINDOW = 512
"""Samples that a level is measured on: 32 ms."""
_BLOCK_S = 30
"""Audio is measured in blocks of so many seconds, which bounds the memory."""
_BAND_HZ = (200.0, 4000.0)
"""Levels are measured between these frequencies, which contain most of a voice's energy; our choice."""
_SPEECH_OVER_FLOOR_DB = 6.0
"""Speech is louder than the noise floor by this much; our choice."""
_MIN_SPEECH_DB = -55.0
"""Speech is louder than this, of full scale; our choice."""
_FLOOR_PERCENTILE = 10
_FLOOR_STEP_S = 10
"""The noise floor is the 10th percentile of the levels of 10 s, the 10 s before and the 10 s after; our choice."""
_MIN_SPEECH_S = 0.25
"""Shorter runs of speech are dropped; our choice."""
_MIN_PAUSE_S = 0.5
"""Shorter pauses are closed; our choice."""
_PAD_S = 0.2
"""Spans begin and end so much earlier and later; our choice. Twice this is less than a pause, so that spans never touch."""
_UNHEARD_S = 2.0
"""So much speech behind the last word of a chunk was left out. Our choice: longer than a word that ends early."""
_SILERO_HOP = 512
"""Samples that silero judges at a time (version 5)."""
_SILERO_CONTEXT = 64
"""Samples of the part before that silero gets in addition (version 5)."""
_SILERO_START = 0.5
"""Speech begins at this probability: silero's default."""
_SILERO_END = 0.35
"""Speech ends under this probability: silero's default, 0.15 less."""
_MORE_S = 0.3
"""Whisper hears so much more before and after a chunk; our choice."""
_STATE = np.zeros((1, 1, 128), np.float32)
"""Each of silero's two states at the beginning (version 6)."""
_NETWORKS = (("faster_whisper", ("assets/silero_vad_v*.onnx",)), ("silero_vad", ("data/silero_vad.onnx",)))
"""Packages that hold silero's network, and where."""
_WHISPER_S = 30.0
"""The audio that Whisper takes at once."""


def energy_spans(samples: Samples) -> list[Span]:
    """The spans in which the level of 200 to 4000 Hz is 6 dB over the noise floor and over -55 dB of full scale.

    The rule detects sound that comes and goes as speech does; music with pauses passes, too.
    """
    starts = range(0, max(len(samples), 1), _BLOCK_S * RATE)
    levels = np.concatenate([_levels(samples[start : start + _BLOCK_S * RATE + _WINDOW]) for start in starts])
    is_speech = levels > np.maximum(_noise_floor(levels) + _SPEECH_OVER_FLOOR_DB, _MIN_SPEECH_DB)
    return flags_to_spans(is_speech, _HOP / RATE, len(samples) / RATE)


def _levels(block: Samples) -> Levels:
    """The level in the band, in dB of full scale, every 20 ms. The block has a window more than the part that is measured."""
    count = min(_BLOCK_S * RATE, max(0, len(block) - _WINDOW + _HOP)) // _HOP
    if not count:
        return np.zeros(0, np.float32)
    padded = np.zeros((count - 1) * _HOP + _WINDOW, np.float32)
    padded[: len(block)] = to_float(block[: len(padded)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP] * np.hanning(_WINDOW).astype(np.float32)
    low, high = (round(hertz * _WINDOW / RATE) for hertz in _BAND_HZ)
    power = (np.abs(np.fft.rfft(windows)[:, low:high]) ** 2).sum(1) / (_WINDOW * _WINDOW / 16)
    return np.asarray(10 * np.log10(power + 1e-10), np.float32)


def _noise_floor(levels: Levels) -> Levels:
    """For each level, the 10th percentile of its 10 s with the 10 s before and after them."""
    size = _FLOOR_STEP_S * RATE // _HOP
    starts = range(0, max(len(levels), 1), size)
    around = [levels[max(0, n - size) : n + 2 * size] for n in starts]
    floors = [np.percentile(part, _FLOOR_PERCENTILE) if len(part) else 0.0 for part in around]
    return np.repeat(np.asarray(floors, np.float32), size)[: len(levels)]


def flags_to_spans(flags: Flags, step_s: float, length_s: float) -> list[Span]:
    """Turns runs of True into spans: closes short pauses, drops what is then short, and pads both ends.

    With steps of 0.1 s in 2 s, True from 0.5 to 0.8 s and from 1.0 to 1.4 s -> [(0.3, 1.6)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8))).reshape(-1, 2) * step_s
    closed = list[list[float]]()
    for start, end in edges.tolist():
        if closed and start - closed[-1][1] < _MIN_PAUSE_S:
            closed[-1][1] = end
        else:
            closed.append([start, end])
    kept = [(start, end) for start, end in closed if end - start >= _MIN_SPEECH_S]
    return [(max(0.0, start - _PAD_S), min(length_s, end + _PAD_S)) for start, end in kept]


@dataclass(frozen=True)
class Silero:
    """Silero's network for voice activity detection (version 5 or 6), from an ONNX file on disk or in object storage."""

    path: str

    def spans(self, samples: Samples) -> list[Span]:
        """The spans of speech, which begins at probability 0.5 and ends under 0.35."""
        flags, is_speech = list[bool](), False
        for probability in self._probabilities(samples):
            is_speech = probability >= (_SILERO_END if is_speech else _SILERO_START)
            flags.append(is_speech)
        return flags_to_spans(np.asarray(flags, np.bool_), _SILERO_HOP / RATE, len(samples) / RATE)

    def _probabilities(self, samples: Samples) -> Iterator[float]:
        """The probability of speech, every 32 ms."""
        names = {given.name for given in self._session.get_inputs()}
        fixed = {"sr": np.asarray(RATE, np.int64)} if "sr" in names else {}
        states = {"state": np.zeros((2, 1, 128), np.float32)} if "state" in names else dict.fromkeys("hc", _STATE)
        context = np.zeros((1, _SILERO_CONTEXT), np.float32)
        for start in range(0, len(samples), _SILERO_HOP):
            part = samples[start : start + _SILERO_HOP]
            padded = np.zeros((1, _SILERO_HOP), np.float32)
            padded[0, : len(part)] = to_float(part)
            with_context = np.concatenate([context, padded], 1)
            probability, *after = self._session.run(None, {"input": with_context, **states, **fixed})
            states = dict(zip(states, after, strict=True))
            context = with_context[:, -_SILERO_CONTEXT:]
            yield float(probability.flat[0])

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(storage.read(self.path), options, providers=["CPUExecutionProvider"])


def installed_network() -> str:
    """The path of silero's network in an installed package (faster-whisper or silero-vad); "" if there is none."""
    for package, files in _NETWORKS:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            networks = [path for pattern in files for path in sorted(Path(folder).glob(pattern))]
            if networks:
                return str(networks[0])
    return ""


def chunks(spans: Sequence[Span], longest_s: float = _WHISPER_S) -> list[Span]:
    """Joins neighbouring spans to chunks of at most `longest_s`; only a span that is longer is cut into equal parts.

    (0, 10), (11, 20), (21, 35) -> (0, 20), (21, 35); (5, 80) -> (5, 30), (30, 55), (55, 80)

    After WhisperX's cut and merge (Bain et al. 2023, arXiv 2303.00747, section 2.2). 30 s is what Whisper takes at once.
    """
    joined = list[Span]()
    for start, end in (part for span in spans for part in _equal_parts(span, longest_s)):
        if joined and end - joined[-1][0] <= longest_s:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def widened(chunks: Sequence[Span], length_s: float) -> list[Span]:
    """The chunks with up to 0.3 s more at both ends, but no sound twice: detectors cut the last consonants of a word off.

    (1, 9), (9.2, 12) of 12.1 s -> (0.7, 9.1), (9.1, 12.1)
    """
    edges = [-length_s, *(edge for chunk in chunks for edge in chunk), 2 * length_s + 1]
    wide = list[Span]()
    for n, (start, end) in enumerate(chunks):
        before, after = (start - edges[2 * n]) / 2, (edges[2 * n + 3] - end) / 2
        room = (_WHISPER_S - (end - start)) / 2
        more = [max(0.0, min(_MORE_S, gap, room)) for gap in (before, after)]
        wide.append((max(0.0, start - more[0]), min(length_s, end + more[1])))
    return wide


def _equal_parts(span: Span, longest_s: float) -> Iterator[Span]:
    start, end = span
    count = int(np.ceil((end - start) / longest_s - 1e-9)) or 1
    cuts = [start + (end - start) * n / count for n in range(count + 1)]
    yield from pairwise(cuts)


def align_to_speech(words: Sequence[Word], chunk: Span, spans: Sequence[Span]) -> Iterator[Word]:
    """Turns the words' times in a chunk into times in the file, and cuts silence off.

    A word that overlaps several spans of speech keeps its longest part in one of them, because Whisper's attention often extends
    a word over a pause: 0.4 to 5.0 s in the chunk (10, 17), spans (10, 11) and (14.8, 17) -> 10.4 to 11.0 s
    """
    start_s, end_s = chunk
    for word in words:
        begin, end = start_s + word.start_s, min(start_s + max(word.start_s, word.end_s), end_s)
        parts = [(max(begin, low), min(end, high)) for low, high in spans if low < end and high > begin]
        longest = max(parts, key=lambda part: part[1] - part[0], default=(begin, end))
        yield replace(word, start_s=longest[0], end_s=longest[1])


def unheard(chunk: Span, words: Sequence[Word], spans: Sequence[Span]) -> Span | None:
    """What of a chunk is behind its last word, if two or more seconds of speech are there; None of a chunk without words.

    Whisper sometimes ends a transcript at a title or a long pause, and leaves the rest out.
    """
    start_s = chunk[0] + max((word.end_s for word in words), default=chunk[1])
    speech_s = sum(max(0.0, min(high, chunk[1]) - max(low, start_s)) for low, high in spans)
    return (start_s, chunk[1]) if speech_s >= _UNHEARD_S else None
