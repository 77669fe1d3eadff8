"""Runs whisper on a tiny checkpoint with random weights: its words are nonsense, its times, scores and errors are not."""

import os
import pickle
import shutil
import subprocess
import warnings
import wave
from dataclasses import fields, replace

import numpy as np
import pytest

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store import storage
from interloom.schemas.document import Clip, Document, Source, Text
from interloom.schemas.outcome import Quarantined, Side
from interloom.stages._video.file import ffmpeg_binary
from interloom.stages.transcribe_speech import TranscribeSpeech

# whisper sorts torch tensors with numpy in its beam search
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")]

RATE = 16_000
SRT = """1
00:00:00,500 --> 00:00:02,000
Hello there.

2
00:00:02,000 --> 00:00:04,000
<i>We begin</i>

3
00:00:04,000 --> 00:00:05,500
with two lines.
"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    import torch
    from whisper.model import ModelDimensions, Whisper
    from whisper.tokenizer import get_tokenizer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        get_tokenizer(
            True, num_languages=99, language="en", task="transcribe"
        )  # whisper forgets to close the file; what it read is kept
    torch.manual_seed(11)
    dims = ModelDimensions(
        n_mels=80, n_audio_ctx=1500, n_audio_state=16, n_audio_head=2, n_audio_layer=1,
        n_vocab=51865, n_text_ctx=48, n_text_state=16, n_text_head=2, n_text_layer=2,
    )  # fmt: skip
    model = Whisper(dims)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.35)
    path = tmp_path_factory.mktemp("whisper") / "tiny.pt"
    torch.save({"dims": vars(dims), "model_state_dict": model.state_dict()}, path)
    return str(path)


def bursts(*spans, seconds=8.0, seed=1):
    """Tones of a voice's band in these spans, whose level comes and goes as that of speech does."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * hertz * time + rng.uniform(0, 6)) for hertz in rng.uniform(300, 2500, 12)) / 12
    level = np.zeros_like(time)
    for start, end in spans:
        inside = (time >= start) & (time < end)
        level[inside] = (tone * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)))[inside]
    return (level * 20_000).astype("<i2")


def video(path, samples=None, *more, seconds=8.0, before=()):
    """A grey video with this audio; `more` are further arguments of ffmpeg."""
    inputs = ["-f", "lavfi", "-i", f"color=gray:s=64x48:r=5:d={seconds}"]
    if samples is not None:
        audio = path.with_suffix(".wav")
        with wave.open(str(audio), "wb") as file:
            file.setnchannels(1), file.setsampwidth(2), file.setframerate(RATE)
            file.writeframes(samples.tobytes())
        inputs += [*before, "-i", str(audio)]
    subprocess.run([ffmpeg_binary(), "-v", "error", "-y", *inputs, *more, str(path)], check=True)
    return path


def with_whisper(model, **parameters):
    return TranscribeSpeech(model=model, **{"vad": "energy", "keep_inventions": True, "device": "cpu", **parameters})


def document(path, name="v", seconds=8.0, **labels):
    clip = Clip(position=0, start_s=0.0, end_s=seconds, format="mov")
    return Document(id=name, source=Source(path=str(path)), elements=(clip,), labels=labels)


def transcribed(stage, *docs):
    return [out for out in stage.process(docs) if isinstance(out, Document)]


def sentences(doc):
    return [(text.start_s, text.end_s, text.text) for text in doc.texts]


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    return video(tmp_path_factory.mktemp("talk") / "talk.mp4", bursts((1, 3), (5, 7)))


def test_manual_subtitles_become_sentences_with_times(tmp_path, talk):
    sidecar = tmp_path / "talk.srt"
    sidecar.write_text(SRT)
    (doc,) = transcribed(TranscribeSpeech(), document(talk, subtitles=str(sidecar), subtitle_kind="manual"))
    assert sentences(doc) == [(0.5, 2.0, "Hello there."), (2.0, 5.5, "We begin with two lines.")]
    assert doc.labels["transcript"] == "manual"
    assert [(text.position, text.origin, text.role) for text in doc.texts] == [(1, "asr", "speech"), (2, "asr", "speech")]


def test_subtitles_are_read_from_s3(s3, talk):
    storage.write(f"{s3}/talk.srt", SRT.encode())
    (doc,) = transcribed(TranscribeSpeech(), document(talk, subtitles=f"{s3}/talk.srt", subtitle_kind="manual"))
    assert [text.text for text in doc.texts] == ["Hello there.", "We begin with two lines."]


