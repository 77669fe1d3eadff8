from __future__ import annotations

from interloom.filters.speech_share import speech_share
from interloom.schemas.document import Clip, Document, Text
from interloom.schemas.outcome import Drop


def talk(*spans, length=100.0, scores=None):
    speech = tuple(Text(position=n, text="x", origin="asr", start_s=a, end_s=b) for n, (a, b) in enumerate(spans, 1))
    clip = (Clip(position=0, start_s=0.0, end_s=length),) if length is not None else ()
    return Document(id="v", elements=(*clip, *speech), scores=scores or {})


def test_a_silent_video_is_dropped():
    assert speech_share(talk()) == Drop("too_little_speech", 0.0, 0.1)


def test_a_talk_stays():
    assert speech_share(talk((0, 30), (40, 60))) is None


def test_speech_that_overlaps_counts_once():
    assert speech_share(talk((0, 6), (2, 8), (3, 4))) == Drop("too_little_speech", 0.08, 0.1)


def test_too_much_speech_is_dropped_when_asked():
    assert speech_share(talk((0, 95)), at_most=0.9) == Drop("too_much_speech", 0.95, 0.9)


def test_screen_text_is_not_speech():
    shown = Text(position=1, text="x", origin="ocr", start_s=0.0, end_s=100.0)
    assert speech_share(Document(id="v", elements=(Clip(position=0, start_s=0.0, end_s=100.0), shown))) is not None


def test_a_part_without_a_clip_has_its_span_in_its_scores():
    assert speech_share(talk((10, 12), length=None, scores={"start_s": 10.0, "end_s": 60.0})) == Drop(
        "too_little_speech", 0.04, 0.1
    )


def test_a_video_of_zero_duration_has_no_speech():
    assert speech_share(talk(length=0.0)) == Drop("too_little_speech", 0.0, 0.1)


def test_a_page_stays():
    assert speech_share(Document(id="p", elements=(Text(position=0, text="x"),))) is None
