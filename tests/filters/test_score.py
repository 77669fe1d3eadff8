import math

import pytest

from interloom.filters.score import Score
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop, Dropped


def _document(**scores):
    """A document whose elements have these scores of `clip`: two images (the second with a caption) and a text."""
    given = {name: {} if value is None else {"clip": value} for name, value in scores.items()}
    return Document(
        id="d",
        scores=given.get("document", {}),
        elements=(
            Image(position=0, url="https://x.org/0.jpg", scores=given.get("first", {})),
            Image(position=3, url="https://x.org/3.jpg", scores=given.get("second", {})),
            Text(position=4, text="The second", of=3, origin="caption", scores=given.get("caption", {})),
            Text(position=7, text="Some text", scores=given.get("text", {})),
        ),
    )


def test_an_image_below_the_limit_is_dropped_with_its_caption_and_the_document_stays():
    doc = _document(first=0.15, second=0.14)
    dropped, kept = Score(of="clip", at_least=0.15).process([doc])
    assert dropped == Dropped("d", Drop("score_too_low", 0.14, 0.15), 3, "https://x.org/3.jpg")
    assert [e.position for e in kept.elements] == [0, 7]


def test_an_image_above_the_upper_limit_is_dropped():
    dropped, _ = Score(of="clip", at_most=0.5).process([_document(first=0.51, second=0.5)])
    assert dropped.position == 0
    assert dropped.drop == Drop("score_too_high", 0.51, 0.5)


@pytest.mark.parametrize("value", [None, math.nan])
def test_an_element_without_the_score_is_not_scored(value):
    dropped, _ = Score(of="clip", at_least=0.1).process([_document(first=0.2, second=value)])
    assert (dropped.position, dropped.drop) == (3, Drop("not_scored"))


def test_a_document_is_judged_by_its_own_score():
    step = Score(of="clip", at_least=0.3, on="document")
    good, bad, none = _document(document=0.3), _document(document=0.2), _document(first=0.9)
    assert list(step.process([good, bad, none])) == [
        good,
        Dropped("d", Drop("score_too_low", 0.2, 0.3)),
        Dropped("d", Drop("not_scored")),
    ]


def test_texts_are_judged_by_their_scores_and_images_left_alone():
    dropped, kept = Score(of="clip", at_most=0.5, on="text").process([_document(caption=0.1, text=0.9)])
    assert (dropped.position, dropped.drop) == (7, Drop("score_too_high", 0.9, 0.5))
    assert [e.position for e in kept.elements] == [0, 3, 4]


def test_a_score_without_a_limit_is_refused():
    assert list(Score(of="clip").check()) == ["filters.score: no limit is given; give at_least, at_most or both"]


def test_limits_that_no_score_meets_are_refused():
    (problem,) = Score(of="clip", at_least=0.5, at_most=0.4).check()
    assert "every score would be dropped" in problem
    assert not list(Score(of="clip", at_least=0.4, at_most=0.4).check())


LAION = Score(of="clip", at_least=0.26, by_language={"en": 0.28})


@pytest.mark.parametrize(("language", "limit"), [("en", 0.28), ("de", 0.26), ("und", 0.26)])
def test_the_limit_goes_by_the_language_of_the_document(language, limit):
    doc = _document(first=limit, second=round(limit - 0.01, 2)).with_labels(language=language)
    dropped, kept = LAION.process([doc])
    assert dropped == Dropped("d", Drop("score_too_low", round(limit - 0.01, 2), limit), 3, "https://x.org/3.jpg")
    assert [image.position for image in kept.images] == [0]


def test_a_document_of_unknown_language_is_not_scored_if_limits_go_by_language():
    assert list(LAION.process([_document(first=0.9)])) == [Dropped("d", Drop("not_scored"))]


def test_limits_by_language_need_one_for_all_other_languages():
    step = Score(of="clip", at_most=0.9, by_language={"en": 0.28})
    assert list(step.check()) == ["filters.score: by_language needs at_least, the limit for all other languages"]


def test_a_limit_of_a_language_above_the_upper_limit_is_refused():
    step = Score(of="clip", at_least=0.1, at_most=0.2, by_language={"en": 0.28})
    assert list(step.check()) == ["filters.score: at_least 0.28 is above at_most 0.2; every score would be dropped"]
