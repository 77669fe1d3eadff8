"""Runs Whisper on many chunks of audio, in batches of fixed size so that the words of a chunk do not depend on other chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar

from interloom.pipeline.errors import ConfigError
from interloom.stages.transcribe_speech.audio import FloatSamples
from interloom.stages.transcribe_speech.speech import Word
from interloom.stages.transcribe_speech.whisper.loading import load
from interloom.stages.transcribe_speech.whisper.words import DecodedChunk, timed_words

_Item = TypeVar("_Item")

_MAX_ROWS_ON_CPU = 4
"""Rows of a batch on the CPU: larger batches are hardly faster there, and the last batch has to be filled up."""
_MAX_COMPRESSION = 2.4
"""A transcript that gzip compresses more than this repeats itself: Whisper's own threshold (Radford et al. 2022, arXiv
2212.04356, section 4.5)."""
_MIN_LOGPROB = -1.0
"""A transcript whose mean log probability is lower is unsure: Whisper's own threshold (the same section)."""


@dataclass(frozen=True)
class Transcriber:
    """A loaded Whisper on a device.

    `rows` is the size of every batch. Chunks whose transcript repeats itself or is unsure are decoded again with `beams`, if more
    than 1.
    """

    model: Any
    device: str
    rows: int
    beams: int

    @classmethod
    def open(cls, model: str, *, device: str, batch_size: int, beams: int) -> Transcriber:
        """Loads a model. Raises ConfigError if that fails or there is no GPU for `device` "cuda".

        Parameters:
            model: A tag or a path, as in `stages.transcribe_speech`.
            device: "cpu", "cuda" or "auto", which takes the GPU if there is one.
            batch_size: Chunks that the model transcribes at once; at most 4 on the CPU.
            beams: Beams of the second decoding.
        """
        import torch

        has_gpu = torch.cuda.is_available()
        if device == "cuda" and not has_gpu:
            raise ConfigError(f"device: cuda, but torch {torch.__version__} sees no GPU here")
        device = ("cuda" if has_gpu else "cpu") if device == "auto" else device
        return cls(load(model, device), device, batch_size if device == "cuda" else min(batch_size, _MAX_ROWS_ON_CPU), beams)

    @cached_property
    def languages(self) -> frozenset[str]:
        """The languages of this checkpoint, as ISO 639-1 codes (some ISO 639-3)."""
        from whisper.tokenizer import get_tokenizer

        if not self.model.is_multilingual:
            return frozenset({"en"})
        return frozenset(get_tokenizer(True, num_languages=self.model.num_languages).all_language_codes)

    def detect_language(self, chunks: Sequence[FloatSamples]) -> tuple[str, float]:
        """The most probable language of these chunks together, and its mean probability."""
        if not self.model.is_multilingual:
            return "en", 1.0
        guesses = [guess for batch in _batches(chunks, self.rows) for guess in self._language_probabilities(batch)]
        means = {code: sum(guess[code] for guess in guesses) / len(guesses) for code in guesses[0]}
        best = max(sorted(means), key=lambda code: means[code])
        return best, means[best]

    def _language_probabilities(self, batch: Sequence[FloatSamples]) -> list[dict[str, float]]:
        """For each chunk, language -> probability."""
        _, probabilities = self.model.detect_language(self._spectrograms(batch))
        return list(probabilities)[: len(batch)]

    def transcribe(self, chunks: Iterable[FloatSamples], language: str) -> Iterator[list[Word]]:
        """Yields the words of each chunk (16 kHz, at most 30 s), with times in seconds of the chunk."""
        for batch in _batches(chunks, self.rows):
            yield from self._transcribe_batch(batch, language)

    def _transcribe_batch(self, batch: Sequence[FloatSamples], language: str) -> Iterator[list[Word]]:
        from whisper.tokenizer import get_tokenizer

        count = self.model.num_languages
        tokenizer = get_tokenizer(self.model.is_multilingual, num_languages=count, language=language, task="transcribe")
        results = self._decode(self._spectrograms(batch), language)
        failed = [n for n, result in enumerate(results[: len(batch)]) if _is_failed(result)]
        if failed and self.beams > 1:
            results = self._decode_again(results, failed, language)
        samples = [len(chunk) for chunk in self._filled_up(batch)]
        decoded = [DecodedChunk(result.tokens, length) for result, length in zip(results, samples, strict=True)]
        features = [result.audio_features for result in results]
        for words, result, _ in zip(timed_words(self.model, tokenizer, decoded, features), results, batch, strict=False):
            scores = _scores(result)
            yield [replace(word, scores=scores) for word in words]

    def _decode(self, spectrograms: Any, language: str, **options: Any) -> list[Any]:
        """whisper's DecodingResult of each row."""
        from whisper.decoding import DecodingOptions, decode

        settings = DecodingOptions(language=language, without_timestamps=True, fp16=self.device == "cuda", **options)
        return list(decode(self.model, spectrograms, settings))

    def _decode_again(self, results: list[Any], failed: Sequence[int], language: str) -> list[Any]:
        """Decodes failed rows with beam search, one by one as the library requires; the more probable result stays.

        Unlike whisper's own second decoding, this draws nothing by chance.
        """
        chosen = list(results)
        for n in failed:
            (result,) = self._decode(results[n].audio_features[None], language, beam_size=self.beams)
            chosen[n] = min(chosen[n], result, key=lambda candidate: (_is_failed(candidate), -candidate.avg_logprob))
        return chosen

    def _spectrograms(self, batch: Sequence[FloatSamples]) -> Any:
        """(rows, mel bands, 3000), filled up to `rows`, because the size of a batch changes the last bits of sums."""
        import torch
        from whisper.audio import N_SAMPLES, log_mel_spectrogram, pad_or_trim

        bands = self.model.dims.n_mels
        rows = [log_mel_spectrogram(pad_or_trim(chunk, N_SAMPLES), bands, device=self.device) for chunk in batch]
        spectrograms = torch.stack(self._filled_up(rows))
        return spectrograms.half() if self.device == "cuda" else spectrograms

    def _filled_up(self, batch: Sequence[_Item]) -> list[_Item]:
        """The batch with its last item repeated until it has `rows` items."""
        return [*batch, *[batch[-1]] * (self.rows - len(batch))]


def _batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def _is_failed(result: Any) -> bool:
    """Whether a transcript repeats itself or is unsure."""
    return bool(result.compression_ratio > _MAX_COMPRESSION or result.avg_logprob < _MIN_LOGPROB)


def _scores(result: Any) -> Mapping[str, float]:
    """The scores of a chunk, without those that are not a number."""
    scores = {
        "asr_logprob": result.avg_logprob,
        "asr_no_speech": result.no_speech_prob,
        "asr_compression": result.compression_ratio,
    }
    return {name: round(float(value), 4) for name, value in scores.items() if value == value}
