"""The conditions by which Readability.js removes a node, as functions of its counts.

Limits are those of `_cleanConditionally` there, unless a comment says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

GOOD_WEIGHT = 25
"""From this class weight on, more links are allowed."""
_MAX_LINK_DENSITY = 0.2
"""A node with a larger share of its characters in links is removed."""
_MAX_LINK_DENSITY_GOOD = 0.5
"""The same for nodes of good class weight."""
_MANY_COMMAS = 10
"""A node with as many commas is not cleaned."""
_FREE_LIST_ITEMS = 100
"""Only list items beyond these are compared with paragraphs."""
_PARAGRAPHS_PER_INPUT = 3
"""A node with fewer paragraphs for each input is a form."""
_MIN_PARAGRAPHS_PER_IMAGE = 0.5
"""A node with fewer is a group of images without text."""
_MIN_CHARS = 25
"""Shorter nodes with links and without one or two images are removed."""
_MAX_HEADING_DENSITY = 0.9
"""A short node that is nearly all heading stays."""
MAX_NOTICE_CHARS = 40
"""Nodes with less text may be boilerplate by their text alone: too short, or a notice. Our choice: longer than any notice."""


def may_be_boilerplate(counts: Sequence[int]) -> bool:
    """Whether the counts allow that a condition is met; a cheap test before `meets_a_condition`."""
    paragraphs, images, items, inputs, chars, link_chars, commas, _ = counts
    has_many_images = images > 1 and paragraphs / images < _MIN_PARAGRAPHS_PER_IMAGE
    has_many_items = items - _FREE_LIST_ITEMS > paragraphs or inputs > paragraphs // _PARAGRAPHS_PER_INPUT
    is_short_or_linked = chars < MAX_NOTICE_CHARS or link_chars > _MAX_LINK_DENSITY * chars
    return commas < _MANY_COMMAS and (has_many_images or has_many_items or is_short_or_linked)


def meets_a_condition(counts: Sequence[int], is_list: bool, in_figure: bool, is_album: bool, has_good_weight: bool) -> bool:
    """Whether any condition for removal is met.

    Lists may have more items and links; nodes in a `figure`, and albums (images without text or links), may have more images.
    20 characters, all of them links, no image, in a plain `div`: True, by the short text and by its link density.
    """
    paragraphs, images, items, inputs, chars, link_chars, _, heading_chars = counts
    link_density, heading_density = (link_chars / chars, heading_chars / chars) if chars else (0.0, 0.0)
    few_or_many_images = images == 0 or images > 2
    is_short = heading_density < _MAX_HEADING_DENSITY and chars < _MIN_CHARS and few_or_many_images and link_density > 0
    return (
        (not in_figure and images > 1 and paragraphs / images < _MIN_PARAGRAPHS_PER_IMAGE and not is_album)
        or (not is_list and items - _FREE_LIST_ITEMS > paragraphs)
        or inputs > paragraphs // _PARAGRAPHS_PER_INPUT
        or (not is_list and not in_figure and is_short)
        or (not is_list and not has_good_weight and link_density > _MAX_LINK_DENSITY)
        or (has_good_weight and link_density > _MAX_LINK_DENSITY_GOOD)
        or (images == 0 and chars == 0)
    )
