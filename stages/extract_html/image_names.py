"""What the URL or class of an `img` says: a picture at all, a placeholder, a page, an icon of the page's software."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


_PICTURE_ENDING = re.compile(
    r"\.(?:jpe?g|jfif|png|webp|gif|avif|svg|bmp|tiff?|heic|jxl)(?=$|[/:!@;,&?=_]|%3f|%26)",
    re.IGNORECASE,
)
_PICTURE_PATH = re.compile(
    r"(?:^|[/.-])(?:imgs?|images?|imageserver|photos?|pictures?|pics?|media|uploads?|thumbs?|thumbnails?|thumbor|cdn|assets|static|files|"
    r"resiz\w+|imgproxy|graphics)\d*[/.-]|[?&](?:w|h|width|height|q|quality|fm|format|fit|crop|resize)=|/[wh]_\d+|/\d+x\d+/",
    re.IGNORECASE,
)
_PAGE_ENDING = re.compile(r"\.(?:x?html?|aspx?|jsp|json|xml|js|css|txt|pdf|mp4|webm|mp3)$|/$", re.IGNORECASE)
_ANY_ENDING = re.compile(r"\.[a-z]\w{1,9}$", re.IGNORECASE)
_SCRIPT_ENDING = re.compile(r"\.(?:php\d?|cgi|ashx|axd|do|img|image)$", re.IGNORECASE)
_PLACEHOLDER_TOKENS = _words("placeholder placeholders spacer lazyload 1x1")
"""A file with such a part in its name is a placeholder."""
_PREVIEW_PART = re.compile(
    r"(?:^|[?&=_.-])(?:lqip|blur(?:red|ry)?(?:-?up)?|low-?res|low-?quality|preview|tiny|placeholder)(?=[=&._-]|$)"
    r"|[?&](?:w|width)=\d\d?(?:$|&)",
    re.IGNORECASE,
)
_GENERIC = _words("default image img picture photo bg background none null load dot fallback px ajax gif")
"""Words that alone make no placeholder."""
_PLACEHOLDER_WORDS = _GENERIC | _words(
    "blank transparent lazy loading loader grey gray empty pixel clear trans shim spinner preloader"
)
"""A file whose name has no other parts is a placeholder, unless it is a photograph by its ending."""
_PLACEHOLDER_ENDINGS = ("gif", "png", "svg", "")
_PHOTO_ENDINGS = (".jpg", ".jpeg", ".webp", ".avif")
_NAME_PART = re.compile(r"[^_.\-+~%]+")
_SIZE_OR_HASH = re.compile(r"\d+(?:x\d+)?(?:px|w|h|x)?|[0-9a-f]{8,}")
_EMOJI_CLASSES = _words("emoji twemoji wp-smiley smiley smilie emojione joypixels")
_MAX_EMOJI_CHARS = 12
"""A longer text describes a picture. Our choice."""
_ICON_CLASSES = _words("avatar gravatar emoji wp-smiley smiley smilie")
_ICON_HOSTS = re.compile(
    r"//(?:[\w-]+\.)*(?:gravatar\.com|doubleclick\.net|scorecardresearch\.com|quantserve\.com|feedburner\.com)/|/images/core/emoji/",
    re.IGNORECASE,
)
_LOGO = re.compile(r"(?:^|[/_.\s-])(?:logos?|badges?|buttons?|btn)(?:[/_.\s-]|\d|$)|logo[_.-]")
_HOME_PAGE = re.compile(r"(?:(?:https?:)?//[^/?#]+)?(?:/?|[^?#]*/index\.\w+|index\.\w+)$")
"""A link to a home page, or to the index of a folder."""
_MAX_PATHS = 1024
"""Paths that are remembered: one picture is asked about several times. Our choice; bounds memory."""
_MIN_IMAGE_DATA_CHARS = 1000
"""A shorter `data:` URI is a placeholder if the element names another URL. Our choice."""


LAZY_BACKGROUNDS = (
    *("data-bg", "data-background", "data-background-image", "data-bg-src", "data-bgset", "data-bg-image", "data-lazy-bg"),
    *("data-image-src", "data-img-url", "data-background-src", "data-img", "data-img-src", "data-image-url"),
)
"""Attributes that scripts make into the background of an element."""
LAZY_SOURCES = ("src", "data-src", "data-original", "data-lazy-src")
"""Attributes that scripts, and custom elements, make into a picture."""


def _path(url: str) -> str:
    return url.partition("#")[0].partition("?")[0]


def is_image_url(url: str) -> bool:
    """Whether a URL looks like that of a picture: by the ending of a file, or by its path if nothing speaks for a page.

    `"/a.jpg?w=3"`, `"/img?url=a.png"`, `"//img.a.org/7f3"` -> True; `"/2024/bees.html"`, `"hive.caption"`, `"/bees"` -> False.
    """
    if url.startswith("data:"):
        return url.startswith("data:image/")
    path = _path(url)
    if _is_page(url, path):
        return False
    return _PICTURE_ENDING.search(url) is not None or (_has_no_other_ending(path) and _PICTURE_PATH.search(url) is not None)


def names_picture_file(url: str) -> bool:
    """Whether a URL names the file of a picture by its ending: `"/a.jpg?w=3"` -> True; `"/photos/7"`, `"/a.php?7"` -> False."""
    return _PICTURE_ENDING.search(url) is not None


def is_page_url(url: str) -> bool:
    """Whether a URL names a page or a file of another kind: `"/2024/bees.html"`, `"/about/"`, `"hive.caption"`."""
    return _is_page(url, _path(url))


def _is_page(url: str, path: str) -> bool:
    if _PAGE_ENDING.search(path):
        return _PICTURE_ENDING.search(path) is None
    return "/" not in url and not _has_no_other_ending(path) and _PICTURE_ENDING.search(path) is None


def _has_no_other_ending(path: str) -> bool:
    name = path.rpartition("/")[2]
    return _ANY_ENDING.search(name) is None or _SCRIPT_ENDING.search(name) is not None


def is_placeholder(url: str) -> bool:
    """Whether a page shows this until the image is loaded: an empty URL, a short `data:` URI, a name such as `spacer.gif`.

    Whole parts of the file's name count: `"/i/lazy-placeholder.png"`, `"grey.gif"` -> True; `"/lazy/gray-whale.jpg"` -> False.
    """
    if url.startswith("data:"):
        return len(url) < _MIN_IMAGE_DATA_CHARS
    return not url or url.startswith(("about:", "javascript:", "#", "blob:")) or _is_placeholder_name(_path(url))


def may_be_photograph(url: str) -> bool:
    """Whether the ending of a file is that of photographs, whatever its name says: `"/i/oak-spacer.jpg"` -> True."""
    return _path(url).lower().endswith(_PHOTO_ENDINGS)


def is_preview_url(url: str) -> bool:
    """Whether an address says that it is a preview, in its file's name or behind it: `"/a.jpg?lqip"`, `"/a-blur.jpg"` -> True."""
    return _PREVIEW_PART.search(url.rpartition("/")[2]) is not None


