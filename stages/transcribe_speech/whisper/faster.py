"""Runs Whisper by CTranslate2 (faster-whisper), a chunk at a time: the same words, scores and times as of the other engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from interloom.pipeline.errors import ConfigError, in_a_line
from interloom.pipeline.store import storage
from interloom.pipeline.temporary import temporary_folder
from interloom.stages._embed.model_files import local_folder
from interloom.stages.transcribe_speech.audio import FloatSamples, digest
from interloom.stages.transcribe_speech.speech import Word
from interloom.stages.transcribe_speech.whisper.invented import MAX_COMPRESSION, MIN_LOGPROB, most_tokens
from interloom.stages.transcribe_speech.whisper.words import JOINED_TO_NEXT, JOINED_TO_PREVIOUS

_FILE = "model.bin"
_MAX_ERROR_CHARS = 200
_FRAMES_A_SECOND = 100
_MAX_FRAMES = 3000
"""What Whisper takes at once: 30 s."""
_SILENT_FRAMES = 500
_MIN_FRAMES = 1000
"""A chunk is encoded with 5 s of silence behind it, in a window of at least 10 s, because Whisper goes on in a text that ends
with its window. Our choice: with Whisper base, 896 words in clips of 1 to 13 s have 164 errors so, 165 in windows of 30 s."""
_SURE_LOGPROB = -0.5
_SURE_COMPRESSION = 2.0
"""A transcript of a short window that is less probable, or repeats itself more, is made again from 30 s. Our choice."""
_SURE_LANGUAGE = 0.9
"""A language that is less probable is detected again on windows of 30 s. Our choice."""


def problems(model: str) -> Iterator[str]:
    """What keeps the model from loading, one line for each problem. Loads nothing and downloads nothing."""
    if find_spec("faster_whisper") is None:
        yield "engine: needs faster_whisper, not installed here; pip install 'interloom[faster-whisper]'"
    elif not storage.exists(storage.join(model, _FILE)):
        yield f"no CTranslate2 model at {model}: a folder with {_FILE} is needed"


def paths(model: str) -> list[str]:
    """The files of the model; none if there is no such folder."""
    if storage.is_remote(model):
        return [file.path for file in storage.glob(model.rstrip("/") + "/")]
    return sorted(str(path) for path in Path(model).iterdir() if path.is_file()) if Path(model).is_dir() else []


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A chunk after the encoder, for all that is decoded from it; the frames of 10 ms of its sound, and of its window."""

    output: Any
    frames: int
    window: int


@dataclass(frozen=True, slots=True)
class _Decoded:
    """The tokens of a chunk, and their scores."""

    tokens: Sequence[int]
    scores: Mapping[str, float]

    @property
    def has_failed(self) -> bool:
        """Whether the transcript repeats itself or is unsure."""
        return self.scores["asr_compression"] > MAX_COMPRESSION or self.scores["asr_logprob"] < MIN_LOGPROB

    @property
    def is_sure(self) -> bool:
        """Whether there is a transcript that is well within the limits of failure."""
        is_plain = self.scores["asr_compression"] <= _SURE_COMPRESSION and self.scores["asr_logprob"] >= _SURE_LOGPROB
        return bool(self.tokens) and is_plain


