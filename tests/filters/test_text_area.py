from __future__ import annotations

import pytest

from interloom.filters.text_area import TextArea, covered_share
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop, Dropped


def judged(*boxes, width=100, height=100, scores=None, **filter_):
    image = Image(position=0, width=width, height=height, url="u")
    screen_texts = (
        Text(position=n, text="x", origin="ocr", of=0, bbox=box, scores=scores or {}) for n, box in enumerate(boxes, 1)
    )
    speech = Text(position=90, text="Said.", origin="asr")
    return list(TextArea(**filter_).process([Document(id="d", elements=(image, *screen_texts, speech))]))


def test_an_image_full_of_text_is_dropped_with_its_text_and_the_speech_stays():
    dropped, doc = judged((0, 0, 100, 60), (0, 60, 100, 80))
    assert dropped == Dropped("d", Drop("too_much_text", 0.8, 0.5), 0, "u")
    assert [element.position for element in doc.elements] == [90]


def test_an_image_with_a_line_of_text_stays():
    assert len(judged((10, 80, 90, 95))) == 1


def test_an_image_without_text_stays_unless_a_minimum_is_given():
    assert len(judged()) == 1
    assert judged(at_least=0.05)[0].drop == Drop("too_little_text", 0.0, 0.05)


@pytest.mark.parametrize(
    ("boxes", "share"),
    [
        ([], 0),
        ([(0, 0, 50, 50)], 0.25),
        ([(0, 0, 50, 50), (0, 0, 50, 50)], 0.25),
        ([(0, 0, 50, 50), (25, 25, 75, 75)], 0.4375),
        ([(-50, -50, 50, 50), (90, 90, 400, 400)], 0.26),
        ([(0, 0, 100, 10), (0, 20, 100, 30), (40, 0, 60, 100)], 0.36),
        ([(200, 200, 300, 300)], 0),
        ([(50, 50, 20, 20)], 0),
    ],
)
def test_overlapping_boxes_count_once_and_only_inside_the_image(boxes, share):
    assert covered_share(boxes, 100, 100) == pytest.approx(share)


def test_the_scored_share_is_used_before_the_boxes():
    assert len(judged((0, 0, 100, 100), scores={"text_area": 0.2})) == 1


def test_an_image_without_width_and_height_is_not_measured():
    assert judged((0, 0, 1, 1), width=None)[0].drop == Drop("not_measured")


def test_text_of_another_image_does_not_count():
    doc = Document(
        id="d",
        elements=(
            Image(position=0, width=10, height=10),
            Image(position=1, width=10, height=10),
            Text(position=2, text="x", origin="ocr", of=1, bbox=(0, 0, 10, 10)),
        ),
    )
    dropped, out = TextArea().process([doc])
    assert (dropped.position, [image.position for image in out.images]) == (1, [0])
