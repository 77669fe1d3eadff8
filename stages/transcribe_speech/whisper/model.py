"""Whisper on many pieces of sound at once, in batches of fixed size so that no piece depends on its neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from interloom.pipeline.errors import ConfigError
from interloom.stages.transcribe_speech.speech import Word
from interloom.stages.transcribe_speech.whisper.loading import load
from interloom.stages.transcribe_speech.whisper.words import Heard, timed_words

Sound = npt.NDArray[np.float32]
_One = TypeVar("_One")

_CPU_ROWS = 4
"""Rows in a batch on the CPU: more is hardly faster there, and the last batch has to be filled up."""
_LOOPING, _UNSURE = 2.4, -1.0
"""Where Whisper takes a transcript for failed: gzip compression above 2.4, or mean log probability below -1 (Radford et al. 2022,
arXiv 2212.04356, section 4.5)."""


@dataclass(frozen=True)
class Listener:
    """A loaded Whisper on a device; `rows` pieces go through it at a time; failed ones again with `beams`, if more than 1."""

    model: Any
    device: str
    rows: int
    beams: int

    @classmethod
    def open(cls, model: str, *, device: str, batch_size: int, beams: int) -> Listener:
        """Loads the model; `auto` takes the GPU when there is one. Raises ConfigError."""
        import torch

        has_gpu = torch.cuda.is_available()
        if device == "cuda" and not has_gpu:
            raise ConfigError(f"device: cuda, but torch {torch.__version__} sees no GPU here")
        device = ("cuda" if has_gpu else "cpu") if device == "auto" else device
        return cls(load(model, device), device, batch_size if device == "cuda" else min(batch_size, _CPU_ROWS), beams)

    @cached_property
    def languages(self) -> frozenset[str]:
        """What this checkpoint can hear, ISO 639-1 (some 639-3)."""
        from whisper.tokenizer import get_tokenizer

        if not self.model.is_multilingual:
            return frozenset({"en"})
        return frozenset(get_tokenizer(True, num_languages=self.model.num_languages).all_language_codes)

    def language(self, pieces: Sequence[Sound]) -> tuple[str, float]:
        """The likeliest language of these pieces together, and its mean probability."""
        if not self.model.is_multilingual:
            return "en", 1.0
        said = [found for batch in _batches(pieces, self.rows) for found in self._guess(batch)[: len(batch)]]
        means = {code: sum(one[code] for one in said) / len(said) for code in said[0]}
        best = max(sorted(means), key=lambda code: means[code])
        return best, means[best]

    def _guess(self, batch: Sequence[Sound]) -> list[dict[str, float]]:
        _, found = self.model.detect_language(self._mels(batch))
        return list(found)

    def hear(self, pieces: Iterable[Sound], language: str) -> Iterator[list[Word]]:
        """The words of each piece (16 kHz, at most 30 s), their times in seconds of the piece."""
        for batch in _batches(pieces, self.rows):
            yield from self._heard(batch, language)

    def _heard(self, batch: Sequence[Sound], language: str) -> Iterator[list[Word]]:
        from whisper.tokenizer import get_tokenizer

        count = self.model.num_languages
        tokenizer = get_tokenizer(self.model.is_multilingual, num_languages=count, language=language, task="transcribe")
        results = self._decoded(self._mels(batch), language)
        failed = [n for n, result in enumerate(results[: len(batch)]) if _is_bad(result)]
        if failed and self.beams > 1:
            results = self._again(results, failed, language)
        heard = [Heard(result.tokens, len(sound)) for result, sound in zip(results, self._filled(batch), strict=True)]
        features = [result.audio_features for result in results]
        timed = timed_words(self.model, tokenizer, heard, features)
        for words, result, _ in zip(timed, results, batch, strict=False):
            scores = _scores(result)
            yield [replace(word, scores=scores) for word in words]

    def _decoded(self, mels: Any, language: str, **options: Any) -> list[Any]:
        from whisper.decoding import DecodingOptions, decode

        fp16 = self.device == "cuda"
        return list(decode(self.model, mels, DecodingOptions(language=language, without_timestamps=True, fp16=fp16, **options)))

    def _again(self, results: list[Any], failed: Sequence[int], language: str) -> list[Any]:
        """Beam search for what greedy decoding got wrong, one at a time as the library has it; the likelier one stays. Unlike
        whisper's fallback, it draws nothing by chance."""
        found = list(results)
        for n in failed:
            (result,) = self._decoded(results[n].audio_features[None], language, beam_size=self.beams)
            found[n] = min(found[n], result, key=lambda one: (_is_bad(one), -one.avg_logprob))
        return found

    def _mels(self, batch: Sequence[Sound]) -> Any:
        """(rows, mels, 3000): short batches are filled up with their last piece, because sizes change the last bits of sums."""
        import torch
        from whisper.audio import N_SAMPLES, log_mel_spectrogram, pad_or_trim

        bands = self.model.dims.n_mels
        rows = [log_mel_spectrogram(pad_or_trim(sound, N_SAMPLES), bands, device=self.device) for sound in batch]
        mels = torch.stack([*rows, *[rows[-1]] * (self.rows - len(rows))])
        return mels.half() if self.device == "cuda" else mels

    def _filled(self, batch: Sequence[Sound]) -> list[Sound]:
        return [*batch, *[batch[-1]] * (self.rows - len(batch))]


def _batches(given: Iterable[_One], size: int) -> Iterator[list[_One]]:
    rest = iter(given)
    while batch := list(islice(rest, size)):
        yield batch


def _is_bad(result: Any) -> bool:
    return bool(result.compression_ratio > _LOOPING or result.avg_logprob < _UNSURE)


def _scores(result: Any) -> Mapping[str, float]:
    found = {
        "asr_logprob": result.avg_logprob,
        "asr_no_speech": result.no_speech_prob,
        "asr_compression": result.compression_ratio,
    }
    return {name: round(float(value), 4) for name, value in found.items() if value == value}
