"""Assigns the images of a document to its sentences, by the similarity of each image to each sentence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Similarities = npt.NDArray[np.int64]
"""(images, sentences), in units of 1 / `SCALE`."""
Indices = npt.NDArray[np.int64]
SCALE = 10_000
"""Similarities have 4 decimals, as all scores."""


def in_integers(similarities: npt.ArrayLike) -> Similarities:
    """The similarities as integers: [[0.27694, 0.3]] -> [[2769, 3000]].

    Sums of integers are the same in any order, so that which of two assignments is better does not follow a library's arithmetic.
    """
    integers: Similarities = np.rint(np.asarray(similarities, np.float64) * SCALE).astype(np.int64)
    return integers


def best_sentences(similarities: Similarities) -> Indices:
    """The most similar sentence of each image; of equal ones the earliest. There must be a sentence."""
    best: Indices = similarities.argmax(axis=1).astype(np.int64)
    return best


def assigned_sentences(similarities: Similarities) -> Indices:
    """The sentence of each image in the assignment with the greatest total similarity; there must be a sentence.

    As in MMC4 (arXiv 2304.06939, section 2) a sentence gets one image at most; if there are more images than sentences, each
    sentence gets one, and the images that are left go to their best sentences. The algorithm is that of Jonker and Volgenant, as
    scipy has it.

    [[2436, 3176, 2769], [2233, 3235, 2612]] -> [2, 1]: its total is 6004, that of [1, 2] is 5788.

    Of assignments with the same total it takes one in which, as far as this is free, sentences are early and in the order of the
    images. That is exact while the lesser number of the two, cubed, times the larger one is below 9 * 10**11 (300 images, 33,000
    sentences), because then a float64 holds the totals; of larger documents the result is the same in every run, too.
    """
    from scipy.optimize import linear_sum_assignment

    images, sentences = linear_sum_assignment(_costs(similarities))
    chosen = best_sentences(similarities)
    chosen[images] = sentences
    return chosen


def _costs(similarities: Similarities) -> npt.NDArray[np.float64]:
    """The cost of each pair: first its similarity, then, far below, how late its sentence is: (images - image) * sentence.

    That product prefers early sentences, and the earlier one of two for the earlier image: 2 * 0 + 1 * 1 < 2 * 1 + 1 * 0.
    """
    images, sentences = similarities.shape
    lateness = np.arange(images, 0, -1)[:, None] * np.arange(sentences)[None, :]
    most = float(lateness.max(initial=0)) * min(images, sentences) + 1
    costs: npt.NDArray[np.float64] = lateness - similarities.astype(np.float64) * most
    return costs
