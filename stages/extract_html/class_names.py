"""What the class, id and role of an element say of it, as bits: that it is the story, or a sidebar, comments, sharing ..."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from interloom.stages.extract_html.readability.names import (
    BYLINE,
    STANDS_IN,
    UNLIKELY_ROLE,
    UNLIKELY_ROLES,
    UNSEEN,
    as_id,
    name_traits,
    word_traits,
)

# One word of a class or id each, also as a part of a camelCase or hyphenated name. A trailing `*` means any ending.
_WORDS: Mapping[str, str] = {
    "story": "article-body story-body entry-content post-content article-content post-body entry-body articletext "
    "article-text story-content body-copy main-text body-text  postcontent "
    "blog-content news-content content-article content-body td-post-content single-content page-content",
    "content": "article* content main post entry story text body blog page hentry document markdown",
    "comment": "comment* disqus* discuss* reply replies respond* kommentar* forum livefyre",
    "share": "share* sharing social* facebook twitter tweet* addthis* addtoany* sharedaddy teilen whatsapp pinterest follow*",
    "related": "related* recommend* more-stories read-more similar popular trending latest most-* recirc* outbrain taboola* "
    "also readmore teaser* upnext up-next promo* suggested moreon mehr weitere* aehnliche zergnet nextprev prevnext",
    "nav": "nav* menu* breadcrumb* pagination pager paging pages skip* jump toc topbar toolbar tabs tab sitemap index submenu",
    "footer": "footer* foot copyright legal imprint impressum colophon disclaimer* credits",
    "header": "header* masthead topper branding logo* banner* head",
    "side": "side* sidebar* rail aside widget* col-right right-col column-right secondary box module gutter",
    "ad": "ad ads advert* adv sponsor* dfp* gpt adsense werbung anzeige* promoted commercial partner* affiliate*",
    "byline": "byline* author* autor* bio vcard writer* contributor* avatar gravatar profile",
    "meta": "meta* date* time* timestamp info infos tags tag tagged taglist category categories cat-links keywords published "
    "postmetadata kicker dateline posted topics labels entry-meta post-meta details datum",
    "signup": "newsletter* subscri* signup sign-up login log-in register paywall* abo donat* cta form* email* "
    "registration search*",
    "overlay": "cookie* modal* popup* pop-up overlay consent gdpr dialog toast notice alert notification* lightbox",
    "hidden": "hidden hide sr-only visually-hidden screen-reader* invisible print-only noprint no-print visuallyhidden u-hidden",
    "caption": "caption* wp-caption-text bildunterschrift credit photo-credit image-caption imgcaption legende copyright-info",
    "gallery": "gallery* carousel* slider* slideshow* slick* swiper* thumb* galerie",
    "picture": "image* img* photo* picture* figure* media illustration hero cover",
    "quote": "quote* pullquote* pull-quote* blockquote* zitat",
    "tool": "tool* button* btn* print rating* vote* stars player controls icon* options action* control* edit "
    "mw-editsection hide-print",
    "summary": "summary excerpt lead lede intro* standfirst dek subtitle sub-title sub-head* teaser-text description abstract "
    "deck strapline vorspann chapo",
    "list": "list* grid* cards card items feed stream archive results row",
}
NAMES = tuple(_WORDS)
BIT: Mapping[str, int] = {name: 1 << n for n, name in enumerate(NAMES)}
TAGS: Mapping[str, int] = {
    "nav": BIT["nav"],
    "footer": BIT["footer"],
    "header": BIT["header"],
    "aside": BIT["side"],
    "menu": BIT["nav"],
    "dialog": BIT["overlay"],
    "form": BIT["signup"],
    "button": BIT["tool"],
    "label": BIT["tool"],
    "time": BIT["meta"],
    "address": BIT["byline"],
    "figcaption": BIT["caption"],
    "article": BIT["content"],
    "main": BIT["content"],
}
_ROLES: Mapping[str, int] = {
    "navigation": BIT["nav"],
    "menu": BIT["nav"],
    "menubar": BIT["nav"],
    "contentinfo": BIT["footer"],
    "complementary": BIT["side"],
    "banner": BIT["header"],
    "search": BIT["signup"],
    "form": BIT["signup"],
    "dialog": BIT["overlay"],
    "alert": BIT["overlay"],
    "main": BIT["content"],
    "article": BIT["content"],
    "button": BIT["tool"],
    "toolbar": BIT["tool"],
    "note": BIT["meta"],
}
_LONGEST = 400


def _stems() -> tuple[dict[str, int], dict[str, int]]:
    """Whole words, and beginnings of words, with their bits."""
    whole: dict[str, int] = {}
    begin: dict[str, int] = {}
    for name, words in _WORDS.items():
        for word in words.split():
            table, key = (begin, word[:-1]) if word.endswith("*") else (whole, word)
            key = key.replace("-", "")
            table[key] = table.get(key, 0) | BIT[name]
    return whole, begin


_WHOLE, _BEGIN = _stems()
_LENGTHS = sorted({len(stem) for stem in _BEGIN})
_HUMP, _WORD_OR_GAP = re.compile("(?<=[a-z])(?=[A-Z])"), re.compile(r"[a-z]+|\s")


class Known(dict[str, int]):
    """Bits by name, as far as names have been met; it forgets them all when they are too many."""

    def __init__(self, bits_of: Callable[[str], int], most: int) -> None:
        super().__init__()
        self._bits_of, self._most = bits_of, most

    def __missing__(self, name: str) -> int:
        bits = self._bits_of(name)
        if len(self) >= self._most:
            self.clear()
        self[name] = bits
        return bits


def _word_hints(word: str) -> int:
    bits, size = _WHOLE.get(word, 0) | word_traits(word), len(word)
    for length in _LENGTHS:
        if length <= size:
            bits |= _BEGIN.get(word[:length], 0)
    return bits


_BY_WORD = Known(_word_hints, 1 << 15)


def name_hints(names: str) -> int:
    """The bits of classes, or of an id: of their words, and of two in a row as one. Most names are new, but of known words."""
    lower = names[:_LONGEST].lower()
    bits, before, words = name_traits(lower), "", lower
    if lower != names:  # camelCase, perhaps: its parts are words to us, but not to Readability
        for word in _WORD_OR_GAP.findall(lower):
            bits |= _BY_WORD[word] & ~_NAMED
        words = _HUMP.sub("-", names[:_LONGEST]).lower()
    for word in _WORD_OR_GAP.findall(words):
        if word.isspace():
            before = ""
            continue
        bits |= _BY_WORD[word]
        if before:
            bits |= _WHOLE.get(before + word, 0)
        before = word
    return bits


_NAMED = (1 << len(NAMES)) - 1
_BY_NAMES = Known(name_hints, 1 << 16)


def _id_hints(names: str) -> int:
    return as_id(_BY_NAMES[names])


def _role_hints(role: str) -> int:
    role = role.strip().lower()
    return _ROLES.get(role, 0) | (UNLIKELY_ROLE if role in UNLIKELY_ROLES else 0)


def _item_hints(prop: str) -> int:
    return (BIT["story"] if prop in ("articleBody", "text") else 0) | (BYLINE if "author" in prop else 0)


def _style_hints(style: str) -> int:
    style = style.replace(" ", "").lower() if "none" in style or "hidden" in style else ""
    return _UNSEEN if "display:none" in style or "visibility:hidden" in style else 0


_UNSEEN = BIT["hidden"] | UNSEEN
_READ: Mapping[str, Callable[[str], int]] = {
    "id": _id_hints,
    "role": _role_hints,
    "itemprop": _item_hints,
    "rel": lambda rel: BYLINE if rel == "author" else 0,
    "style": _style_hints,
    "hidden": lambda _: _UNSEEN,
    "aria-hidden": lambda value: _UNSEEN if value == "true" else 0,
}


def element_hints(tag: str, attributes: Mapping[str, str | None]) -> int:
    """The bits of an element by its tag, class, id, role and what it does to be unseen."""
    bits, names = TAGS.get(tag, 0), attributes.get("class")
    if names:
        bits |= _BY_NAMES[names]
        if len(attributes) == 1:
            return bits
    for name, value in attributes.items():
        read = _READ.get(name)
        if read is not None:
            bits |= read(value or "")
    return bits & ~UNSEEN if bits & STANDS_IN else bits
