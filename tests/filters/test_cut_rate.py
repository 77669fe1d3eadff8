from __future__ import annotations

from interloom.filters.cut_rate import cut_rate
from interloom.schemas.document import Clip, Document, Image
from interloom.schemas.outcome import Drop


def video(frames, length=60.0):
    shown = tuple(Image(position=n + 1, start_s=float(n)) for n in range(frames))
    return Document(id="v", elements=(Clip(position=0, start_s=0.0, end_s=length), *shown))


def test_a_trailer_is_dropped():
    assert cut_rate(video(42)) == Drop("too_many_cuts", 41.0, 30.0)


def test_a_talk_stays():
    assert cut_rate(video(9)) is None


def test_a_video_of_one_image_is_dropped_if_a_minimum_is_given():
    assert cut_rate(video(1), at_least=0.5) == Drop("too_few_cuts", 0.0, 0.5)


def test_a_video_without_keyframes_has_no_cuts():
    assert cut_rate(video(0), at_least=0.5) == Drop("too_few_cuts", 0.0, 0.5)


def test_a_page_full_of_images_stays():
    assert cut_rate(Document(id="p", elements=tuple(Image(position=n) for n in range(99)))) is None