@dataclass(frozen=True)
class FasterTranscriber:
    """A loaded model. Chunks whose transcript repeats itself or is unsure are decoded again with `beams`, if more than 1."""

    model: Any
    beams: int
    _encoded: dict[bytes, _Encoded] = field(default_factory=dict)
    shares_batches: ClassVar[bool] = False

    @classmethod
    def open(cls, model: str, *, device: str, threads: int, beams: int) -> FasterTranscriber:
        """Loads a model, in int8 on the CPU and in half precision on a GPU. Raises ConfigError if that fails."""
        problem = next(problems(model), None)
        if problem:
            raise ConfigError(problem)
        import ctranslate2
        from faster_whisper import WhisperModel

        gpus = ctranslate2.get_cuda_device_count()
        if device == "cuda" and not gpus:
            raise ConfigError("device: cuda, but ctranslate2 sees no GPU here")
        device = ("cuda" if gpus else "cpu") if device == "auto" else device
        kind = "float16" if device == "cuda" else "int8"
        try:
            with temporary_folder("whisper") as scratch:
                folder = str(local_folder(model, Path(scratch)))
                loaded = WhisperModel(folder, device=device, compute_type=kind, cpu_threads=threads, local_files_only=True)
        except (RuntimeError, ValueError, OSError) as error:
            raise ConfigError(f"model {model} cannot be loaded: {in_a_line(error, _MAX_ERROR_CHARS)}") from error
        return cls(loaded, beams)

    def detect_language(self, chunks: Sequence[FloatSamples]) -> tuple[str, float]:
        """The most probable language of these chunks together, and its mean probability."""
        if not self.model.model.is_multilingual:
            return "en", 1.0
        language, probability = self._likeliest_language(chunks, 0)
        is_short = any(encoded.window < _MAX_FRAMES for encoded in self._encoded.values())
        if is_short and probability < _SURE_LANGUAGE:
            language, probability = self._likeliest_language(chunks, _MAX_FRAMES)
        return language, probability

    def _likeliest_language(self, chunks: Sequence[FloatSamples], window: int) -> tuple[str, float]:
        """The language in windows of so many frames, and its probability; what is encoded stays for `transcribe`."""
        self._encoded.clear()
        self._encoded.update((digest(chunk), self._encode(chunk, window)) for chunk in chunks)
        guesses = [dict(self.model.model.detect_language(encoded.output)[0]) for encoded in self._encoded.values()]
        means = {token: sum(guess.get(token, 0.0) for guess in guesses) / len(guesses) for token in guesses[0]}
        best = max(sorted(means), key=lambda token: means[token])
        return best.removeprefix("<|").removesuffix("|>"), means[best]

    def transcribe(self, chunks: Iterable[FloatSamples], language: str) -> Iterator[list[Word]]:
        """Yields the words of each chunk (16 kHz, at most 30 s), with times in seconds of the chunk."""
        from faster_whisper.tokenizer import Tokenizer

        tokenizer = Tokenizer(self.model.hf_tokenizer, self.model.model.is_multilingual, "transcribe", language)
        for chunk in chunks:
            encoded = self._encoded.pop(digest(chunk), None) or self._encode(chunk, 0)
            decoded = self._decode(encoded, tokenizer, 1)
            if encoded.window < _MAX_FRAMES and not decoded.is_sure:
                encoded = self._encode(chunk, _MAX_FRAMES)
                decoded = self._decode(encoded, tokenizer, 1)
            if self.beams > 1 and decoded.tokens and decoded.has_failed:
                decoded = min(decoded, self._decode(encoded, tokenizer, self.beams), key=_rank)
            yield list(self._words(decoded, encoded, tokenizer))

    def _encode(self, chunk: FloatSamples, window: int) -> _Encoded:
        """Runs the encoder on a window of so many frames, by default (0) on one that fits the chunk; behind it is silence."""
        hop = self.model.feature_extractor.hop_length
        frames = min(max(1, len(chunk) // hop), _MAX_FRAMES)
        window = window or min(_MAX_FRAMES, max(_MIN_FRAMES, frames + _SILENT_FRAMES))
        samples = np.zeros(window * hop, np.float32)
        samples[: len(chunk)] = chunk[: len(samples)]
        features = self.model.feature_extractor(samples)[..., :window]
        return _Encoded(self.model.encode(features), frames, window)

    def _decode(self, encoded: _Encoded, tokenizer: Any, beams: int) -> _Decoded:
        """The most probable tokens with so many beams, without time stamps."""
        from faster_whisper.transcribe import get_compression_ratio, get_suppressed_tokens

        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        (result,) = self.model.model.generate(
            encoded.output,
            [prompt],
            beam_size=beams,
            max_length=len(prompt) + most_tokens(encoded.frames / _FRAMES_A_SECOND),
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            return_scores=True,
            return_no_speech_prob=True,
        )
        tokens = result.sequences_ids[0]
        scores = {
            "asr_logprob": result.scores[0] * len(tokens) / (len(tokens) + 1),  # of the tokens and the end
            "asr_no_speech": result.no_speech_prob,
            "asr_compression": get_compression_ratio(tokenizer.decode(tokens).strip()),
        }
        return _Decoded(tokens, {name: round(score, 4) for name, score in scores.items()})

    def _words(self, decoded: _Decoded, encoded: _Encoded, tokenizer: Any) -> Iterator[Word]:
        """The words of the tokens, with the times at which the decoder attends to them."""
        segment: dict[str, Any] = {"seek": 0, "start": 0.0, "end": encoded.frames / _FRAMES_A_SECOND, "tokens": decoded.tokens}
        marks = (JOINED_TO_NEXT, JOINED_TO_PREVIOUS)
        self.model.add_word_timestamps([[segment]], tokenizer, encoded.output, encoded.frames, *marks, 0.0)
        for word in segment["words"]:
            start_s, end_s, probability = (float(word[name]) for name in ("start", "end", "probability"))  # some are numpy's
            if word["word"].strip():
                yield Word(word["word"], start_s, max(start_s, end_s), probability, scores=decoded.scores)


def _rank(decoded: _Decoded) -> tuple[bool, float]:
    """The lower, the better: a transcript that has not failed, then the more probable one."""
    return decoded.has_failed, -decoded.scores["asr_logprob"]
