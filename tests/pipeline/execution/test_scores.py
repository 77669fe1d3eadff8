"""A step is credited with the scores that it gave, and with no others."""

from __future__ import annotations

from dataclasses import replace

from interloom.pipeline.execution.scores import new_scores
from interloom.schemas.document import Document, Image, Text

IMAGE = Image(position=1, scores={"clip": 0.3})
BEFORE = Document(id="a", scores={"quality": 0.5}, elements=(Text(position=0, text="t"), IMAGE))


def given(after: Document, before: Document | None = BEFORE) -> list[tuple[int | None, str, float]]:
    return [(position, name, value) for _, position, _, name, value in new_scores("step", after, before)]


def test_a_document_that_did_not_change_has_no_new_scores() -> None:
    assert given(BEFORE) == given(replace(BEFORE, labels={"x": "y"})) == []


def test_scores_of_the_document_and_of_its_elements_are_told_apart() -> None:
    after = BEFORE.with_score("length", 3).with_elements([BEFORE.elements[0], IMAGE.with_score("sharpness", 9.0)])
    assert given(after) == [(None, "length", 3), (1, "sharpness", 9.0)]


def test_a_score_that_is_replaced_is_told_again() -> None:
    assert given(BEFORE.with_score("quality", 0.75)) == [(None, "quality", 0.75)]
    assert given(BEFORE.with_score("quality", 0.5)) == []


def test_an_element_that_goes_takes_no_scores_along() -> None:
    assert given(BEFORE.without([1])) == []


def test_all_scores_of_a_new_document_are_told_with_its_id_and_step() -> None:
    assert list(new_scores("cut", replace(BEFORE, id="a#0"), None)) == [
        ("a#0", None, "cut", "quality", 0.5),
        ("a#0", 1, "cut", "clip", 0.3),
    ]
