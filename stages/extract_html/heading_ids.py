"""Ids that are made of the words of a heading: they say nothing about what an element is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from interloom.stages.extract_html.class_names import BIT, element_hints
from interloom.stages.extract_html.readability.name_patterns import UNLIKELY_CANDIDATE

HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_SECTIONS = frozenset(("section", "div"))
_SECTION_CLASS = re.compile(r"(?:^|\s)(?:section|level\d|sect\d)(?:\s|$)")
"""How Docutils, Pandoc and AsciiDoc call a section with its heading."""
MISLEADING = UNLIKELY_CANDIDATE | sum(
    BIT[name] for name in ("nav", "footer", "hidden", "overlay", "ad", "related", "share", "signup", "comment", "sidebar")
)
"""Hints that keep an element out of the main content."""
_NO_WORD = re.compile(r"[\W_]+")


def hints_but_of_id(tag: str, attributes: Mapping[str, str | None]) -> int:
    """The hints of an element without those of its id."""
    return element_hints(tag, {name: value for name, value in attributes.items() if name != "id"})


def is_made_of_heading(tag: str, attributes: Mapping[str, str | None], parsed: Any, in_heading: bool) -> bool:
    """Whether an id is an anchor of a heading: `<h2 id="related-work">`, or of the section that software makes of a heading.

    A section counts if its first element is a heading that has a link to it, or if its class is that of a section and its id has
    the words of the heading: `<section id="comments"><h2>Comments</h2>` of a blog does not.
    """
    if tag in HEADINGS or in_heading:
        return True
    if tag not in _SECTIONS:
        return False
    heading = parsed.child
    while heading is not None and (heading.tag or "-").startswith("-"):
        heading = heading.next
    if heading is None or heading.tag not in HEADINGS:
        return False
    name = attributes.get("id") or ""
    if any(link.attributes.get("href") == f"#{name}" for link in heading.css("a")):
        return True
    words = _NO_WORD.sub("", heading.text() or "").lower()
    return _SECTION_CLASS.search(attributes.get("class") or "") is not None and _NO_WORD.sub("", name).lower() in words