def test_embedded_subtitles_are_read(tmp_path):
    sidecar = tmp_path / "own.srt"
    sidecar.write_text(SRT)
    path = video(tmp_path / "own.mkv", bursts((1, 3)), "-i", str(sidecar), "-c:s", "srt")
    (doc,) = transcribed(TranscribeSpeech(), document(path))
    start, end, words = sentences(doc)[
        0
    ]  # some releases of ffmpeg move all streams by the priming samples of the audio when they write
    assert (start, end, words) == (pytest.approx(0.5, abs=0.03), pytest.approx(2.0, abs=0.03), "Hello there.")
    assert doc.labels["transcript"] == "embedded"


def test_drawings_and_comments_of_an_embedded_track_are_no_speech(tmp_path):
    events = ["{note: slower}Hello there.", r"{\p1}m 0 0 l 100 0 100 100{\p0}", "We begin with 3 < 4."]
    lines = [f"Dialogue: 0,0:00:0{n + 1}.00,0:00:0{n + 2}.00,Default,,0,0,0,,{words}" for n, words in enumerate(events)]
    columns = "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"
    sidecar = tmp_path / "own.ass"
    sidecar.write_text("\n".join(["[Script Info]", "ScriptType: v4.00+", "", "[Events]", columns, *lines, ""]))
    path = video(tmp_path / "own.mkv", bursts((1, 3)), "-i", str(sidecar), "-c:s", "copy")
    (doc,) = transcribed(TranscribeSpeech(), document(path))
    assert [text.text for text in doc.texts] == ["Hello there.", "We begin with 3 < 4."]


def test_automatic_subtitles_come_after_embedded_ones(tmp_path):
    embedded, automatic = tmp_path / "a.srt", tmp_path / "b.srt"
    embedded.write_text(SRT)
    automatic.write_text(SRT.replace("Hello", "Yellow"))
    path = video(tmp_path / "both.mkv", bursts((1, 3)), "-i", str(embedded), "-c:s", "srt")
    doc = document(path, subtitles=str(automatic), subtitle_kind="automatic")
    assert transcribed(TranscribeSpeech(), doc)[0].labels["transcript"] == "embedded"
    assert transcribed(TranscribeSpeech(subtitles=("automatic",)), doc)[0].texts[0].text == "Yellow there."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("no subtitles at all", "manual: holds no cue of text with a time"),
        (SRT.replace("00:00:0", "00:01:0"), "manual: 3 of 3 cues begin after the video ends"),
    ],
)
def test_bad_subtitles_are_refused_with_the_reason(tmp_path, talk, content, reason):
    sidecar = tmp_path / "bad.srt"
    sidecar.write_text(content)
    (doc,) = transcribed(TranscribeSpeech(), document(talk, subtitles=str(sidecar), subtitle_kind="manual"))
    assert (doc.labels["subtitles_refused"], doc.labels["transcript"], doc.texts) == (reason, "none", ())


def test_subtitles_of_too_few_words_are_refused(tmp_path, talk):
    sidecar = tmp_path / "few.srt"
    sidecar.write_text("00:00:01.000 --> 00:00:02.000\nSign\n")
    doc = document(talk, subtitles=str(sidecar), subtitle_kind="manual")
    (refused,) = transcribed(TranscribeSpeech(words_per_minute=30), doc)
    assert refused.labels["subtitles_refused"] == "manual: 7.5 words a minute, fewer than 30"


def test_translations_are_refused(tmp_path, talk):
    sidecar = tmp_path / "talk.srt"
    sidecar.write_text(SRT)
    doc = document(talk, subtitles=str(sidecar), subtitle_kind="manual", subtitle_language="de-AT")
    (refused,) = transcribed(TranscribeSpeech(language="en"), doc)
    assert refused.labels["subtitles_refused"] == "manual: a translation: in de-AT, not en"
    assert [transcribed(TranscribeSpeech(language=code), doc)[0].labels["transcript"] for code in ("de", "ger")] == ["manual"] * 2


def test_a_missing_sidecar_is_refused_not_fatal(talk):
    (doc,) = transcribed(TranscribeSpeech(), document(talk, subtitles="/nowhere/a.srt", subtitle_kind="manual"))
    assert doc.labels["subtitles_refused"].startswith("manual: cannot be read")


def test_whisper_transcribes_only_the_spans_of_speech(talk, checkpoint):
    stage = with_whisper(checkpoint, beams=1)
    (doc,) = transcribed(stage, document(talk))
    assert doc.texts, "random weights decode some words"
    assert doc.labels["transcript"] == "asr"
    assert doc.labels["speech_language"] in stage._transcriber.languages
    assert all(0.4 <= text.start_s <= text.end_s <= 7.6 for text in doc.texts)
    assert doc.scores["voice_share"] == pytest.approx(4.8 / 8, abs=0.05)
    assert {"asr_probability", "asr_logprob", "asr_no_speech", "asr_compression"} == set(doc.texts[0].scores)


