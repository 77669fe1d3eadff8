"""Runs Whisper on many chunks of audio so that the words of a chunk do not depend on other chunks.

On the CPU each chunk is decoded alone and in one thread, which costs less than to fill batches up; on a GPU batches have a fixed
size, because the size changes the last bits of sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar

from interloom.pipeline.errors import ConfigError
from interloom.stages.transcribe_speech.audio import RATE, FloatSamples, digest
from interloom.stages.transcribe_speech.speech import Word
from interloom.stages.transcribe_speech.whisper.invented import MAX_COMPRESSION, MIN_LOGPROB, most_tokens
from interloom.stages.transcribe_speech.whisper.loading import load
from interloom.stages.transcribe_speech.whisper.words import DecodedChunk, timed_words

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Transcriber:
    """A loaded Whisper on a device.

    `rows` is the size of every batch, `threads` how many threads decode on the CPU. Chunks whose transcript repeats itself or
    is unsure are decoded again with `beams`, if more than 1.
    """

    model: Any
    device: str
    rows: int
    beams: int
    threads: int = 1
    _encoded: dict[bytes, Any] = field(default_factory=dict)

    @classmethod
    def open(cls, model: str, *, device: str, batch_size: int, beams: int, threads: int = 1) -> Transcriber:
        """Loads a model. Raises ConfigError if that fails or there is no GPU for `device` "cuda".

        Parameters:
            model: A tag or a path, as in `stages.transcribe_speech`.
            device: "cpu", "cuda" or "auto", which takes the GPU if there is one.
            batch_size: Chunks that the model transcribes at once on a GPU; on the CPU, one.
            beams: Beams of the second decoding.
            threads: Threads on the CPU.
        """
        import torch

        has_gpu = torch.cuda.is_available()
        if device == "cuda" and not has_gpu:
            raise ConfigError(f"device: cuda, but torch {torch.__version__} sees no GPU here")
        device = ("cuda" if has_gpu else "cpu") if device == "auto" else device
        return cls(load(model, device), device, batch_size if device == "cuda" else 1, beams, threads)

    @property
    def shares_batches(self) -> bool:
        """Whether chunks of several videos are decoded together."""
        return self.rows > 1

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
        self._encoded.clear()
        with self._in_threads():
            guesses = [guess for batch in _batches(chunks, self.rows) for guess in self._language_probabilities(batch)]
        means = {code: sum(guess[code] for guess in guesses) / len(guesses) for code in guesses[0]}
        best = max(sorted(means), key=lambda code: means[code])
        return best, means[best]

    def _language_probabilities(self, batch: Sequence[FloatSamples]) -> list[dict[str, float]]:
        """For each chunk, language -> probability."""
        features = self._features(batch)
        if self.rows == 1:
            self._encoded[digest(batch[0])] = features
        _, probabilities = self.model.detect_language(features)
        return list(probabilities)[: len(batch)]

    def transcribe(self, chunks: Iterable[FloatSamples], language: str) -> Iterator[list[Word]]:
        """Yields the words of each chunk (16 kHz, at most 30 s), with times in seconds of the chunk."""
        for batch in _batches(chunks, self.rows):
            with self._in_threads():
                transcribed = list(self._transcribe_batch(batch, language))
            yield from transcribed

    def _transcribe_batch(self, batch: Sequence[FloatSamples], language: str) -> Iterator[list[Word]]:
        from whisper.tokenizer import get_tokenizer

        count = self.model.num_languages
        tokenizer = get_tokenizer(self.model.is_multilingual, num_languages=count, language=language, task="transcribe")
        # Rows that share a batch share its limit, too.
        longest = min(most_tokens(len(batch[0]) / RATE), self.model.dims.n_text_ctx // 2) if self.rows == 1 else None
        results = self._decode(self._features(batch), language, sample_len=longest)
        failed = [n for n, result in enumerate(results[: len(batch)]) if _is_failed(result)]
        if failed and self.beams > 1:
            results = self._decode_again(results, failed, language, longest)
        samples = [len(chunk) for chunk in self._filled_up(batch)]
        decoded = [DecodedChunk(result.tokens, length) for result, length in zip(results, samples, strict=True)]
        features = [result.audio_features for result in results]
        timed = timed_words(self.model, tokenizer, decoded, features, is_padded=self.rows > 1)
        for words, result, _ in zip(timed, results, batch, strict=False):
            scores = _scores(result)
            yield [replace(word, scores=scores) for word in words]

    def _decode(self, spectrograms: Any, language: str, **options: Any) -> list[Any]:
        """whisper's DecodingResult of each row."""
        from whisper.decoding import DecodingOptions, decode

        settings = DecodingOptions(language=language, without_timestamps=True, fp16=self.device == "cuda", **options)
        return list(decode(self.model, spectrograms, settings))

    def _decode_again(self, results: list[Any], failed: Sequence[int], language: str, longest: int | None) -> list[Any]:
        """Decodes failed rows with beam search, one by one as the library requires; the more probable result stays.

        Unlike whisper's own second decoding, this draws nothing by chance.
        """
        chosen = list(results)
        for n in failed:
            (result,) = self._decode(results[n].audio_features[None], language, beam_size=self.beams, sample_len=longest)
            chosen[n] = min(chosen[n], result, key=lambda candidate: (_is_failed(candidate), -candidate.avg_logprob))
        return chosen

    def _features(self, batch: Sequence[FloatSamples]) -> Any:
        """The encoded audio of each row; what the detection of the language has encoded is taken from there."""
        import torch

        known = self._encoded.pop(digest(batch[0]), None) if self.rows == 1 else None
        if known is not None:
            return known
        with torch.no_grad():
            return self.model.encoder(self._spectrograms(batch))

    @contextmanager
    def _in_threads(self) -> Iterator[None]:
        """Sets the number of torch's threads, which changes the last bits of sums."""
        import torch

        before = torch.get_num_threads()
        if self.device == "cpu":
            torch.set_num_threads(self.threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)

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
    return bool(result.compression_ratio > MAX_COMPRESSION or result.avg_logprob < MIN_LOGPROB)


def _scores(result: Any) -> Mapping[str, float]:
    """The scores of a chunk, without those that are not a number."""
    scores = {
        "asr_logprob": result.avg_logprob,
        "asr_no_speech": result.no_speech_prob,
        "asr_compression": result.compression_ratio,
    }
    return {name: round(float(value), 4) for name, value in scores.items() if value == value}
