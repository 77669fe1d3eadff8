from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from interloom.stages.transcribe_speech.speech import Word
from interloom.stages.transcribe_speech.vad import Silero, align_to_speech, chunks, energy_spans, flags_to_spans

RATE = 16_000
DATA = Path(__file__).parents[3].parent / "shared" / "data"
SILERO = DATA / "9_models" / "silero_vad" / "silero_vad.onnx"
MANIFESTO = DATA / "4_video_audio" / "videogrep_manifesto" / "manifesto.mp4"


def audio(*spans, seconds=10.0, noise=0.0):
    """Eight tones of a voice in these spans, over noise of this level."""
    rng = np.random.default_rng(2)
    time = np.arange(round(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * hertz * time) for hertz in range(250, 2250, 250)) / 8
    inside = sum(((time >= start) & (time < end)).astype(float) for start, end in spans) if spans else 0 * time
    return ((voice * inside * 0.5 + noise * rng.standard_normal(len(time))) * 32767).clip(-32768, 32767).astype(np.int16)


@pytest.mark.parametrize("noise", [0.0, 0.003])
def test_speech_is_detected_between_pauses(noise):
    spans = energy_spans(audio((1, 3), (5, 8), noise=noise))
    assert spans == [pytest.approx((0.8, 3.2), abs=0.06), pytest.approx((4.8, 8.2), abs=0.06)]


def test_short_pauses_do_not_part_speech():
    assert len(energy_spans(audio((1, 3), (3.3, 5)))) == 1


def test_clicks_are_not_speech():
    assert energy_spans(audio((1, 1.1), (4, 4.15))) == []


@pytest.mark.parametrize(
    "samples", [np.zeros(0, np.int16), np.zeros(100, np.int16), np.zeros(RATE * 3, np.int16), audio(noise=0.02)]
)
def test_silence_and_steady_noise_are_not_speech(samples):
    assert energy_spans(samples) == []


def test_speech_across_the_border_of_two_blocks_is_one_span():
    long = audio((25, 35), (55, 65), seconds=70)
    assert [tuple(round(at) for at in span) for span in energy_spans(long)] == [(25, 35), (55, 65)]


def test_spans_are_in_order_and_apart():
    flags = np.random.default_rng(4).random(3000) < 0.2
    spans = flags_to_spans(flags, 0.02, 60.0)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert all(0 <= start < end <= 60 for start, end in spans)


def test_chunks_hold_whole_spans_up_to_half_a_minute():
    assert chunks([(0, 10), (11, 20), (21, 35), (36, 40)]) == [(0, 20), (21, 40)]


def test_only_a_span_that_is_too_long_is_cut():
    assert chunks([(5, 80)]) == [(5, 30), (30, 55), (55, 80)]
    assert chunks([]) == []


def test_words_are_cut_to_the_spans_of_speech():
    words = [Word(" a", 0.0, 0.4), Word(" b", 0.4, 5.0), Word(" c", 5.0, 99.0)]
    aligned = [
        (word.text, word.start_s, word.end_s) for word in align_to_speech(words, (10.0, 17.0), [(10.0, 11.0), (14.8, 17.0)])
    ]
    assert aligned == [(" a", 10.0, 10.4), (" b", 10.4, 11.0), (" c", 15.0, 17.0)]


@pytest.mark.skipif(not (SILERO.exists() and MANIFESTO.exists()), reason="../shared/data has no silero_vad or manifesto.mp4")
def test_energy_and_silero_agree_on_real_speech():
    from interloom.stages._video.file import probe
    from interloom.stages.transcribe_speech.audio import decode_audio

    with decode_audio(str(MANIFESTO), probe(str(MANIFESTO)).audio[0]) as samples:
        ours, theirs = energy_spans(samples), Silero(str(SILERO)).spans(samples)
        time = np.arange(0, len(samples) / RATE, 0.01)
    is_speech = [np.any([(time >= start) & (time < end) for start, end in spans], axis=0) for spans in (ours, theirs)]
    both = (is_speech[0] & is_speech[1]).sum()
    assert both / is_speech[0].sum() > 0.95
    assert both / is_speech[1].sum() > 0.97
