from itertools import pairwise

import numpy as np
import pytest

from interloom.pipeline.store import storage
from interloom.stages.transcribe_speech.speech import Word
from interloom.stages.transcribe_speech.vad import Silero, align_to_speech, chunks, energy_spans, flags_to_spans, unheard, widened
from interloom.stages.transcribe_speech.whisper import faster

RATE = 16_000


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


def test_chunks_are_heard_with_a_little_more_but_no_sound_twice():
    assert widened([(1.0, 9.0), (9.2, 12.0)], 12.1) == [pytest.approx((0.7, 9.1)), pytest.approx((9.1, 12.1))]
    assert widened([(5.0, 35.0)], 60.0) == [(5.0, 35.0)]
    assert widened([], 3.0) == []


def test_only_a_span_that_is_too_long_is_cut():
    assert chunks([(5, 80)]) == [(5, 30), (30, 55), (55, 80)]
    assert chunks([]) == []


def test_words_are_cut_to_the_spans_of_speech():
    words = [Word(" a", 0.0, 0.4), Word(" b", 0.4, 5.0), Word(" c", 5.0, 99.0)]
    aligned = [
        (word.text, word.start_s, word.end_s) for word in align_to_speech(words, (10.0, 17.0), [(10.0, 11.0), (14.8, 17.0)])
    ]
    assert aligned == [(" a", 10.0, 10.4), (" b", 10.4, 11.0), (" c", 15.0, 17.0)]


def message(*fields):
    """A message in the format of protocol buffers: fields of (number, value), where a value is an int, a text or a message."""
    data = b""
    for number, value in fields:
        if isinstance(value, int):
            data += varint(number << 3) + varint(value)
        else:
            content = value.encode() if isinstance(value, str) else value
            data += varint(number << 3 | 2) + varint(len(content)) + content
    return data


def varint(number):
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def node(kind, inputs, output, **lists):
    """An operation of an ONNX graph. Its attributes are lists of ints."""
    attributes = [(5, message((1, name), *((8, value) for value in values), (20, 7))) for name, values in lists.items()]
    return 1, message(*((1, name) for name in inputs), (2, output), (4, kind), *attributes)


def tensor(direction, name, type_=1):
    return direction, message((1, name), (2, message((1, message((1, type_))))))


def network_of_loudness(version=5):
    """An ONNX network with silero's inputs and outputs: it hears the 64 samples before each part, and answers one part later.

    The numbers of the fields are those of onnx.proto. Version 6 has two states, of which this one only carries the second on.
    """
    state, after, last = ("state", "stateN", "sr") if version == 5 else ("h", "hn", "c")
    graph = message(
        node("Slice", ["input"], "before", axes=[1], starts=[0], ends=[64]),
        node("ReduceL2", ["before"], "loudness"),
        node("Sub", [state, state], "zeros"),
        node("Add", ["zeros", "loudness"], after),
        node("ReduceMean", [state], "mean", axes=[2]),
        node("Squeeze", ["mean"], "output", axes=[2]),
        (2, "loudness"),
        *([node("Add", ["c", "zeros"], "cn")] if version == 6 else []),
        *(tensor(11, "input"), tensor(11, state), tensor(11, last, 7 if version == 5 else 1)),
        *(tensor(12, "output"), tensor(12, after), *([tensor(12, "cn")] if version == 6 else [])),
    )
    return message((1, 4), (7, graph), (8, message((1, ""), (2, 9))))


@pytest.mark.parametrize(("noise", "version"), [(0.0, 5), (0.003, 5), (0.003, 6)])
def test_energy_and_a_network_agree_on_speech(tmp_path, noise, version):
    (tmp_path / "vad.onnx").write_bytes(network_of_loudness(version))
    samples = audio((1, 3), (5, 8), noise=noise)
    ours, theirs = energy_spans(samples), Silero(str(tmp_path / "vad.onnx")).spans(samples)
    assert theirs == [pytest.approx(span, abs=0.1) for span in ours]
    assert len(ours) == 2


def test_a_network_is_read_from_object_storage(tmp_path, s3):
    network = network_of_loudness(5)
    (tmp_path / "vad.onnx").write_bytes(network)
    storage.write(f"{s3}/vad.onnx", network)
    samples = audio((1, 3))
    assert Silero(f"{s3}/vad.onnx").spans(samples) == Silero(str(tmp_path / "vad.onnx")).spans(samples) != []


def test_a_model_of_faster_whisper_may_lie_in_object_storage(s3):
    storage.write(f"{s3}/whisper/model.bin", b"")
    assert [*faster.problems(f"{s3}/whisper")] == []
    assert faster.paths(f"{s3}/whisper") == [f"{s3}/whisper/model.bin"]
    problem = f"no CTranslate2 model at {s3}/none: a folder with model.bin is needed"
    assert [*faster.problems(f"{s3}/none")] == [problem]


@pytest.mark.shared_data(
    "9_models/silero_vad", "4_video_audio/videogrep_manifesto", twin="test_energy_and_a_network_agree_on_speech"
)
def test_energy_and_silero_agree_on_real_speech(shared_data):
    from interloom.stages._video.file import probe
    from interloom.stages.transcribe_speech.audio import decode_audio

    network = str(shared_data / "9_models" / "silero_vad" / "silero_vad.onnx")
    video = str(shared_data / "4_video_audio" / "videogrep_manifesto" / "manifesto.mp4")
    with decode_audio(video, probe(video).audio[0]) as samples:
        ours, theirs = energy_spans(samples), Silero(network).spans(samples)
        time = np.arange(0, len(samples) / RATE, 0.01)
    is_speech = [np.any([(time >= start) & (time < end) for start, end in spans], axis=0) for spans in (ours, theirs)]
    both = (is_speech[0] & is_speech[1]).sum()
    assert both / is_speech[0].sum() > 0.95
    assert both / is_speech[1].sum() > 0.97


@pytest.mark.parametrize(
    ("words", "spans", "rest"),
    [
        ([(0, 1), (1, 9)], [(100, 130)], (109.0, 130.0)),
        ([(0, 29)], [(100, 130)], None),
        ([(0, 9)], [(100, 109), (112, 113.5)], None),
        ([(0, 9)], [(100, 109), (112, 113.5), (120, 121)], (109.0, 130.0)),
        ([(0, 9)], [(100, 109), (130, 140)], None),
        ([], [(100, 130)], None),
    ],
)
def test_speech_behind_the_last_word_of_a_chunk_was_left_out(words, spans, rest):
    assert unheard((100.0, 130.0), [Word("x", *span) for span in words], spans) == rest
