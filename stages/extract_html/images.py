"""The pictures and clips of a page that belong to its main content, and where among its blocks they stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from interloom.stages.extract_html.class_names import BIT
from interloom.stages.extract_html.image_selection import belonging, gap_of, pixels
from interloom.stages.extract_html.image_source import Attributes, image_source, is_stand_in, shows_nothing
from interloom.stages.extract_html.metadata import joined
from interloom.stages.extract_html.page import Box, Medium, Page
from interloom.stages.extract_html.readability.article import Region

_VIDEO = re.compile(
    r"youtube(?:-nocookie)?\.com/(?:embed|watch|v/|shorts)|youtu\.be/|player\.vimeo\.com|vimeo\.com/\d|dailymotion\.com/(?:embed|swf|video)|"
    r"player\.twitch\.tv|facebook\.com/plugins/video|rutube\.ru/play|bilibili\.com/player|ted\.com/(?:talks|embed)|"
    r"\.(?:mp4|webm|m4v|mov|ogv|m3u8)(?:$|\?)|brightcove|jwplatform|jwplayer|streamable\.com|wistia",
    re.IGNORECASE,
)
_BACKGROUND = re.compile(r"background(?:-image)?\s*:[^;]*?url\(\s*[\"']?([^\"')]+)", re.IGNORECASE)
# Of addresses and classes in lower case.
_NO_PICTURE = re.compile(
    r"(?:^|[/_.-])(?:icons?|avatars?|gravatar|sprites?|spacer|pixel|1x1|blank|transparent|emojis?|smil(?:ey|ies)|favicon|share|sharing|"
    r"qr-?codes?|weixin|wechat|arrow|bullet|rss|adserver|doubleclick|beacon|tracker|tracking|counter|captcha|loader|loading|"
    r"separator|divider)(?:[/_.-]|\d|$)"
    r"|gravatar\.com|/wp-includes/|/ads?/|doubleclick\.net|scorecardresearch|feedburner|quantserve|/themes?/[^?]*\.gif",
)
# The name of a file leaves these to `filters.image_name`; a class, or a link to the home page, says that they are furniture.
_FURNITURE = re.compile(r"(?:^|[/_.-])(?:logos?|badges?|buttons?|btn)(?:[/_.-]|\d|$)|logo[_.-]")
_HOME = re.compile(r"(?:(?:https?:)?//[^/?#]+)?/?(?:index\.\w+)?$")
_NAMED = re.compile(r"\.(?:jpe?g|png|gif|webp|avif|bmp)$", re.IGNORECASE)
_SIZE = re.compile(r"-\d{2,4}x\d{2,4}(?=\.\w+$)")
_PIXEL, _LARGE = 2, 100  # pixels
_PLACES = ("p", "li", "div", "td", "th", "figure", "section", "article", "body")


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture (or `clip`) that stands before block `gap` of the page."""

    gap: int
    url: str
    alt: str
    box: Box
    clip: bool = False


def pictures(page: Page, region: Region, chosen: Sequence[bool], base: str) -> list[Picture]:
    """Those in the main content, in reading order; several sizes of one picture are one, and so are its twins."""
    lengths = [len(block.text) for block in page.blocks]
    found: list[Picture] = []
    seen: dict[str, int] = {}
    frames: dict[int, int] = {}
    for medium, url, clip in _offered(page, belonging(page, region, chosen, lengths)):
        picture = Picture(gap_of(medium, lengths), joined(base, url), _alt(medium.box), medium.box, clip)
        frame = medium.box.around("figure", "picture") or medium.box
        key, twin = _identity(picture.url), frames.get(frame.number) if medium.noscript else None
        before = seen.get(key, twin)
        if before is not None and (before == twin or _is_same(picture, found[before])):
            if medium.noscript and _name(picture.url) == _name(found[before].url):
                found[before] = replace(found[before], url=picture.url)  # what scripts would have put there
        elif clip or not _looks_empty(medium, picture.url):
            seen[key] = frames[frame.number] = len(found)
            found.append(picture)
    return found


