"""The assignment of images to sentences: MMC4's own example, all assignments by brute force, and ties."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interloom.stages.place_images.assignment import assigned_sentences, best_sentences, in_integers

MMC4_README = [[0.2436, 0.3176, 0.2769], [0.2233, 0.3235, 0.2612]]


def total(similarities, sentences):
    return sum(int(row[sentence]) for row, sentence in zip(similarities, sentences, strict=True))


def test_the_example_of_mmc4_is_assigned_as_published():
    similarities = in_integers(MMC4_README)
    sentences = assigned_sentences(similarities)
    assert (sentences.tolist(), total(similarities, sentences)) == ([2, 1], 6004)


def test_in_the_example_of_mmc4_both_images_have_the_same_best_sentence():
    assert best_sentences(in_integers(MMC4_README)).tolist() == [1, 1]


matrices = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda shape: st.lists(
        st.lists(st.integers(-3, 3), min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0]
    )
)


@settings(max_examples=60)
@given(matrices)
def test_no_assignment_has_a_greater_total(rows):
    similarities = np.array(rows)
    images, sentences = similarities.shape
    chosen = assigned_sentences(similarities)
    if images <= sentences:
        assert len(set(chosen.tolist())) == images
        assert total(similarities, chosen) == max(total(similarities, some) for some in permutations(range(sentences), images))
    else:
        assert set(chosen.tolist()) == set(range(sentences))
        gains = similarities - similarities.max(axis=1, keepdims=True)  # what an image loses that does not get its best sentence
        assert total(gains, chosen) <= 0


@settings(max_examples=60)
@given(matrices.filter(lambda rows: len(rows) > len(rows[0])))
def test_of_more_images_than_sentences_each_sentence_gets_one_and_the_others_go_to_their_best(rows):
    similarities = np.array(rows)
    chosen, best = assigned_sentences(similarities), best_sentences(similarities)
    moved = [image for image in range(len(rows)) if chosen[image] != best[image]]
    assert set(chosen.tolist()) == set(range(len(rows[0])))
    assert len({int(chosen[image]) for image in moved}) == len(moved) <= len(rows[0])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[5, 5, 5]], [0]),
        ([[5, 5, 5], [5, 5, 5]], [0, 1]),
        ([[1, 9, 9], [1, 9, 9]], [1, 2]),
        ([[5, 5], [5, 5], [5, 5]], [0, 0, 1]),
        ([[0, 7, 0], [0, 7, 0]], [0, 1]),
    ],
)
def test_equal_totals_are_settled_by_early_sentences_in_the_order_of_the_images(rows, expected):
    assert assigned_sentences(np.array(rows)).tolist() == expected


def test_similarities_that_differ_behind_the_fourth_decimal_are_equal():
    assert assigned_sentences(in_integers([[0.31004, 0.31001], [0.31001, 0.31004]])).tolist() == [0, 1]
    assert assigned_sentences(in_integers([[0.31001, 0.31004], [0.31004, 0.31001]])).tolist() == [0, 1]


def test_a_document_without_images_has_no_assignment():
    assert assigned_sentences(np.zeros((0, 3), np.int64)).tolist() == []
