"""What Readability reads out of an element's class, id and role, as bits that share one integer with those of `class_names.py`.

Readability matches regular expressions (REGEXPS in Mozilla's Readability.js) against the whole class and id. Here a name is
split into runs of letters, whose bits are cached: bits 32 to 39 are set by the class, bits 40 to 47 by the id, bits 48 on by
other attributes.
"""

from __future__ import annotations

import re

_PATTERN_LISTS = tuple(
    tuple(names.split())
    for names in (
        # unlikelyCandidates
        "-ad- ai2html banner breadcrumbs combx comment community cover-wrap disqus extra footer gdpr header legends menu related "
        "remark replies rss shoutbox sidebar skyscraper social sponsor supplemental ad-break agegate pagination pager popup "
        "yom-remote",
        # okMaybeItsACandidate
        "and article body column content main mathjax shadow",
        # positive
        "article body content entry hentry h-entry main page pagination post text blog story",
        # negative
        "-ad- hidden banner combx comment com- contact footer gdpr masthead media meta outbrain promo related scroll share "
        "shoutbox sidebar skyscraper sponsor shopping tags widget",
        # byline
        "byline author dateline writtenby p-author",
    )
)
_SHARE_ELEMENTS = re.compile(r"(?:\b|_)(?:share|sharedaddy)(?:\b|_)")
_CLASS_BIT = 32
"""First bit for patterns found in a class."""
_ID_BIT = 40
"""First bit for patterns found in an id."""
_PATTERN_WEIGHT = 25
"""Points for each of class and id that matches `positive` or `negative` (Readability.js, _getClassWeight)."""


def _in_class_or_id(pattern: int) -> int:
    """The two bits of a pattern by its number: `0` -> bits 32 and 40."""
    return 1 << (_CLASS_BIT + pattern) | 1 << (_ID_BIT + pattern)


UNLIKELY_CANDIDATE = _in_class_or_id(0)
MAYBE_CANDIDATE = _in_class_or_id(1)
_POSITIVE = _in_class_or_id(2)
NEGATIVE = _in_class_or_id(3)
BYLINE = _in_class_or_id(4)
SHARE_ELEMENT = _in_class_or_id(5)
HIDDEN = 1 << 48
"""Not displayed, by its `style`, `hidden` or `aria-hidden`."""
UNLIKELY_ROLE = 1 << 49
"""Its role is one of `UNLIKELY_ROLES`."""
FALLBACK_IMAGE = 1 << 50
"""Called `fallback-image`: Readability keeps these although they are hidden (Readability.js, _isProbablyVisible)."""
POST = 1 << 52
"""Called as what holds the posts of a thread in the usual software: `thread_markup.py` looks for them."""
PICTURE = 1 << 53
"""Its attributes name a picture, although its tag does not say that it shows one."""
STATES_ROLE = 1 << 54
"""Has a `role`."""
STATES_TYPE = 1 << 55
"""Has an `itemtype`."""
FORMULA = 1 << 51
"""Called as what shows formulas or listings: the element is looked at more closely."""
_FORMULA_WORDS = frozenset(
    ("katex", "mathjax", "mjx", "mwe", "ztext", "math", "tex", "latex", "eq", "equation", "formula", "mjpage")
)
_FRAME_WORDS = frozenset(("mjpage", "line", "hljs", "syntaxhighlighter", "crayon", "highlighter", "view", "codemirror"))
_ALL_CLASS_BITS = (1 << _ID_BIT) - 1
_OTHER_BITS = (1 << _CLASS_BIT) - 1
_EIGHT_BITS = 0xFF
UNLIKELY_ROLES = frozenset(("menu", "menubar", "complementary", "navigation", "alert", "alertdialog", "dialog"))

_LETTER_PATTERNS = [re.compile("|".join(part for part in parts if part.isalpha())) for parts in _PATTERN_LISTS]
_HYPHENATED = tuple(
    (part, 1 << (_CLASS_BIT + n)) for n, parts in enumerate(_PATTERN_LISTS) for part in parts if not part.isalpha()
)


def word_bits(word: str) -> int:
    """The bits of a run of lower-case letters in a class: `"sidebar"` -> `UNLIKELY_CANDIDATE` and negative, as class bits."""
    bits = 0
    for n, pattern in enumerate(_LETTER_PATTERNS):
        if pattern.search(word):
            bits |= 1 << n
    formula = FORMULA if word in _FORMULA_WORDS or word in _FRAME_WORDS else 0
    return formula | (bits | (NEGATIVE >> _CLASS_BIT & _EIGHT_BITS if word == "hid" else 0)) << _CLASS_BIT


def name_bits(name: str) -> int:
    """The bits of a lower-case name that its single words do not give: hyphenated parts and share elements."""
    bits = 0
    if "-" in name or "2" in name:  # as in each of these parts
        bits = FALLBACK_IMAGE if "fallback-image" in name else 0
        for part, bit in _HYPHENATED:
            if part in name:
                bits |= bit
    return bits | (SHARE_ELEMENT & _ALL_CLASS_BITS if "share" in name and _SHARE_ELEMENTS.search(name) else 0)


def as_id_bits(bits: int) -> int:
    """The bits that a name has as an id, given the bits that it has as a class."""
    return (bits & _OTHER_BITS) | (bits & (_EIGHT_BITS << _CLASS_BIT)) << (_ID_BIT - _CLASS_BIT)


def class_weight(hints: int) -> int:
    """Readability's class weight from an element's bits: 25 points for each positive, -25 for each negative of class and id.

    An element with class "article" and id "sidebar" has 25 - 25 = 0.
    """
    if not hints & (_POSITIVE | NEGATIVE):
        return 0
    of_class, of_id = hints & _ALL_CLASS_BITS, hints & ~_ALL_CLASS_BITS
    positive = bool(of_class & _POSITIVE) + bool(of_id & _POSITIVE)
    return _PATTERN_WEIGHT * (positive - bool(of_class & NEGATIVE) - bool(of_id & NEGATIVE))