def test_a_transcript_does_not_depend_on_the_batch(tmp_path, checkpoint, talk):
    other = video(tmp_path / "other.mp4", bursts((0.5, 6), seed=5))
    silent = video(tmp_path / "silent.mp4")
    page = Document(id="page", elements=(Text(position=0, text="x"),))
    docs = [document(talk, "a"), document(other, "b"), document(silent, "c"), page]
    stage = with_whisper(checkpoint, beams=2, keep_words=True)
    together = list(stage.process(docs))
    apart = [out for doc in docs[::-1] for out in TranscribeSpeech(**vars_of(stage)).process([doc])]
    assert [out for out in together if not isinstance(out, Side)] == [out for out in apart if not isinstance(out, Side)][::-1]
    assert together[-2].labels["transcript"] == "none"
    assert together[-1] == docs[-1]


def vars_of(stage):
    return {name: getattr(stage, name) for name in (field.name for field in fields(stage))}


def test_words_add_up_to_the_sentences(talk, checkpoint):
    stage = TranscribeSpeech(
        model=checkpoint, vad="energy", keep_inventions=True, device="cpu", beams=1, language="en", keep_words=True
    )
    out = list(stage.process([document(talk)]))
    rows, doc = [side.row for side in out if isinstance(side, Side)], out[-1]
    texts = {text.position: text for text in doc.texts}
    assert {row["position"] for row in rows} == set(texts)
    assert all(texts[row["position"]].start_s <= row["start_s"] <= row["end_s"] <= texts[row["position"]].end_s for row in rows)
    assert all(0 <= row["probability"] <= 1 for row in rows)


def test_word_times_are_those_of_the_library(checkpoint):
    import torch
    from whisper.audio import log_mel_spectrogram, pad_or_trim
    from whisper.timing import find_alignment, merge_punctuations
    from whisper.tokenizer import get_tokenizer

    from interloom.stages.transcribe_speech.whisper.model import Transcriber
    from interloom.stages.transcribe_speech.whisper.words import DecodedChunk, timed_words

    model = Transcriber.open(checkpoint, device="cpu", batch_size=2, beams=1).model
    tokenizer = get_tokenizer(True, num_languages=model.num_languages, language="en", task="transcribe")
    tokens = [tokenizer.encode(" What a day, he said."), tokenizer.encode(" Yes")]
    chunks = [bursts((0, 7)).astype(np.float32) / 32768, bursts((0, 2), seconds=2.0).astype(np.float32) / 32768]
    mels = torch.stack([log_mel_spectrogram(pad_or_trim(chunk, 480_000)) for chunk in chunks])
    ours = timed_words(
        model, tokenizer, [DecodedChunk(t, len(c)) for t, c in zip(tokens, chunks, strict=True)], list(model.encoder(mels))
    )
    for n, (ids, chunk) in enumerate(zip(tokens, chunks, strict=True)):
        theirs = find_alignment(model, tokenizer, ids, mels[n], len(chunk) // 160)
        merge_punctuations(theirs, "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、")
        wanted = [(word.word, word.start, word.end, pytest.approx(word.probability, rel=1e-4)) for word in theirs if word.word]
        assert [(w.text, w.start_s, w.end_s, w.probability) for w in ours[n]] == wanted


def test_decoding_is_that_of_the_library(checkpoint):
    import torch
    from whisper.audio import log_mel_spectrogram, pad_or_trim
    from whisper.decoding import DecodingOptions, decode

    from interloom.stages.transcribe_speech.whisper.model import Transcriber

    transcriber = Transcriber.open(checkpoint, device="cpu", batch_size=1, beams=1)
    chunk = bursts((0, 7)).astype(np.float32) / 32768
    mel = log_mel_spectrogram(pad_or_trim(chunk, 480_000))
    theirs = decode(transcriber.model, torch.stack([mel]), DecodingOptions(language="en", without_timestamps=True, fp16=False))[0]
    (words,) = transcriber.transcribe([chunk], "en")
    assert "".join(word.text for word in words).split() == theirs.text.split()


def test_audio_that_starts_late_keeps_its_times(tmp_path, checkpoint):
    path = video(tmp_path / "late.mkv", bursts((0.5, 2), seconds=3.0), before=["-itsoffset", "4"])
    (doc,) = transcribed(
        with_whisper(checkpoint, beams=1, language="en"),
        document(path),
    )
    assert doc.texts[0].start_s >= 3.9


def test_a_video_without_audio_or_with_silence_has_no_text(tmp_path, checkpoint):
    stage = with_whisper(checkpoint)
    mute = video(tmp_path / "mute.mp4")
    quiet = video(tmp_path / "quiet.mp4", bursts())
    docs = transcribed(stage, document(mute, "mute"), document(quiet, "quiet"))
    assert [(doc.labels["transcript"], doc.texts) for doc in docs] == [("none", ()), ("asr", ())]
    assert docs[1].scores["voice_share"] == 0


def test_a_broken_video_is_quarantined_alone(tmp_path, talk, checkpoint):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\x00\x00\x00\x20ftypisom" + os.urandom(2000))
    stage = with_whisper(checkpoint, beams=1)
    out = list(stage.process([document(broken, "bad"), document(talk, "good")]))
    assert isinstance(out[0], Quarantined) and out[0].id == "bad"
    assert isinstance(out[1], Document) and out[1].texts


def test_a_checkpoint_in_s3_is_the_same(s3, checkpoint, talk):
    with open(checkpoint, "rb") as file:
        storage.write(f"{s3}/tiny.pt", file.read())
    options = {"vad": "energy", "keep_inventions": True, "device": "cpu", "beams": 1, "language": "en"}
    local, remote = (TranscribeSpeech(model=model, **options) for model in (checkpoint, f"{s3}/tiny.pt"))
    assert transcribed(local, document(talk)) == transcribed(remote, document(talk))


def test_loops_of_random_weights_are_inventions(talk, checkpoint):
    stage = TranscribeSpeech(model=checkpoint, vad="energy", device="cpu", beams=1)
    assert transcribed(stage, document(talk))[0].texts == ()


def test_a_checkpoint_that_could_run_code_is_refused(tmp_path, talk):
    class Evil:
        def __reduce__(self):
            return os.system, ("touch " + str(tmp_path / "owned"),)

    bad = tmp_path / "evil.pt"
    bad.write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(ConfigError, match="refused: not plain tensors"):
        list(with_whisper(str(bad)).process([document(talk)]))
    assert not (tmp_path / "owned").exists()


def test_a_checkpoint_of_something_else_is_refused(tmp_path, talk):
    import torch

    torch.save({"dims": {"n_mels": 80}, "model_state_dict": {}}, tmp_path / "other.pt")
    with pytest.raises(ConfigError, match="not a Whisper checkpoint"):
        list(with_whisper(str(tmp_path / "other.pt")).process([document(talk)]))


def test_a_cached_file_that_was_changed_is_refused(tmp_path, monkeypatch, talk, checkpoint):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "whisper").mkdir()
    shutil.copy(checkpoint, tmp_path / "whisper" / "tiny.pt")
    assert list(TranscribeSpeech(model="tiny").check()) == []
    with pytest.raises(ConfigError, match="not the file that was published"):
        list(with_whisper("tiny").process([document(talk)]))


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"model": "tini"}, "no model 'tini' in whisper; did you mean 'tiny'?"),
        ({"model": "/nowhere/w.pt"}, "no checkpoint at /nowhere/w.pt"),
        ({"subtitles": ()}, "subtitles, model: give at least one of them, or nothing is transcribed"),
        ({"vad": "/nowhere/v.onnx"}, "vad: must be `silero`, `energy` or the path of an ONNX file, not /nowhere/v.onnx"),
        ({"batch_size": 0}, "batch_size: must be at least 1, not 0"),
        (
            {"model": "/nowhere", "engine": "faster-whisper"},
            "no CTranslate2 model at /nowhere: a folder with model.bin is needed",
        ),
        ({"longest_s": 0}, "longest_s: must be more than 0, not 0"),
    ],
)
def test_each_problem_is_one_line(parameters, problem):
    assert list(TranscribeSpeech(**parameters).check()) == [problem]


