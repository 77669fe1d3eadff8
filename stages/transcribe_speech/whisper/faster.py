"""Runs Whisper by CTranslate2 (faster-whisper), a chunk at a time: the same words, scores and times as of the other engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from interloom.pipeline.errors import ConfigError, in_a_line
from interloom.pipeline.store import storage
from interloom.pipeline.temporary import temporary_folder
from interloom.stages._embed.model_files import local_folder
from interloom.stages.transcribe_speech.audio import RATE, FloatSamples
from interloom.stages.transcribe_speech.speech import Word
from interloom.stages.transcribe_speech.whisper.invented import MAX_COMPRESSION, MIN_LOGPROB, most_tokens

_FILE = "model.bin"
_MAX_ERROR_CHARS = 200


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


@dataclass(frozen=True)
class FasterTranscriber:
    """A loaded model. Chunks whose transcript repeats itself or is unsure are decoded again with `beams`, if more than 1."""

    model: Any
    beams: int
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
        guesses = [dict(self.model.detect_language(chunk)[2]) for chunk in chunks]
        means = {code: sum(guess.get(code, 0.0) for guess in guesses) / len(guesses) for code in guesses[0]}
        best = max(sorted(means), key=lambda code: means[code])
        return best, means[best]

    def transcribe(self, chunks: Iterable[FloatSamples], language: str) -> Iterator[list[Word]]:
        """Yields the words of each chunk (16 kHz, at most 30 s), with times in seconds of the chunk."""
        for chunk in chunks:
            words = self._decoded(chunk, language, 1)
            if words and self.beams > 1 and _is_failed(words[0].scores):
                again = self._decoded(chunk, language, self.beams)
                words = min(words, again, key=lambda each: _rank(each[0].scores if each else {}))
            yield words

    def _decoded(self, chunk: FloatSamples, language: str, beams: int) -> list[Word]:
        """The words of a chunk, decoded with so many beams, with the scores of the chunk."""
        segments, _ = self.model.transcribe(
            chunk,
            language=language,
            beam_size=beams,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            word_timestamps=True,
            max_new_tokens=most_tokens(len(chunk) / RATE),
            no_speech_threshold=None,
            log_prob_threshold=None,
            compression_ratio_threshold=None,
        )
        words = list[Word]()
        for segment in islice(segments, 1):  # it is the whole chunk; the library would decode what is behind the last word again
            scores = {
                "asr_logprob": round(segment.avg_logprob, 4),
                "asr_no_speech": round(segment.no_speech_prob, 4),
                "asr_compression": round(segment.compression_ratio, 4),
            }
            for word in segment.words or ():
                start_s, end_s, probability = map(float, (word.start, word.end, word.probability))  # some are numpy's
                words.append(Word(word.word, start_s, end_s, probability, scores=scores))
        return [replace(word, end_s=max(word.start_s, word.end_s)) for word in words if word.text.strip()]


def _is_failed(scores: Mapping[str, float]) -> bool:
    return scores["asr_compression"] > MAX_COMPRESSION or scores["asr_logprob"] < MIN_LOGPROB


def _rank(scores: Mapping[str, float]) -> tuple[bool, float]:
    """The lower, the better: a transcript that has not failed, then the more probable one."""
    return (_is_failed(scores), -scores["asr_logprob"]) if scores else (True, 0.0)
