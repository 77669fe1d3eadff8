"""Chooses the top candidate: the node that holds the article, from the content scores of the paragraphs' ancestors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_html.page import Node, children

ROOT_TAGS = ("html", "body")
_TOP_CANDIDATES = 5
"""So many of the highest scores are compared (Readability.js, DEFAULT_N_TOP_CANDIDATES)."""
_MIN_ALTERNATIVES = 3
"""An ancestor that holds this many alternatives replaces the top candidate (Readability.js, MINIMUM_TOPCANDIDATES)."""
_ALTERNATIVE_SHARE = 0.75
"""A candidate with this share of the top score is an alternative (Readability.js, _grabArticle)."""
_MIN_ANCESTOR_SHARE = 1 / 3
"""The search for an ancestor of a higher score ends at one below this share (Readability.js, _grabArticle)."""


def find_top_candidate(nodes: Sequence[Node], scores: Mapping[int, float], removed: NDArray[np.bool_]) -> Node | None:
    """The candidate of the highest score, or an ancestor that suits better; None if no candidate is below the body.

    Ancestors replace it in this order: one that holds three alternatives, one of a higher score, one with no other child.
    """
    ranked = sorted((n for n in scores if not removed[n]), key=lambda n: -scores[n])[:_TOP_CANDIDATES]
    if not ranked or nodes[ranked[0]].tag in ROOT_TAGS:
        return None
    top = _ancestor_of_higher_score(_ancestor_of_alternatives(nodes, scores, ranked), scores)
    for ancestor in _ancestors(top):
        if sum(1 for child in children(nodes, ancestor) if not removed[child.number]) != 1:
            break
        top = ancestor
    return top


def _ancestor_of_alternatives(nodes: Sequence[Node], scores: Mapping[int, float], ranked: Sequence[int]) -> Node:
    """The nearest ancestor of the first candidate that holds three others with 75 % of its score; else that candidate."""
    top, top_score = nodes[ranked[0]], scores[ranked[0]]
    alternatives = [n for n in ranked[1:] if top_score > 0 and scores[n] >= _ALTERNATIVE_SHARE * top_score]
    if len(alternatives) < _MIN_ALTERNATIVES:
        return top
    holders = (node for node in _ancestors(top) if sum(node.number < n < node.end for n in alternatives) >= _MIN_ALTERNATIVES)
    return next(holders, top)


def _ancestor_of_higher_score(top: Node, scores: Mapping[int, float]) -> Node:
    """The nearest ancestor whose score is higher than that of the node below it, unless scores fall below a third before."""
    previous = scores.get(top.number, 0.0)
    min_score = previous * _MIN_ANCESTOR_SHARE
    for ancestor in _ancestors(top):
        score = scores.get(ancestor.number, previous)
        if score < min_score:
            break
        if score > previous:
            return ancestor
        previous = score
    return top


def _ancestors(node: Node) -> list[Node]:
    """The ancestors of a node from its parent up, without `body` and `html`."""
    ancestors, ancestor = list[Node](), node.parent
    while ancestor is not None and ancestor.tag not in ROOT_TAGS:
        ancestors.append(ancestor)
        ancestor = ancestor.parent
    return ancestors
