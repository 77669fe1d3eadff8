"""What the walk through a page makes of an element by its tag, and which elements it leaves out."""

from __future__ import annotations

from interloom.stages.extract_html.class_names import BIT, Known
from interloom.stages.extract_html.page import Box
from interloom.stages.extract_html.readability.names import PERHAPS, UNLIKELY, UNSEEN


def _tags(names: str) -> frozenset[str]:
    return frozenset(names.split())


_BLOCKS = _tags(
    "address article aside blockquote body button caption center dd details dialog dir div dl dt fieldset figcaption figure "
    "footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre section summary table "
    "tbody tfoot thead tr ul picture video audio"
)
_UNSEEN = _tags(
    "head script style template select textarea datalist canvas math map object embed iframe -comment title link meta "
    "option input svg br"
)
_MEDIA = _tags("img amp-img source video audio iframe amp-iframe amp-youtube amp-video embed object image")
_ASIDE = frozenset(("nav", "footer", "dialog"))
ASIDE_ROLES = frozenset(("navigation", "contentinfo", "menu", "menubar", "dialog", "search"))
_SPECIAL = frozenset(("a", "pre", "noscript", "td", "th"))
IS_BLOCK, IS_MEDIUM, IS_UNSEEN, IS_CLOSED, IS_SPECIAL, IS_ASIDE = 1, 2, 4, 8, 16, 32


def _kind_of(tag: str) -> int:
    """What a tag is, as bits; elements that pages made up are taken for boxes."""
    kind = IS_BLOCK if tag in _BLOCKS or "-" in tag else 0
    if tag in _MEDIA:
        kind |= IS_MEDIUM | (IS_CLOSED if tag in _UNSEEN else 0)
    elif tag in _UNSEEN:
        kind |= IS_UNSEEN
    return kind | (IS_SPECIAL if tag in _SPECIAL else 0) | (IS_ASIDE if tag in _ASIDE else 0)


_FURNITURE = sum(BIT[name] for name in ("comment", "share", "related", "nav", "footer", "side", "ad", "overlay", "signup"))
_CONTENT = sum(BIT[name] for name in ("story", "content", "summary", "caption", "picture"))
_NEVER_ASIDE = _tags("body a table main article")
_MOST_KINDS = 1000
KINDS = Known(_kind_of, _MOST_KINDS)


def is_unlikely(box: Box) -> bool:
    """Whether an element is unseen, or by its names no part of any article: Readability and we must both say so."""
    own = box.own
    named = own & UNLIKELY and own & _FURNITURE and not own & (PERHAPS | _CONTENT)
    return bool(named or own & UNSEEN) and box.tag not in _NEVER_ASIDE