def test_the_problem_of_a_tag_that_is_not_cached_names_the_path(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (problem,) = TranscribeSpeech(model="large-v3").check()
    assert (
        problem == f"model large-v3 is not in the cache at {tmp_path}/whisper/large-v3.pt; give a path or download it beforehand"
    )


def test_positions_follow_the_last_element(tmp_path, talk):
    sidecar = tmp_path / "talk.srt"
    sidecar.write_text(SRT)
    doc = document(talk, subtitles=str(sidecar))
    doc = replace(doc, elements=(*doc.elements, Text(position=7, text="Description")))
    assert [text.position for text in transcribed(TranscribeSpeech(), doc)[0].texts] == [7, 8, 9]


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
def test_a_synthetic_voice_is_detected_and_transcribed(tmp_path, checkpoint):
    subprocess.run(["espeak-ng", "-w", str(tmp_path / "voice.wav"), "The library opens at nine. Bring your card."], check=True)
    path = tmp_path / "voice.mkv"
    inputs = ["-f", "lavfi", "-i", "color=gray:s=64x48:r=5:d=8", "-itsoffset", "2", "-i", str(tmp_path / "voice.wav")]
    subprocess.run([ffmpeg_binary(), "-v", "error", "-y", *inputs, str(path)], check=True)
    (doc,) = transcribed(
        with_whisper(checkpoint, beams=1, language="en"),
        document(path),
    )
    assert 0.2 < doc.scores["voice_share"] < 0.6
    assert min(text.start_s for text in doc.texts) >= 1.4
