"""Hints: what the class, id, role and tag of an element say about its purpose, as bits (article body, sidebar, comments ...)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from interloom.stages.extract_html.bit_cache import BitCache
from interloom.stages.extract_html.image_names import LAZY_BACKGROUNDS, LAZY_SOURCES, is_image_url
from interloom.stages.extract_html.readability.name_patterns import (
    BYLINE,
    FALLBACK_IMAGE,
    FORMULA,
    HIDDEN,
    PICTURE,
    POST,
    STATES_ROLE,
    STATES_TYPE,
    UNLIKELY_ROLE,
    UNLIKELY_ROLES,
    as_id_bits,
    name_bits,
    word_bits,
)
from interloom.stages.extract_html.screens import without_shown
from interloom.stages.extract_html.thread_markup import POST_NAME, POST_PART

# For each hint, the words of a class or id that give it; a word may be a part of a camelCase or hyphenated name. A trailing `*`
# stands for any ending.
_WORDS: Mapping[str, str] = {
    "article_body": "article-body story-body entry-content post-content article-content post-body entry-body articletext "
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
    "sidebar": "side* sidebar* rail aside widget* col-right right-col column-right secondary box module gutter",
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
    "image": "image* img* photo* picture* figure* media illustration hero cover",
    "quote": "quote* pullquote* pull-quote* blockquote* zitat",
    "tool": "tool* button* btn* print rating* vote* stars player controls icon* options action* control* edit "
    "mw-editsection hide-print",
    "summary": "summary excerpt lead lede intro* standfirst dek subtitle sub-title sub-head* teaser-text description abstract "
    "deck strapline vorspann chapo",
    "list": "list* grid* cards card items feed stream archive results row",
}
NAMES = tuple(_WORDS)
"""The hints by the number of their bit; the page model has learned this order."""
BIT: Mapping[str, int] = {name: 1 << n for n, name in enumerate(NAMES)}
ALL_HINTS = (1 << len(NAMES)) - 1
TAG_HINTS: Mapping[str, int] = {
    "nav": BIT["nav"],
    "footer": BIT["footer"],
    "header": BIT["header"],
    "aside": BIT["sidebar"],
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
    "complementary": BIT["sidebar"],
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
_MAX_NAME_CHARS = 400
"""The rest of a longer class or id is ignored, which bounds time and memory. Our choice."""


def _word_tables() -> tuple[dict[str, int], dict[str, int]]:
    """The bits of whole words and the bits of beginnings of words, both without hyphens: `"reply replies respond*"` ->
    `({"reply": ..., "replies": ...}, {"respond": ...})`."""
    whole: dict[str, int] = {}
    beginnings: dict[str, int] = {}
    for name, words in _WORDS.items():
        for word in words.split():
            table, key = (beginnings, word[:-1]) if word.endswith("*") else (whole, word)
            key = key.replace("-", "")
            table[key] = table.get(key, 0) | BIT[name]
    return whole, beginnings


_WHOLE_WORDS, _BEGINNINGS = _word_tables()
_BEGINNING_LENGTHS = sorted({len(beginning) for beginning in _BEGINNINGS})
_CAMEL_CASE_BOUNDARY = re.compile("(?<=[a-z])(?=[A-Z])")
_WORD = re.compile("[a-z]+")


def _word_hints(word: str) -> int:
    bits, size = _WHOLE_WORDS.get(word, 0) | word_bits(word), len(word)
    for length in _BEGINNING_LENGTHS:
        if length <= size:
            bits |= _BEGINNINGS.get(word[:length], 0)
    return bits | (POST if POST_PART.search(word) else 0)


_MAX_CACHED_WORDS = 1 << 15
"""Words of classes, which pages share. Our choice; bounds memory."""
_MAX_CACHED_NAMES = 1 << 16
"""Whole classes and ids, most of which occur on one page only. Our choice; bounds memory."""
_BY_WORD = BitCache(_word_hints, _MAX_CACHED_WORDS)


def _hints_of_name(name: str) -> int:
    """The bits of a name without white space: those of each word, and of each two adjacent words joined.

    `"entry-content"` has the bits of `entry`, `content` and `entrycontent`. Readability matches lower-cased names, so the parts
    of a camelCase name give hints but no bits of Readability's.
    """
    lower = words = name.lower()
    bits, previous = name_bits(lower), ""
    if lower != name:
        for word in _WORD.findall(lower):
            bits |= _BY_WORD[word] & ~ALL_HINTS
        words = _CAMEL_CASE_BOUNDARY.sub("-", name).lower()
    for word in _WORD.findall(words):
        bits |= _BY_WORD[word] | _WHOLE_WORDS.get(previous + word, 0)
        previous = word
    return bits


_BY_NAME = BitCache(_hints_of_name, _MAX_CACHED_NAMES)


def name_hints(names: str) -> int:
    """The bits of a class attribute or an id: those of each name in it. Most are new, but made of names that are cached."""
    bits = 0
    for name in names[:_MAX_NAME_CHARS].split():
        bits |= _BY_NAME[name]
    return bits


_OTHERS_FRAME = re.compile(r"(?<=code)-toolbar|\w*(?:With|Target)StickyNavbar\w*")
"""Prism's frame around a listing; what Docusaurus calls a heading that is not to be hidden by the navigation."""
_THREAD_TYPES = ("/Answer", "/Question", "/QAPage", "/DiscussionForumPosting")


