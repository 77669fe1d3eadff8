"""What the class, id and role of an element say of it, as bits: that it is the story, or a sidebar, comments, sharing ..."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

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
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


@lru_cache(maxsize=1 << 14)
def _word_hints(word: str) -> int:
    bits = _WHOLE.get(word, 0)
    for length in _LENGTHS:
        bits |= _BEGIN.get(word[:length], 0) if length <= len(word) else 0
    return bits


@lru_cache(maxsize=1 << 16)
def _name_hints(name: str) -> int:
    """The bits of one class or id: of its words, and of two words in a row as one."""
    bits, before = 0, ""
    for part in _PARTS.findall(name):
        word = part.lower()
        bits |= _word_hints(word) | _WHOLE.get(before + word, 0)
        before = word
    return bits


def name_hints(names: str) -> int:
    """The bits of an element's classes or id."""
    bits = 0
    for name in names[:_LONGEST].split():
        bits |= _name_hints(name)
    return bits


def element_hints(tag: str, attributes: Mapping[str, str | None]) -> int:
    """The bits of an element by its tag, class, id, role and what it does to be unseen."""
    bits = TAGS.get(tag, 0)
    if not attributes:
        return bits
    if "class" in attributes:
        bits |= name_hints(attributes["class"] or "")
    if "id" in attributes:
        bits |= name_hints(attributes["id"] or "")
    if "role" in attributes:
        bits |= _ROLES.get((attributes["role"] or "").strip().lower(), 0)
    if "itemprop" in attributes and attributes["itemprop"] in ("articleBody", "text"):
        bits |= BIT["story"]
    return bits | BIT["hidden"] if _is_hidden(attributes) else bits


def _is_hidden(attributes: Mapping[str, str | None]) -> bool:
    if "style" in attributes:
        style = attributes["style"] or ""
        if "none" in style and "display:none" in style.replace(" ", "").lower():
            return True
    return "hidden" in attributes or ("aria-hidden" in attributes and attributes["aria-hidden"] == "true")
