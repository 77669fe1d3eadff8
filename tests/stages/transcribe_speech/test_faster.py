"""faster-whisper gives the elements, labels, scores and word times of the other engine; its words, here, are nonsense."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_faster_whisper

from interloom.schemas.document import Clip, Document, Source
from interloom.schemas.outcome import Outcome, Side
from interloom.stages.transcribe_speech import TranscribeSpeech
from interloom.stages.transcribe_speech.whisper import faster

pytestmark = pytest.mark.slow
RATE = 16_000


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    pytest.importorskip("faster_whisper", reason="faster-whisper is not installed")
    folder = tmp_path_factory.mktemp("whisper-ct2")
    tiny_faster_whisper.store(folder)
    return str(folder)


def talk(path: Path, *spans: tuple[float, float]) -> Document:
    """An audio file of eight seconds with tones of a voice's band in these spans."""
    time = np.arange(8 * RATE) / RATE
    tone = sum(np.sin(2 * np.pi * hertz * time) for hertz in (310, 520, 840, 1300, 2100)) / 5
    level = tone * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)) * sum((time >= a) & (time < b) for a, b in spans)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(RATE)
        file.writeframes((level * 20_000).astype("<i2").tobytes())
    clip = Clip(position=0, start_s=0.0, end_s=8.0, format="wav")
    return Document(id=path.stem, source=Source(path=str(path)), elements=(clip,))


def transcribed(model: str, *docs: Document, **parameters: Any) -> list[Outcome]:
    options = {"vad": "energy", "keep_inventions": True, "device": "cpu", "keep_words": True, **parameters}
    return list(TranscribeSpeech(engine="faster-whisper", model=model, **options).process(docs))


def test_sentences_have_the_scores_labels_and_times_of_speech(tmp_path: Path, model: str) -> None:
    *words, doc = transcribed(model, talk(tmp_path / "a.wav", (1, 3), (5, 7)), language="en", beams=1)
    assert isinstance(doc, Document)
    assert doc.labels["transcript"] == "asr"
    names = {"asr_probability", "asr_logprob", "asr_no_speech", "asr_compression"}
    assert {(text.origin, frozenset(text.scores)) for text in doc.texts} == {("asr", frozenset(names))}
    spans = {text.position: (text.start_s or 0.0, text.end_s or 9.0) for text in doc.texts}
    assert all(0.4 < start <= end < 7.6 for start, end in spans.values())
    rows = [side.row for side in words if isinstance(side, Side)]
    assert {row["position"] for row in rows} == set(spans)
    assert all(spans[row["position"]][0] <= row["start_s"] <= row["end_s"] <= spans[row["position"]][1] for row in rows)


def test_times_and_probabilities_are_plain_numbers(tmp_path: Path, model: str) -> None:
    *words, _ = transcribed(model, talk(tmp_path / "a.wav", (1, 3)), language="en", beams=1)
    names = ("start_s", "end_s", "probability")
    assert {type(side.row[name]) for side in words if isinstance(side, Side) for name in names} == {float}


def test_the_language_is_detected(tmp_path: Path, model: str) -> None:
    *_, doc = transcribed(model, talk(tmp_path / "a.wav", (1, 3)), beams=1)
    assert isinstance(doc, Document)
    assert (len(doc.labels["speech_language"]), 0 < doc.scores["speech_language"] < 1) == (2, True)


def test_a_transcript_does_not_depend_on_its_neighbours(tmp_path: Path, model: str) -> None:
    docs = [talk(tmp_path / "a.wav", (1, 3), (5, 7)), talk(tmp_path / "b.wav", (0.5, 6)), talk(tmp_path / "c.wav")]
    together = transcribed(model, *docs, beams=2)
    apart = [out for doc in docs for out in transcribed(model, doc, beams=2)]
    assert together == apart


def test_work_is_bounded_by_the_length_of_the_sound(tmp_path: Path, model: str) -> None:
    *words, _ = transcribed(model, talk(tmp_path / "a.wav", (1, 3)), language="en", beams=1)
    assert 0 < len(words) <= 40


def windows(model: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many frames the encoder gets, call by call, while a chunk of noise is transcribed."""
    transcriber = faster.FasterTranscriber.open(model, device="cpu", threads=1, beams=2)
    encode, sizes = transcriber.model.encode, list[int]()
    monkeypatch.setattr(transcriber.model, "encode", lambda features: (sizes.append(features.shape[-1]), encode(features))[1])
    chunk = np.random.default_rng(3).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)
    language, _ = transcriber.detect_language([chunk])
    list(transcriber.transcribe([chunk], language))
    return sizes


def sure_of_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, limit in (("_SURE_LANGUAGE", 0.0), ("_SURE_LOGPROB", -1e9), ("_SURE_COMPRESSION", 1e9)):
        monkeypatch.setattr(faster, name, limit)


@pytest.mark.parametrize(("seconds", "frames"), [(2.0, 1000), (9.0, 1400), (29.0, 3000)])
def test_a_chunk_is_encoded_once_with_silence_behind_it(
    model: str, monkeypatch: pytest.MonkeyPatch, seconds: float, frames: int
) -> None:
    sure_of_everything(monkeypatch)
    assert windows(model, seconds, monkeypatch) == [frames]


def test_what_is_unsure_in_a_short_window_is_heard_once_more_in_30_s(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert windows(model, 2.0, monkeypatch) == [1000, 3000]


def test_a_transcript_that_is_unsure_is_made_again_from_30_s(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faster, "_SURE_LANGUAGE", 0.0)
    assert windows(model, 2.0, monkeypatch) == [1000, 3000]