@lru_cache(maxsize=_MAX_PATHS)
def _is_placeholder_name(path: str) -> bool:
    stem, _, ending = path.rpartition("/")[2].lower().rpartition(".")
    stem, ending = (stem, ending) if stem else (ending, "")
    parts = _NAME_PART.findall(stem)
    if not _PLACEHOLDER_TOKENS.isdisjoint(parts):
        return True
    if len(stem) == 1 and stem.isalpha() and ending == "gif":
        return True
    if ending not in _PLACEHOLDER_ENDINGS:
        return False
    words = [part for part in parts if part in _PLACEHOLDER_WORDS or not _SIZE_OR_HASH.fullmatch(part)]
    return _PLACEHOLDER_WORDS.issuperset(words) and not _GENERIC.issuperset(words)


def emoji_text(attributes: Mapping[str, str | None]) -> str:
    """The character that a picture of an emoji stands for; "" for other pictures."""
    names, text = attributes.get("class") or "", attributes.get("alt") or ""
    return text if 0 < len(text) <= _MAX_EMOJI_CHARS and not _EMOJI_CLASSES.isdisjoint(names.lower().split()) else ""


def is_icon(names: str, url: str, link: str) -> bool:
    """Whether a picture is an icon of the page's software, whatever its size is.

    That is an avatar or emoji by its class, a picture of a service that shows only these or counts readers, or a logo that links
    to the home page or an index.

    Parameters:
        names: The class of the element.
        url: The address of the picture.
        link: The address of the link around it; empty without a link.
    """
    if not _ICON_CLASSES.isdisjoint(names.lower().split()) or _ICON_HOSTS.search(url):
        return True
    return bool(link) and _HOME_PAGE.match(link) is not None and _LOGO.search(f"{_path(url)} {names}".lower()) is not None
