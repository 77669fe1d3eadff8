"""Estimates which slide each sentence of a talk is about, by words and by the order in which slides are shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")
"""A word, or a single Chinese, Japanese or Korean character.

The constants below were chosen on the nine labelled lectures of MaViLS (Anderer et al. 2024). Chosen again without each lecture
in turn, they place its sentences right nearly as often (.664 in the mean instead of .674).
"""
_STEM_LETTERS = 6
"""Words are cut to so many letters, which brings most inflected forms together in any alphabet."""
_SMOOTHING_WORDS = 30
"""Words added to a slide's length: a slide of this many words is half trusted, because its few words may match by chance."""
_SLIDE_SHARE = 0.1
"""The share of the words said that are read from the slide; the others are from the talk."""
_MIN_TALK_WORDS = 5000
"""A shorter talk counts as an excerpt of one this long: a word said twice in it is not a common word."""
_GAIN = 0.8
"""Weight of a sentence's evidence, below 1 because its words are not independent."""
_NEXT_COST = 2.0
"""Cost in nats of a step to the next slide."""
_BACK_COST = 6.0
"""Cost in nats of a step to the slide before."""
_DOUBLING_COST = 3.0
"""Cost in nats of each doubling of a step's length."""
_START_COST = 0.5
"""Cost in nats for each slide that the talk skips at its start."""
_KNOWN_GAIN = 50.0
"""Evidence in nats for a slide that is known: more than words can ever outweigh."""


def posteriors(spoken: Sequence[str], shown: Sequence[str], known: Sequence[int | None]) -> Floats:
    """(sentences, slides) probabilities that a sentence is about a slide, by a hidden Markov model over the slides.

    spoken: The sentences in time order.
    shown: The slides' texts in the order of the slides.
    known: For each sentence the number of its slide, or None where its words must decide.

    A sentence's likelihood is that of its words under a mixture of the slide's words and the talk's words.
    """
    evidence = _GAIN * _likelihoods([_words(text) for text in spoken], [_words(text) for text in shown])
    for sentence, slide in enumerate(known):
        if slide is not None:
            evidence[sentence, slide] += _KNOWN_GAIN
    return _forward_backward(evidence, _transitions(len(shown)))


def _words(text: str) -> Counter[str]:
    """Counts the words of a text, cut to their stems.

    "Volcano, volcanoes" -> {"volcan": 2}
    """
    return Counter(word[:_STEM_LETTERS] for word in _WORD.findall(text.lower()))


def _likelihoods(spoken: Sequence[Counter[str]], shown: Sequence[Counter[str]]) -> Floats:
    """(sentences, slides) log ratios of a sentence's probability with the slide to its probability without it.

    Query likelihood (Ponte and Croft 1998): a word on a slide that is rare in the talk counts most.
    """
    background: Counter[str] = Counter()
    for words in (*shown, *spoken):
        background.update(words)
    total = max(background.total(), _MIN_TALK_WORDS)
    gains: dict[str, Floats] = {}
    lengths = np.array([words.total() + _SMOOTHING_WORDS for words in shown], np.float64)
    for word in {word for words in shown for word in words}:
        on_slide = np.array([words[word] for words in shown], np.float64) / lengths
        gains[word] = np.log1p(_SLIDE_SHARE * on_slide / ((1 - _SLIDE_SHARE) * background[word] / total))
    likelihoods = np.zeros((len(spoken), len(shown)))
    for row, words in zip(likelihoods, spoken, strict=True):
        for word in words:  # each word once, because repeating it adds little evidence
            if word in gains:
                row += gains[word]
    return likelihoods


def _transitions(slides: int) -> Floats:
    """(from, to) probabilities of the next sentence's slide.

    Three slides -> from the first: .876, .118, .006; from the second: .002, .879, .119
    """
    step = np.arange(slides)[None, :] - np.arange(slides)[:, None]
    distance_cost = _DOUBLING_COST * np.log2(np.maximum(np.abs(step), 1))
    cost = np.where(step == 0, 0.0, np.where(step > 0, _NEXT_COST, _BACK_COST) + distance_cost)
    transitions: Floats = np.exp(-cost)
    transitions /= transitions.sum(axis=1, keepdims=True)
    return transitions


def _forward_backward(evidence: Floats, transitions: Floats) -> Floats:
    """(sentences, slides) posterior probabilities by the forward-backward algorithm.

    Sums along an axis of products instead of a matrix product, whose last bits depend on the number of threads.
    """
    likelihood = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    forward, backward = np.empty_like(likelihood), np.ones_like(likelihood)
    forward[0] = _normalised(np.exp(-_START_COST * np.arange(len(transitions))) * likelihood[0])
    for n in range(1, len(likelihood)):
        forward[n] = _normalised((forward[n - 1][:, None] * transitions).sum(axis=0) * likelihood[n])
    for n in range(len(likelihood) - 2, -1, -1):
        backward[n] = _normalised((transitions * (likelihood[n + 1] * backward[n + 1])[None, :]).sum(axis=1))
    posterior: Floats = forward * backward
    posterior /= posterior.sum(axis=1, keepdims=True)
    return posterior


def _normalised(weights: Floats) -> Floats:
    """Divides the weights by their sum, in place."""
    weights /= weights.sum()
    return weights
