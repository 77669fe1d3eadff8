"""Transcribes the speech of a video: takes its subtitles if they are good, else runs Whisper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from interloom.pipeline.contents import SPEECH, TEXT, VIDEO, Content, Need, labels, scores, side_table
from interloom.pipeline.cost import Cost
from interloom.pipeline.errors import DocumentError, KilledError
from interloom.pipeline.languages import LanguageCode
from interloom.pipeline.ranges import Amount
from interloom.pipeline.stage import Stage
from interloom.pipeline.store import storage
from interloom.schemas.document import Clip, Document
from interloom.schemas.outcome import Killed, Outcome, Quarantined
from interloom.stages._video.file import open_video, probe
from interloom.stages.transcribe_speech.audio import RATE, FloatSamples, Samples, decode_audio, excerpt
from interloom.stages.transcribe_speech.elements import clip_of, groups, rows_of, text_of, with_language
from interloom.stages.transcribe_speech.speech import Word, sort_words, split_sentences
from interloom.stages.transcribe_speech.subtitles.choice import Kind, Requirements, Subtitles, choose_subtitles, choose_track
from interloom.stages.transcribe_speech.vad import (
    Silero,
    Span,
    align_to_speech,
    chunks,
    energy_spans,
    installed_network,
    unheard,
    widened,
)
from interloom.stages.transcribe_speech.whisper import checkpoints, faster
from interloom.stages.transcribe_speech.whisper.faster import FasterTranscriber
from interloom.stages.transcribe_speech.whisper.invented import without_inventions

if TYPE_CHECKING:
    from interloom.stages.transcribe_speech.whisper.model import Transcriber

_LANGUAGE_CHUNKS = 3
"""The language is detected on so many of the longest chunks; our choice."""


@dataclass(frozen=True)
class _Recording:
    """A video for Whisper: its audio, the spans of speech in it, and the chunks of at most 30 s that the model gets."""

    doc: Document
    samples: Samples
    spans: Sequence[Span]
    chunks: Sequence[Span]

    def audio(self, chunk: Span) -> FloatSamples:
        return excerpt(self.samples, *chunk)


@dataclass(frozen=True, kw_only=True)
class TranscribeSpeech(Stage):
    """Adds the speech of a video as one Text for each sentence, with its times, from good subtitles or by Whisper.

    The label `transcript` is the origin of the text: "manual", "embedded" or "automatic" (subtitles), "asr" (Whisper), or "none"
    (no audio, or no `model`). Subtitles are good if they have `words_per_minute`, fit the video's length, and are in the spoken
    language (`language`, else the document's label of that name); otherwise the label `subtitles_refused` states why not. Of a
    file with several languages (TTML, SAMI) the spoken one is read; a language in its name goes before one that it states.

    Whisper gets the spans of speech that `vad` detects; their share of the video is the score `voice_share`. It decodes greedily;
    chunks whose transcript repeats itself or is unsure are decoded again with `beams`. The label `speech_language` is the
    language, and the score of that name its probability. Sentences get the scores `asr_probability`, `asr_logprob`,
    `asr_no_speech` and `asr_compression`. Documents without a video pass. A video that cannot be decoded is quarantined.

    Parameters:
        subtitles: The kinds of subtitles that are tried, best first: "manual" and "automatic" are files that labels name,
            "embedded" are tracks of the video. Of several files of a kind the first good one counts. Default ("manual",
            "embedded", "automatic"), our choice.
        words_per_minute: Subtitles of fewer words a minute are refused. Default 5.0, our choice.
        model: A Whisper tag whose file is in the local cache, or the path of a checkpoint, local or s3; for the engine
            faster-whisper, a folder with a model of CTranslate2. Default none: only subtitles are read.
        engine: What runs Whisper: "openai-whisper" or "faster-whisper" (CTranslate2, int8 on the CPU), which takes less time and
            gives the same elements, labels and scores, but not always the same words. Default "openai-whisper".
        language: The spoken language, ISO 639-1. Default none: Whisper detects it.
        vad: Voice activity detection before Whisper: "silero", its network from the package faster-whisper or silero-vad;
            "energy", our own rule, which takes music and laughter for speech; or the path of a file with silero's network
            (ONNX, version 5 or 6). Default "silero", our choice.
        pause_s: A sentence ends at a pause of so many seconds. Default 1.0, our choice.
        longest_s: A longer sentence is cut. Seconds. Default 20.0 (clips of 10 to 20 s in Multimodal Textbook, arXiv 2501.00958,
            section 3).
        batch_size: Chunks that openai-whisper transcribes at once on a GPU; on the CPU, one. Default 16, our choice.
        beams: Beams of the second decoding; 1 leaves it out. Default 5 (Whisper, arXiv 2212.04356, section 4.5).
        threads: Threads of Whisper on the CPU; their number changes the last bits of sums. Default 1, our choice.
        device: Where Whisper runs: "cpu", "cuda", or "auto", which takes the GPU if there is one. Default "auto".
        keep_words: Whether the words and their times go to the side table `words`. Default false, our choice.
        keep_inventions: Whether what Whisper invents in silence stays: loops, phantom phrases. Default false, our choice.
    """

    checkpoint: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(per_second=0.5)  # about Whisper base on one core
    uses_gpu: ClassVar[bool] = True
    renamed: ClassVar[Mapping[str, str]] = {"voice": "vad"}

    subtitles: tuple[Kind, ...] = ("manual", "embedded", "automatic")
    words_per_minute: Amount = 5.0
    model: str | None = None
    language: LanguageCode | None = None
    engine: Literal["openai-whisper", "faster-whisper"] = "openai-whisper"
    vad: str = "silero"
    pause_s: float = 1.0
    longest_s: float = 20.0
    batch_size: int = 16
    beams: int = 5
    threads: int = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    keep_words: bool = False
    keep_inventions: bool = False

    def needs(self) -> Iterable[Need]:
        return (VIDEO,)

    def provides(self) -> Iterable[Content]:
        yield from (TEXT, SPEECH, *labels("transcript", "subtitles_refused"))
        yield from [side_table("words")] if self.keep_words else ()
        if self.model is not None:
            yield from labels("speech_language")
            yield from scores("document", "voice_share", "speech_language")
            yield from scores("text", "asr_probability", "asr_logprob", "asr_no_speech", "asr_compression")

    def check(self) -> Iterable[str]:
        for name in ("batch_size", "beams", "threads"):
            if getattr(self, name) < 1:
                yield f"{name}: must be at least 1, not {getattr(self, name)}"
        for name in ("pause_s", "longest_s"):
            if getattr(self, name) <= 0:
                yield f"{name}: must be more than 0, not {getattr(self, name)}"
        if self.model is not None:
            yield from (faster if self.engine == "faster-whisper" else checkpoints).problems(self.model)
        elif not self.subtitles:
            yield "subtitles, model: give at least one of them, or nothing is transcribed"
        yield from self._vad_problems()

    def _vad_problems(self) -> Iterable[str]:
        if self.vad == "silero":
            if self.model is not None and not installed_network():
                yield "vad: silero's network is in no package here; pip install 'interloom[asr]', or set `vad: energy`"
        elif self.vad != "energy" and not storage.exists(self.vad):
            yield f"vad: must be `silero`, `energy` or the path of an ONNX file, not {self.vad}"

    def files(self) -> Iterable[str]:
        if self.model is not None:
            yield from (faster if self.engine == "faster-whisper" else checkpoints).paths(self.model)
        network = installed_network() if self.vad == "silero" and self.model is not None else self.vad
        yield from [network] if network not in ("", "silero", "energy") else ()

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for group in groups(docs):
            with ExitStack() as stack:
                prepared = [self._prepare(doc, stack) for doc in group]
                transcribed = self._transcribe([item for item in prepared if isinstance(item, _Recording)])
                for item in prepared:
                    yield from transcribed[item.doc.id] if isinstance(item, _Recording) else item

    def _prepare(self, doc: Document, stack: ExitStack) -> _Recording | list[Outcome]:
        """The audio of a video that Whisper must transcribe, open until `stack` ends; or the outcomes of any other document."""
        clip = clip_of(doc)
        if clip is None:
            return [doc]
        required = Requirements(self.words_per_minute, self.language or "")
        try:
            with open_video(doc.source) as path:
                headers = probe(path)
                subtitles = choose_subtitles(doc, path, headers, self.subtitles, required)
                if isinstance(subtitles, Subtitles):
                    if subtitles.path and subtitles.path != doc.labels.get("subtitles"):
                        named = {"subtitles": subtitles.path, "subtitle_kind": subtitles.kind}
                        doc = doc.with_labels(**named, subtitle_language=subtitles.language)
                    return self._with_sentences(doc, subtitles.words, subtitles.kind)
                doc = doc.with_labels(subtitles_refused=subtitles) if subtitles else doc
                track = choose_track(headers.audio, self.language or "")
                if track is None or self.model is None:
                    return [doc.with_labels(transcript="none")]
                return self._recording(doc, stack.enter_context(decode_audio(path, track)), clip)
        except DocumentError as error:
            return [Quarantined(doc.id, str(error), url=doc.source.url)]
        except KilledError as error:
            return [Killed(doc.id, str(error), url=doc.source.url)]

    def _recording(self, doc: Document, samples: Samples, clip: Clip) -> _Recording:
        """Detects the speech in the audio, and cuts it into chunks."""
        spans = energy_spans(samples) if self.vad == "energy" else self._silero.spans(samples)
        length_s = max(len(samples) / RATE, clip.end_s or 0.0)
        share = sum(end - start for start, end in spans) / length_s if length_s else 0.0
        return _Recording(doc.with_score("voice_share", round(share, 4)), samples, spans, widened(chunks(spans), length_s))

    def _transcribe(self, recordings: Sequence[_Recording]) -> dict[str, list[Outcome]]:
        """Document id -> its outcomes. On a GPU the chunks of all videos in a language share batches."""
        has_speech = any(recording.chunks for recording in recordings)
        together = [recordings] if has_speech and self._transcriber.shares_batches else [[recording] for recording in recordings]
        return {id_: outcomes for group in together for id_, outcomes in self._transcribe_together(group).items()}

    def _transcribe_together(self, recordings: Sequence[_Recording]) -> dict[str, list[Outcome]]:
        """Like `_transcribe`, of recordings whose chunks share batches."""
        languages = {recording.doc.id: self._language(recording) for recording in recordings if recording.chunks}
        words: dict[str, list[Word]] = {recording.doc.id: [] for recording in recordings}
        for language in sorted({code for code, _ in languages.values()}):
            same = [recording for recording in recordings if languages.get(recording.doc.id, ("", 0.0))[0] == language]
            pairs = [(recording, chunk) for recording in same for chunk in recording.chunks]
            chunk_words = self._transcriber.transcribe((recording.audio(chunk) for recording, chunk in pairs), language)
            for (recording, chunk), timed in zip(pairs, chunk_words, strict=True):
                words[recording.doc.id] += self._said(recording, chunk, timed, language)
        docs = [with_language(recording.doc, languages) for recording in recordings]
        return {doc.id: self._with_sentences(doc, sort_words(words[doc.id]), "asr") for doc in docs}

    def _said(self, recording: _Recording, chunk: Span, timed: Sequence[Word], language: str, tries: int = 2) -> Iterator[Word]:
        """The words of a chunk, with times in the file; what Whisper has left out behind the last one is transcribed, too."""
        words = timed if self.keep_inventions else without_inventions(timed, language)
        yield from align_to_speech(words, chunk, recording.spans)
        rest = unheard(chunk, words, recording.spans) if tries else None
        if rest is not None:
            (more,) = self._transcriber.transcribe([recording.audio(rest)], language)
            yield from self._said(recording, rest, more, language, tries - 1)

    def _language(self, recording: _Recording) -> tuple[str, float]:
        """The language and its probability: the parameter, or what Whisper detects on the longest chunks."""
        if self.language is not None:
            return self.language, 1.0
        longest = sorted(recording.chunks, key=lambda chunk: (chunk[0] - chunk[1], chunk[0]))[:_LANGUAGE_CHUNKS]
        return self._transcriber.detect_language([recording.audio(chunk) for chunk in longest])

    def _with_sentences(self, doc: Document, words: Sequence[Word], transcript: str) -> list[Outcome]:
        """The document with a Text for each sentence behind its elements, after the rows of the side table `words`."""
        first = max((element.position for element in doc.elements), default=-1) + 1
        numbered = list(enumerate(split_sentences(words, pause_s=self.pause_s, longest_s=self.longest_s), first))
        rows = [row for position, sentence in numbered for row in rows_of(doc.id, position, sentence)] if self.keep_words else []
        texts = [text_of(position, sentence) for position, sentence in numbered]
        return [*rows, doc.with_elements([*doc.elements, *texts]).with_labels(transcript=transcript)]

    @cached_property
    def _transcriber(self) -> Transcriber | FasterTranscriber:
        model, device, beams, threads = str(self.model), self.device, self.beams, self.threads
        if self.engine == "faster-whisper":
            return FasterTranscriber.open(model, device=device, threads=threads, beams=beams)
        from interloom.stages.transcribe_speech.whisper.model import Transcriber

        return Transcriber.open(model, device=device, batch_size=self.batch_size, beams=beams, threads=threads)

    @cached_property
    def _silero(self) -> Silero:
        return Silero(installed_network() if self.vad == "silero" else self.vad)