def _hints_with_posts(names: str) -> int:
    bits = name_hints(
        _OTHERS_FRAME.sub("", without_shown(names)) if "oolbar" in names or "Navbar" in names else without_shown(names)
    )
    return bits & ~POST if bits & POST and POST_NAME.search(names[:_MAX_NAME_CHARS]) is None else bits


_BY_NAMES = BitCache(_hints_with_posts, _MAX_CACHED_NAMES)


def _id_hints(names: str) -> int:
    bits = _BY_NAMES[names]
    return as_id_bits(bits) | (bits & POST)


def _role_hints(role: str) -> int:
    role = role.strip().lower()
    return STATES_ROLE | _ROLES.get(role, 0) | (UNLIKELY_ROLE if role in UNLIKELY_ROLES else 0)


def _itemprop_hints(prop: str) -> int:
    return (BIT["article_body"] if prop in ("articleBody", "text") else 0) | (BYLINE if "author" in prop else 0)


def _style_hints(style: str) -> int:
    bits = PICTURE if "url(" in style.lower() else 0
    style = style.replace(" ", "").lower() if "none" in style or "hidden" in style else ""
    return bits | (_HIDDEN_ELEMENT if "display:none" in style or "visibility:hidden" in style else 0)


_PICTURE_TAGS = frozenset(("img", "amp-img", "amp-anim", "picture", "source"))
_HIDDEN_ELEMENT = BIT["hidden"] | HIDDEN
_ATTRIBUTE_HINTS: Mapping[str, Callable[[str], int]] = {
    "id": _id_hints,
    "role": _role_hints,
    "itemprop": _itemprop_hints,
    "rel": lambda rel: BYLINE if rel == "author" else 0,
    "style": _style_hints,
    **dict.fromkeys(
        ("data-tex", "data-latex", "data-formula", "data-equation", "data-katex", "data-expr", "data-math"), lambda _: FORMULA
    ),
    "itemtype": lambda kind: STATES_TYPE | (POST if kind.endswith(_THREAD_TYPES) else 0),
    **dict.fromkeys(("component", "post-id", "thingid"), lambda _: POST),
    "hidden": lambda _: _HIDDEN_ELEMENT,
    **dict.fromkeys(("background", *LAZY_BACKGROUNDS), lambda _: PICTURE),
    **dict.fromkeys(LAZY_SOURCES, lambda value: PICTURE if is_image_url(value.strip()) else 0),
    "aria-hidden": lambda value: _HIDDEN_ELEMENT if value == "true" else 0,
}


def element_hints(tag: str, attributes: Mapping[str, str | None]) -> int:
    """The bits of an element by its tag, class, id, role, `itemprop`, `rel`, and the attributes that hide it."""
    bits, names = TAG_HINTS.get(tag, 0), attributes.get("class")
    if tag in _PICTURE_TAGS:
        return _picture_hints(attributes)
    if names:
        bits |= _BY_NAMES[names]
        if len(attributes) == 1:
            return bits
    for name, value in attributes.items():
        hints_of = _ATTRIBUTE_HINTS.get(name)
        if hints_of is not None:
            bits |= hints_of(value or "")
    return bits & ~HIDDEN if bits & FALLBACK_IMAGE else bits


def _picture_hints(attributes: Mapping[str, str | None]) -> int:
    """The bits of a picture. Its names say how it is loaded and styled, not whether readers see it, so most give no bits.

    A hidden picture with another address in a `data-` attribute is shown by a script.
    """
    bits = (_BY_NAMES[attributes.get("class") or ""] | _id_hints(attributes.get("id") or "")) & (BIT["image"] | BIT["gallery"])
    bits |= (STATES_ROLE if "role" in attributes else 0) | (STATES_TYPE if "itemtype" in attributes else 0)
    is_hidden = "hidden" in attributes or _style_hints(attributes.get("style") or "") & HIDDEN
    return bits | (_HIDDEN_ELEMENT if is_hidden and not any(name.startswith("data-") for name in attributes) else 0)
