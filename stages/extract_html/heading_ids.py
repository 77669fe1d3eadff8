"""Ids that are made of the words of a heading: they say nothing about what an element is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from interloom.stages.extract_html.class_names import BIT, element_hints
from interloom.stages.extract_html.readability.name_patterns import NEGATIVE, SHARE_ELEMENT, UNLIKELY_CANDIDATE

HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_SECTIONS = frozenset(("section", "div"))
_SECTION_CLASS = re.compile(r"(?:^|\s)(?:section|level\d|sect\d)(?:\s|$)")
"""How Docutils, Pandoc and AsciiDoc call a section with its heading."""
MISLEADING = (
    UNLIKELY_CANDIDATE
    | NEGATIVE
    | SHARE_ELEMENT
    | sum(BIT[name] for name in ("nav", "footer", "hidden", "overlay", "ad", "related", "share", "signup", "comment", "sidebar"))
)
"""Hints that keep an element out of the main content."""
_WORD = re.compile(r"[^\W_]+")
_NUMBERED = re.compile(r"[a-z]+[_-]?\d+", re.IGNORECASE)
"""A number in the order of headings: `toc0`."""


def hints_but_of_id(tag: str, attributes: Mapping[str, str | None]) -> int:
    """The hints of an element without those of its id."""
    return element_hints(tag, {name: value for name, value in attributes.items() if name != "id"})


def is_made_of_heading(tag: str, attributes: Mapping[str, str | None], parsed: Any, heading: Any) -> bool:
    """Whether an id is an anchor of a heading: `<h2 id="related-work">`, or of the section that software makes of a heading.

    `heading` is the heading that the element is or stands in, a node of the parser; None without one. A section counts if its
    first element is a heading that has a link to it, or if its class is that of a section: `<section id="comments">` of a blog
    does not.
    """
    name = attributes.get("id") or ""
    if heading is not None:
        return _NUMBERED.fullmatch(name) is not None or _has_words_of(name, heading)
    if tag not in _SECTIONS:
        return False
    first = parsed.child
    while first is not None and (first.tag or "-").startswith("-"):
        first = first.next
    if first is None or first.tag not in HEADINGS:
        return False
    if any(link.attributes.get("href") == f"#{name}" for link in first.css("a")):
        return True
    return _SECTION_CLASS.search(attributes.get("class") or "") is not None and _has_words_of(name, first)


def _has_words_of(name: str, heading: Any) -> bool:
    """Whether an id has words of a heading: all of them, or two and more; `comments` has not those of `34 comments`."""
    words, text = _WORD.findall(name.lower()), _WORD.findall((heading.text() or "").lower())
    return bool(words) and set(words) <= set(text) and (len(words) > 1 or words == text)
