"""Documents are immutable; what is dropped with an image, and what belongs to the running text."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from interloom.schemas.document import Clip, Document, Image, Text

PAGE = Document(
    id="a",
    elements=(
        Text(position=0, text="Before."),
        Image(position=1, url="https://example.org/1.png"),
        Text(position=2, text="What it shows.", origin="caption", of=1),
        Text(position=3, text="After."),
        Clip(position=4, url="https://example.org/4.mp4"),
    ),
)


def test_a_caption_is_dropped_with_its_image() -> None:
    assert [e.position for e in PAGE.without([1]).elements] == [0, 3, 4]


def test_positions_do_not_change_when_a_neighbour_is_dropped() -> None:
    assert [e.position for e in PAGE.without([0, 3]).elements] == [1, 2, 4]


def test_the_running_text_has_no_captions() -> None:
    assert PAGE.text == "Before.\n\nAfter."


def test_texts_images_and_clips_are_distinguished() -> None:
    assert ([e.position for e in PAGE.texts], [e.position for e in PAGE.images]) == ([0, 2, 3], [1])


def test_a_score_is_added_to_a_new_document() -> None:
    scored = PAGE.with_score("a", 1.0).with_score("b", 2.0)
    assert (PAGE.scores, scored.scores) == ({}, {"a": 1.0, "b": 2.0})


def test_a_score_given_again_replaces_the_first() -> None:
    assert PAGE.elements[1].with_score("clip", 0.1).with_score("clip", 0.2).scores == {"clip": 0.2}


def test_labels_add_up() -> None:
    assert PAGE.with_labels(title="T").with_labels(language="en").labels == {"title": "T", "language": "en"}


def test_documents_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        PAGE.id = "b"  # type: ignore[misc]


def test_the_repr_of_a_document_has_no_bytes() -> None:
    assert "secret" not in repr(Document(id="a", body=b"secret", elements=(Image(position=0, data=b"secret"),)))


def test_a_free_position_is_above_those_of_elements_that_are_or_were_there() -> None:
    assert Document(id="d", elements=(Text(position=7, text="a"),)).free_position == 1 << 20
    assert Document(id="d", elements=(Text(position=1 << 20, text="a"),)).free_position == (1 << 20) + 1
