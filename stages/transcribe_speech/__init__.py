"""Writes down what is said in a video: its subtitles where they are good, else what Whisper hears."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Stage
from interloom.pipeline.store import storage
from interloom.schemas.document import Clip, Document, Text
from interloom.schemas.outcome import Outcome, Quarantined, Side
from interloom.stages._video.file import open_video, probe
from interloom.stages._video.probe import Track
from interloom.stages.transcribe_speech.audio import RATE, Samples, piece, sound
from interloom.stages.transcribe_speech.speech import Sentence, Word, in_order, sentences
from interloom.stages.transcribe_speech.subtitles.choice import Kind, Subtitles, chosen, short_code
from interloom.stages.transcribe_speech.vad import Silero, Span, by_energy, chunks, voiced
from interloom.stages.transcribe_speech.whisper import checkpoints

if TYPE_CHECKING:
    from interloom.stages.transcribe_speech.whisper.model import Listener

_HOURS_AT_ONCE = 4.0
"""Sound that lies decoded on disk at a time, 115 MB an hour; its pieces go through the model in common batches."""
_GUESSED_FROM = 3


@dataclass(frozen=True)
class _Heard:
    """A video to be heard: its sound, where somebody speaks, and the pieces of at most 30 s that the model gets."""

    doc: Document
    samples: Samples
    spans: Sequence[Span]
    pieces: Sequence[Span]


@dataclass(frozen=True, kw_only=True)
class TranscribeSpeech(Stage):
    """Adds what is said, a sentence at a time, with its start and end; label `transcript` says where it comes from: manual,
    embedded or automatic subtitles, `asr`, or `none` (no sound, or no `model` to hear it with).

    `subtitles` are the kinds that are taken, best first; they are good when they have `words_per_minute`, fit the video's
    length and are in the language that is spoken (`language`, else the label of that name), else `subtitles_refused` says
    why not. `model` is a Whisper tag whose file is in the local cache, or a checkpoint's path; without one, only subtitles
    are read. It hears the pieces where `voice` finds speech: `energy`, our own rule, or the path of silero's network (ONNX,
    version 5); score `voice_share`. `language` (ISO 639-1) is guessed when not given: label `speech_language`, score of the
    same name. Sentences end at punctuation, at pauses of `pause_s`, or at `longest_s` (Multimodal Textbook's clips are 10 to
    20 s, arXiv 2501.00958, section 3). Greedy decoding; pieces that loop or are unsure are tried again with `beams`.
    Sentences score `asr_probability`, `asr_logprob`, `asr_no_speech` and `asr_compression`. With `keep_words`, words and
    their times go to the side table `words`. What is no video passes.
    """

    dear: ClassVar[bool] = True
    uses_gpu: ClassVar[bool] = True

    subtitles: tuple[Kind, ...] = ("manual", "embedded", "automatic")
    words_per_minute: float = 5.0
    model: str | None = None
    language: str | None = None
    voice: str = "energy"
    pause_s: float = 1.0
    longest_s: float = 20.0
    batch_size: int = 16
    beams: int = 5
    device: Literal["auto", "cpu", "cuda"] = "auto"
    keep_words: bool = False

    def check(self) -> Iterable[str]:
        for name in ("batch_size", "beams"):
            if getattr(self, name) < 1:
                yield f"{name}: at least 1, not {getattr(self, name)}"
        for name in ("pause_s", "longest_s"):
            if getattr(self, name) <= 0:
                yield f"{name}: more than 0, not {getattr(self, name)}"
        if self.model is not None:
            yield from checkpoints.problems(self.model)
        elif not self.subtitles:
            yield "neither `subtitles` nor a `model`: nothing would be written down"
        if self.voice != "energy" and (storage.is_remote(self.voice) or not storage.exists(self.voice)):
            yield f"voice: `energy` or the path of a local ONNX file, not {self.voice}"

    def files(self) -> Iterable[str]:
        yield from checkpoints.paths(self.model) if self.model is not None else ()
        yield from [self.voice] if self.voice != "energy" else ()

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for group in _groups(docs):
            with ExitStack() as stack:
                ready = [self._read(doc, stack) for doc in group]
                heard = self._hear([one for one in ready if isinstance(one, _Heard)])
                for one in ready:
                    yield from heard[one.doc.id] if isinstance(one, _Heard) else one

    def _read(self, doc: Document, stack: ExitStack) -> _Heard | list[Outcome]:
        """The document with its subtitles; or what there is to hear."""
        clip = _clip(doc)
        if clip is None:
            return [doc]
        try:
            with open_video(doc.source) as path:
                found = probe(path)
                subtitles = chosen(doc, path, found, self.subtitles, (self.words_per_minute, self.language or ""))
                if isinstance(subtitles, Subtitles):
                    return self._written(doc, subtitles.words, subtitles.kind)
                doc = doc.with_labels(subtitles_refused=subtitles) if subtitles else doc
                track = _track(found.audio, self.language or "")
                if track is None or self.model is None:
                    return [doc.with_labels(transcript="none")]
                return self._listened(doc, stack.enter_context(sound(path, track)), clip)
        except DocumentError as error:
            return [Quarantined(doc.id, str(error), url=doc.source.url)]

    def _listened(self, doc: Document, samples: Samples, clip: Clip) -> _Heard:
        spans = by_energy(samples) if self.voice == "energy" else self._silero.spans(samples)
        length_s = max(len(samples) / RATE, clip.end_s or 0.0)
        share = sum(end - start for start, end in spans) / length_s if length_s else 0.0
        return _Heard(doc.with_score("voice_share", round(share, 4)), samples, spans, chunks(spans))

    def _hear(self, given: Sequence[_Heard]) -> dict[str, list[Outcome]]:
        """By document: what was said in it. Pieces of all videos in a language share batches."""
        known = {one.doc.id: self._language(one) for one in given if one.pieces}
        said: dict[str, list[Word]] = {one.doc.id: [] for one in given}
        for language in sorted({code for code, _ in known.values()}):
            places = [(one, span) for one in given if known.get(one.doc.id, ("", 0.0))[0] == language for span in one.pieces]
            heard = self._listener.hear((piece(one.samples, *span) for one, span in places), language)
            for (one, span), words in zip(places, heard, strict=True):
                said[one.doc.id] += voiced(words, span, one.spans)
        return {one.doc.id: self._written(_named(one.doc, known), in_order(said[one.doc.id]), "asr") for one in given}

    def _language(self, one: _Heard) -> tuple[str, float]:
        if self.language is not None:
            return self.language, 1.0
        longest = sorted(one.pieces, key=lambda span: (span[0] - span[1], span[0]))[:_GUESSED_FROM]
        return self._listener.language([piece(one.samples, *span) for span in longest])

    def _written(self, doc: Document, words: Sequence[Word], transcript: str) -> list[Outcome]:
        first = max((element.position for element in doc.elements), default=-1) + 1
        found = list(enumerate(sentences(words, pause_s=self.pause_s, longest_s=self.longest_s), first))
        rows = [row for position, one in found for row in _rows(doc.id, position, one)] if self.keep_words else []
        texts = [_text(position, one) for position, one in found]
        return [*rows, doc.with_elements([*doc.elements, *texts]).with_labels(transcript=transcript)]

    @cached_property
    def _listener(self) -> Listener:
        from interloom.stages.transcribe_speech.whisper.model import Listener

        return Listener.open(str(self.model), device=self.device, batch_size=self.batch_size, beams=self.beams)

    @cached_property
    def _silero(self) -> Silero:
        return Silero(self.voice)


def _groups(docs: Sequence[Document]) -> Iterator[list[Document]]:
    group, hours = list[Document](), 0.0
    for doc in docs:
        clip = _clip(doc)
        group.append(doc)
        hours += (clip.end_s or 0.0) / 3600 if clip else 0.0
        if hours >= _HOURS_AT_ONCE:
            yield group
            group, hours = [], 0.0
    yield group


def _clip(doc: Document) -> Clip | None:
    return next((element for element in doc.elements if isinstance(element, Clip)), None)


def _track(tracks: Sequence[Track], language: str) -> Track | None:
    """The sound in this language, else the one marked as default, else the first."""

    def rank(track: Track) -> tuple[bool, bool]:
        return bool(language) and short_code(track.language) != short_code(language), not track.is_default

    return min(tracks, key=rank, default=None)


def _named(doc: Document, known: dict[str, tuple[str, float]]) -> Document:
    if doc.id not in known:
        return doc
    language, probability = known[doc.id]
    return doc.with_labels(speech_language=language).with_score("speech_language", round(probability, 4))


def _text(position: int, one: Sentence) -> Text:
    start_s, end_s = round(one.start_s, 3), round(one.end_s, 3)
    said = Text(position=position, text=one.text, origin="asr", role="speech", scores=one.scores)
    return replace(said, start_s=start_s, end_s=end_s)


def _rows(id_: str, position: int, one: Sentence) -> Iterator[Side]:
    for number, word in enumerate(one.words):
        times = {"start_s": round(word.start_s, 3), "end_s": round(word.end_s, 3), "probability": word.probability}
        yield Side("words", {"id": id_, "position": position, "number": number, "word": word.text.strip(), **times})
