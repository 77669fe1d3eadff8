"""What the page reader does with an element because of its tag, as bits, and which elements it skips as boilerplate."""

from __future__ import annotations

from typing import Any

from interloom.stages.extract_html.bit_cache import BitCache
from interloom.stages.extract_html.class_names import BIT
from interloom.stages.extract_html.formulas import FORMULA_TAGS
from interloom.stages.extract_html.page import Node
from interloom.stages.extract_html.readability.name_patterns import (
    FORMULA,
    HIDDEN,
    MAYBE_CANDIDATE,
    PICTURE,
    POST,
    STATES_ROLE,
    STATES_TYPE,
    UNLIKELY_CANDIDATE,
)


def _tags(names: str) -> frozenset[str]:
    return frozenset(names.split())


_BLOCK_TAGS = _tags(
    "address article aside blockquote body button caption center dd details dialog dir div dl dt fieldset figcaption figure "
    "footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre section summary table "
    "tbody tfoot thead tr ul picture video audio"
)
_NOT_READ_TAGS = _tags(
    "head script style template select textarea datalist canvas map object embed iframe -comment title link meta "
    "option input svg br rt rp rtc"
)
HOLDS_PICTURES = _tags("canvas map select datalist template rt")
"""Elements that are not read and may hold pictures."""
_MEDIA_TAGS = _tags("img amp-img amp-anim source video audio iframe amp-iframe amp-youtube amp-video embed object image")
_BOILERPLATE_TAGS = frozenset(("nav", "footer", "dialog"))
_TRACKED_TAGS = frozenset(("a", "pre", "noscript", "td", "th", "q"))
BOILERPLATE_ROLES = frozenset(("navigation", "contentinfo", "menu", "menubar", "dialog", "search"))

IS_BLOCK = 1
"""Block-level: text before and after its tags is in different blocks."""
IS_MEDIUM = 2
"""May show an image or a clip."""
IS_NOT_READ = 4
"""Neither a node nor text: scripts, form controls, drawings."""
IS_CHILDLESS = 8
"""A node whose content is not read: frames and plug-ins."""
IS_TRACKED = 16
"""The reader keeps state while it is inside: links, listings, `noscript`, table cells."""
IS_BOILERPLATE = 32
"""Boilerplate by its tag."""

IS_PROSE = 64
"""A heading or paragraph: controls in it are no text."""
MAY_BE_FORMULA = 128
"""A formula, or a picture that may show one."""
IS_FIGURE = 256
"""A `figure`."""
WATCHED = IS_MEDIUM | IS_CHILDLESS | IS_BOILERPLATE | IS_FIGURE | MAY_BE_FORMULA
WATCHED_HINTS = PICTURE | UNLIKELY_CANDIDATE | HIDDEN | FORMULA | POST | STATES_ROLE | STATES_TYPE
"""An element with one of these bits may be more than text: the reader looks at it more closely."""
_PROSE_TAGS = frozenset(("p", "h1", "h2", "h3", "h4", "h5", "h6"))


def _flags_of(tag: str) -> int:
    """The bits of a tag. Custom elements (with a hyphen) count as block-level."""
    flags = IS_BLOCK if tag in _BLOCK_TAGS or "-" in tag else 0
    if tag in _MEDIA_TAGS:
        flags |= IS_MEDIUM | (IS_CHILDLESS if tag in _NOT_READ_TAGS else 0)
    elif tag in _NOT_READ_TAGS:
        flags |= IS_NOT_READ
    flags |= (IS_PROSE if tag in _PROSE_TAGS else 0) | (MAY_BE_FORMULA if tag == "img" or tag in FORMULA_TAGS else 0)
    flags |= (IS_TRACKED if tag in _TRACKED_TAGS else 0) | (IS_BOILERPLATE if tag in _BOILERPLATE_TAGS else 0)
    return flags | (IS_FIGURE if tag == "figure" else 0)


_BOILERPLATE_HINTS = sum(
    BIT[name] for name in ("comment", "share", "related", "nav", "footer", "sidebar", "ad", "overlay", "signup")
)
_CONTENT_HINTS = sum(BIT[name] for name in ("article_body", "content", "summary", "caption", "image"))
_NEVER_SKIPPED_TAGS = _tags("body a table main article")
_MAX_CACHED_TAGS = 1000
"""More than HTML has; a limit only on tags that pages invent. Our choice."""
TAG_FLAGS = BitCache(_flags_of, _MAX_CACHED_TAGS)
KINDS: dict[int, tuple[str, int]] = {}
"""By the number that the parser gives to a tag of HTML: the tag and its bits."""


def kind_of(parsed: Any) -> tuple[str, int]:
    """The tag of a node of the parser, "" without one, and its bits; those of tags of HTML are remembered in `KINDS`.

    The numbers of other tags are large, and other ones on each page.
    """
    tag, number = parsed.tag, parsed.tag_id
    kind = (tag, TAG_FLAGS[tag]) if tag is not None else ("", IS_NOT_READ)
    if 0 < number < _MAX_CACHED_TAGS:
        KINDS[number] = kind
    return kind


def is_unlikely(node: Node) -> bool:
    """Whether an element is hidden, or is boilerplate by its class or id both to Readability and to `class_names.py`."""
    hints = node.own_hints
    named = hints & UNLIKELY_CANDIDATE and hints & _BOILERPLATE_HINTS and not hints & (MAYBE_CANDIDATE | _CONTENT_HINTS)
    return bool(named or hints & HIDDEN) and node.tag not in _NEVER_SKIPPED_TAGS
