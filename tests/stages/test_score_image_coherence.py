"""CoMM's score on images that are alike, that go on step by step, and that repeat; and its formula on random vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Quarantined
from interloom.schemas.rows import side_tables
from interloom.stages.score_image_coherence import ScoreImageCoherence, coherence


def on_circle(*degrees):
    """Unit vectors in these directions; the similarity of two is the cosine of the angle between them."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1)


@pytest.mark.parametrize("count", [3, 4, 10])
def test_images_that_are_all_alike_score_nothing(count):
    assert coherence(on_circle(*[30] * count)) == 0


@pytest.mark.parametrize(
    ("degrees", "score"),
    [((0, 60, 120), 0.5 - -0.5), ((0, 60, 0), 0.5 - 1), ((0, 90, 0, 90), 0 - 2 / 3), ((0, 60), 0.5)],
)
def test_steps_score_high_and_repetitions_low(degrees, score):
    assert coherence(on_circle(*degrees)) == pytest.approx(score, abs=1e-4)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 359), min_size=3, max_size=7))
def test_the_score_is_that_of_the_formula(degrees):
    vectors = on_circle(*degrees)
    count = len(vectors)
    near = sum(vectors[i] @ vectors[i - 1] for i in range(1, count)) / (count - 1)
    far = sum(vectors[i] @ vectors[j] for i in range(count) for j in range(i - 1)) * 2 / ((count - 1) * (count - 2))
    assert coherence(vectors) == pytest.approx(near - far, abs=6e-5)


def test_fewer_than_two_images_have_no_score():
    assert coherence(on_circle(10)) is None
    assert coherence(np.zeros((0, 0))) is None


def document(count):
    return Document(id="d", elements=tuple(Image(position=2 * n) for n in range(count)))


def stored(*degrees):
    place = {"id": "d", "window": 0, "kind": "image", "model": "clip", "revision": "1"}
    vectors = on_circle(*degrees).astype("<f2")
    rows = [{**place, "position": 2 * n, "vector": vector.tobytes()} for n, vector in enumerate(vectors)]
    return {"embeddings": list(side_tables("embeddings", rows))}


def test_a_document_is_scored_by_the_vectors_on_record_in_the_order_of_its_images():
    first, second, third = document(3).elements
    (doc,) = ScoreImageCoherence().process_with([document(3).with_elements([second, first, third])], stored(0, 60, 120))
    assert doc.scores == pytest.approx({"image_coherence": -0.5}, abs=5e-4)


def test_a_document_with_an_image_without_a_vector_is_quarantined():
    error = "no vector is stored of the image at position 4; embed_images above stores it"
    assert list(ScoreImageCoherence().process_with([document(3)], stored(0, 60))) == [Quarantined("d", error)]


def test_a_document_without_images_passes():
    assert list(ScoreImageCoherence().process([document(0)])) == [document(0)]


def test_of_more_images_than_the_limit_the_first_and_the_last_are_scored():
    (doc,) = ScoreImageCoherence(at_most=3).process_with([document(5)], stored(0, 13, 60, 171, 120))
    assert doc.scores == pytest.approx({"image_coherence": 1.0}, abs=5e-4)


def test_a_limit_that_leaves_no_pairs_is_refused():
    assert list(ScoreImageCoherence(at_most=2).check()) == ["at_most: must be at least 3, not 2"]
