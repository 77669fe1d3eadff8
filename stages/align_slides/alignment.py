"""Which slide each sentence of a talk is about, by words and by the order in which slides are shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")
_STEM = 6
"""Letters of a word that count: it brings most inflected forms together in any alphabet."""
_SMOOTHING_WORDS = 30
"""A slide of this many words is half believed: what few words it has may be chance."""
_SHARE = 0.1
"""Of what is said, the share that is read from the slide; the rest is talk."""
_TALK_WORDS = 5000
"""A talk shorter than this is a part of one: that a word is said in it twice does not make it a common word."""
_GAIN = 0.8
"""Words of a sentence hang together, so each counts a little less than it would alone."""
_FORWARD, _BACKWARD, _PER_DOUBLING = 2.0, 6.0, 3.0
"""What a step to the next slide costs, one back, and each doubling of its length, in nats.

All were chosen on the nine lectures with labels of MaViLS (Anderer et al. 2024); chosen without a lecture each time,
the others place its sentences right nearly as often (.664 in the mean instead of .674).
"""
_CERTAIN = 50.0


def posteriors(spoken: Sequence[str], shown: Sequence[str], known: Sequence[int | None]) -> Floats:
    """(sentences, slides) probability that a sentence is about a slide, by a hidden Markov model over the slides.

    `spoken` in order of time, `shown` the slides' texts in their order; `known` gives the slide of those sentences that
    are sure of it. A sentence's likelihood is that of its words under a mixture of the slide's words and those of the talk.
    """
    evidence = _GAIN * _likelihoods([_words(text) for text in spoken], [_words(text) for text in shown])
    for sentence, slide in enumerate(known):
        if slide is not None:
            evidence[sentence, slide] += _CERTAIN
    return _forward_backward(evidence, _moves(len(shown)))


def _words(text: str) -> Counter[str]:
    return Counter(word[:_STEM] for word in _WORD.findall(text.lower()))


def _likelihoods(spoken: Sequence[Counter[str]], shown: Sequence[Counter[str]]) -> Floats:
    """(sentences, slides) log of how much likelier the slide makes the sentence (query likelihood, Ponte and Croft 1998)."""
    background: Counter[str] = Counter()
    for words in (*shown, *spoken):
        background.update(words)
    total = max(background.total(), _TALK_WORDS)
    gains: dict[str, Floats] = {}
    lengths = np.array([words.total() + _SMOOTHING_WORDS for words in shown], np.float64)
    for word in {word for words in shown for word in words}:
        here = np.array([words[word] for words in shown], np.float64) / lengths
        gains[word] = np.log1p(_SHARE * here / ((1 - _SHARE) * background[word] / total))
    found = np.zeros((len(spoken), len(shown)))
    for row, words in zip(found, spoken, strict=True):
        for word in words:  # once each: a word said again says little more
            if word in gains:
                row += gains[word]
    return found


def _moves(slides: int) -> Floats:
    """(from, to) probabilities of the slide after this one."""
    step = np.arange(slides)[None, :] - np.arange(slides)[:, None]
    far = _PER_DOUBLING * np.log2(np.maximum(np.abs(step), 1))
    cost = np.where(step == 0, 0.0, np.where(step > 0, _FORWARD, _BACKWARD) + far)
    moves: Floats = np.exp(-cost)
    moves /= moves.sum(axis=1, keepdims=True)
    return moves


def _forward_backward(evidence: Floats, moves: Floats) -> Floats:
    """Sums along an axis of products rather than a matrix product, whose last bits depend on the number of threads."""
    seen = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    before, after = np.empty_like(seen), np.ones_like(seen)
    before[0] = _normal(np.exp(-0.5 * np.arange(len(moves))) * seen[0])
    for n in range(1, len(seen)):
        before[n] = _normal((before[n - 1][:, None] * moves).sum(axis=0) * seen[n])
    for n in range(len(seen) - 2, -1, -1):
        after[n] = _normal((moves * (seen[n + 1] * after[n + 1])[None, :]).sum(axis=1))
    both: Floats = before * after
    both /= both.sum(axis=1, keepdims=True)
    return both


def _normal(weights: Floats) -> Floats:
    weights /= weights.sum()
    return weights
