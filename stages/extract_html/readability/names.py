"""What Readability asks of the class, id and role of an element, as bits beside those of `class_names.py`: from bit 32 on for the
class, from bit 40 on for the id."""

from __future__ import annotations

import re

_ASKED = tuple(
    tuple(names.split())
    for names in (
        "-ad- ai2html banner breadcrumbs combx comment community cover-wrap disqus extra footer gdpr header legends menu related "
        "remark replies rss shoutbox sidebar skyscraper social sponsor supplemental ad-break agegate pagination pager popup "
        "yom-remote",
        "and article body column content main mathjax shadow",
        "article body content entry hentry h-entry main page pagination post text blog story",
        "-ad- hidden banner combx comment com- contact footer gdpr masthead media meta outbrain promo related scroll share "
        "shoutbox sidebar skyscraper sponsor shopping tags widget",
        "byline author dateline writtenby p-author",
    )
)
_SHARING = re.compile(r"(?:\b|_)(?:share|sharedaddy)(?:\b|_)")
_CLASS, _ID = 32, 40
_TO_ID = _ID - _CLASS
_NAME_WEIGHT = 25


def _of_either(number: int) -> int:
    return 1 << (_CLASS + number) | 1 << (_ID + number)


UNLIKELY, PERHAPS, _POSITIVE, _NEGATIVE, BYLINE, SHARING = map(_of_either, range(len(_ASKED) + 1))
UNSEEN, UNLIKELY_ROLE, STANDS_IN = 1 << 48, 1 << 49, 1 << 50
_OF_CLASS = (1 << _ID) - 1
UNLIKELY_ROLES = frozenset(("menu", "menubar", "complementary", "navigation", "alert", "alertdialog", "dialog"))


_PATTERNS = [re.compile("|".join(part for part in parts if part.isalpha())) for parts in _ASKED]
_JOINED = tuple((part, 1 << (_CLASS + n)) for n, parts in enumerate(_ASKED) for part in parts if not part.isalpha())


def word_traits(word: str) -> int:
    """The bits of a run of letters in the name of a class, in lower case."""
    bits = 0
    for n, pattern in enumerate(_PATTERNS):
        if pattern.search(word):
            bits |= 1 << n
    return (bits | (_NEGATIVE >> _CLASS & 0xFF if word == "hid" else 0)) << _CLASS


def name_traits(name: str) -> int:
    """The bits of a name, in lower case, that is more than one run of letters, beyond those of its words."""
    bits = STANDS_IN if "fallback-image" in name else 0
    if not name.isalpha():
        for part, bit in _JOINED:
            if part in name:
                bits |= bit
    return bits | (SHARING & _OF_CLASS if "share" in name and _SHARING.search(name) else 0)


def as_id(bits: int) -> int:
    """The bits of a name when it is an id."""
    kept = bits & ((1 << _CLASS) - 1)
    return kept | (bits & (0xFF << _CLASS)) << _TO_ID


def weight(own: int) -> int:
    """How much the class and the id of an element speak for an article (25 each) or against it, by its bits."""
    if not own & (_POSITIVE | _NEGATIVE):
        return 0
    halves = (own & _OF_CLASS, own & ~_OF_CLASS)
    return _NAME_WEIGHT * sum(bool(half & _POSITIVE) - bool(half & _NEGATIVE) for half in halves)