def _alt(box: Box) -> str:
    return " ".join((box.attributes.get("alt") or box.attributes.get("aria-label") or "").split())


def _is_same(picture: Picture, before: Picture) -> bool:
    """Whether a picture of the same name is the same in another size, or stands in the same place for other readers."""
    if picture.url.partition("//")[2] != before.url.partition("//")[2]:
        return True
    return picture.gap == before.gap and (picture.box.around(*_PLACES) is before.box.around(*_PLACES))


def _offered(page: Page, belongs: Callable[[Medium], bool]) -> Iterator[tuple[Medium, str, bool]]:
    """Each picture or clip that belongs, with its URL, and whether it is a clip."""
    sources: dict[int, list[Attributes]] = {}
    for medium in page.media:
        if medium.box.tag == "source" and medium.box.parent is not None:
            sources.setdefault(medium.box.parent.number, []).append(medium.box.attributes)
    for medium in page.media:
        box = medium.box
        if box.tag != "source" and belongs(medium):
            clip = _clip_url(box, sources)
            url = clip or _picture_url(box, sources)
            if url:
                yield medium, url, bool(clip)


def _picture_url(box: Box, sources: Mapping[int, list[Attributes]]) -> str:
    if box.tag in ("img", "amp-img", "image"):
        picture = box.around("picture") if sources else None
        url = image_source(box.attributes, sources.get(picture.number, ()) if picture is not None else ())
        return "" if shows_nothing(url) else url
    found = _BACKGROUND.search(box.attributes.get("style") or "") if _is_painted(box) else None
    return found[1].strip() if found and not is_stand_in(found[1].strip()) else ""


def _clip_url(box: Box, sources: Mapping[int, list[Attributes]]) -> str:
    attributes = box.attributes
    if box.tag in ("video", "audio", "amp-video"):
        inside = [source.get("src") or "" for source in sources.get(box.number, ())]
        return next((url for url in (attributes.get("src") or "", attributes.get("data-src") or "", *inside) if url), "")
    if box.tag == "amp-youtube":
        return f"https://www.youtube.com/watch?v={attributes.get('data-videoid') or ''}"
    if box.tag in ("iframe", "amp-iframe", "embed", "object"):
        urls = (attributes.get(name) or "" for name in ("src", "data-src", "data-lazy-src", "data"))
        return next((url for url in urls if _VIDEO.search(url)), "")
    return ""


def _is_painted(box: Box) -> bool:
    """Whether a background is the content: the element holds no text, and says that it is a picture."""
    says = box.attributes.get("role") == "img" or bool(box.own & (BIT["picture"] | BIT["gallery"]))
    return box.tag not in ("source", "svg", "body") and box.last == box.first and says


def _looks_empty(medium: Medium, url: str) -> bool:
    """Counting pixels, and icons, buttons, faces of authors that are named so and not said to be large. What is small, or a logo
    by its file's name, is left to `filters.image_size` and `filters.image_name`, which say why it goes."""
    box = medium.box
    sides = [pixels(box.attributes.get(name)) for name in ("width", "height")]
    known = [side for side in sides if side is not None]
    if any(side <= _PIXEL for side in known):
        return True
    if url.startswith("data:") or (len(known) == 2 and min(known) >= _LARGE):
        return False
    names = f"{box.attributes.get('class') or ''} {box.attributes.get('id') or ''}".replace(" ", "/").lower()
    called = f"{_host_and_path(url).lower()}/{names}"
    leads_home = medium.linked and _HOME.match(medium.linked)
    return _NO_PICTURE.search(called) is not None or _FURNITURE.search(called if leads_home else names) is not None


def _host_and_path(url: str) -> str:
    """A URL without its scheme, query and fragment."""
    return url.partition("#")[0].partition("?")[0].partition("//")[2] or url


def _name(url: str) -> str:
    return _host_and_path(url).rpartition("/")[2]


def _identity(url: str) -> str:
    """The same for one picture in several sizes."""
    if url.startswith("data:"):
        return url
    path = unquote(_host_and_path(url))
    return _SIZE.sub("", path) if _NAMED.search(path) else url
