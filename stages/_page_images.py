"""The pictures and clips of a page that belong to its main content, and where among its blocks they stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from urllib.parse import unquote

from stages._image_source import Attributes, image_source, is_stand_in, shows_nothing
from stages._page_blocks import Block, Box, Medium, Page
from stages._page_facts import joined
from stages._page_hints import BIT

_VIDEO = re.compile(
    r"youtube(?:-nocookie)?\.com/(?:embed|watch|v/|shorts)|youtu\.be/|player\.vimeo\.com|vimeo\.com/\d|dailymotion\.com/(?:embed|swf|video)|"
    r"player\.twitch\.tv|facebook\.com/plugins/video|rutube\.ru/play|bilibili\.com/player|ted\.com/(?:talks|embed)|"
    r"\.(?:mp4|webm|m4v|mov|ogv|m3u8)(?:$|\?)|brightcove|jwplatform|jwplayer|streamable\.com|wistia",
    re.IGNORECASE,
)
_BACKGROUND = re.compile(r"background(?:-image)?\s*:[^;]*?url\(\s*[\"']?([^\"')]+)", re.IGNORECASE)
_NO_PICTURE = re.compile(
    r"(?:^|[/_.-])(?:icons?|avatars?|gravatar|sprites?|spacer|pixel|1x1|blank|transparent|emojis?|smil(?:ey|ies)|favicon|share|sharing|"
    r"qr-?codes?|weixin|wechat|arrow|bullet|rss|adserver|doubleclick|beacon|tracker|tracking|counter|captcha|loader|loading|"
    r"separator|divider)(?:[/_.-]|\d|$)"
    r"|gravatar\.com|/wp-includes/|/ads?/|doubleclick\.net|scorecardresearch|feedburner|quantserve|/themes?/[^?]*\.gif",
    re.IGNORECASE,
)
# A name alone leaves these to `filters.image_name`; a class or a link says that they are furniture.
_FURNITURE = re.compile(r"(?:^|[/_.-])(?:logos?|badges?|buttons?|btn)(?:[/_.-]|\d|$)|logo[_.-]", re.IGNORECASE)
_OUTSIDE = (
    BIT["nav"] | BIT["footer"] | BIT["overlay"] | BIT["related"] | BIT["share"] | BIT["comment"] | BIT["ad"] | BIT["signup"]
)
_BESIDE = _OUTSIDE | BIT["byline"] | BIT["side"]
_OWN_PAGE = re.compile(
    r"\.(?:jpe?g|png|gif|webp|avif|svg|bmp|tiff?)(?:$|[?#/])|/wiki/[^/]*:|attachment|/photo|/image|/img|gallery|flickr|imgur",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\.(?:jpe?g|png|gif|webp|avif|bmp)$", re.IGNORECASE)
_SIZE = re.compile(r"-\d{2,4}x\d{2,4}(?=\.\w+$)")
_SMALLEST, _LARGE, _NEAR_CHARS, _ENOUGH_CHARS = 40, 100, 300, 120  # pixels, pixels, characters, characters
_SHARE, _SURE = 0.5, 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture (or `clip`) that stands before block `gap` of the page."""

    gap: int
    url: str
    alt: str
    box: Box
    clip: bool = False


def pictures(page: Page, chosen: Sequence[bool], base: str) -> list[Picture]:
    """Those in the main content, in reading order; several sizes of one picture are one, and so is a picture shown twice
    with no text between."""
    lengths = [len(block.text) for block in page.blocks]
    sizes = [0 if _is_beside_text(block) else size for block, size in zip(page.blocks, lengths, strict=True)]
    kept = [size if keep else 0 for size, keep in zip(sizes, chosen, strict=True)]
    sums = [0, *accumulate(sizes)], [0, *accumulate(kept)]
    seen: dict[str, tuple[str, int]] = {}
    found = []
    for medium, url, clip in _offered(page, lambda medium: _belongs(medium, _gap(medium, lengths), sums)):
        url = joined(base, url)
        key, gap = _identity(url), _gap(medium, lengths)
        before, at = seen.get(key, ("", 0))
        if (not before or (before == url and sums[1][at] < sums[1][gap])) and (clip or not _looks_empty(medium, url)):
            seen[key] = url, gap
            alt = " ".join((medium.box.attributes.get("alt") or medium.box.attributes.get("aria-label") or "").split())
            found.append(Picture(gap, url, alt, medium.box, clip))
    return found


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


def _gap(medium: Medium, sizes: Sequence[int]) -> int:
    """A picture inside a block stands before or after it, whichever is nearer."""
    inside = medium.chars and medium.at < len(sizes)
    return medium.at + 1 if inside and medium.chars * 2 >= sizes[medium.at] else medium.at


def _looks_empty(medium: Medium, url: str) -> bool:
    """Counting pixels, icons, buttons, faces of authors: too small, or named so and not said to be large."""
    box = medium.box
    sides = [_pixels(box.attributes.get(name)) for name in ("width", "height")]
    known = [side for side in sides if side is not None]
    if any(side <= 2 for side in known) or (len(known) == 2 and max(known) < _SMALLEST):
        return True
    if url.startswith("data:") or (len(known) == 2 and min(known) >= _LARGE):
        return False
    names = f"{box.attributes.get('class') or ''} {box.attributes.get('id') or ''}".replace(" ", "/")
    called = names if not medium.linked else f"{_host_and_path(url)}/{names}"
    return _NO_PICTURE.search(f"{_host_and_path(url)}/{names}") is not None or _FURNITURE.search(called) is not None


def _host_and_path(url: str) -> str:
    """A URL without its scheme, query and fragment."""
    return url.partition("#")[0].partition("?")[0].partition("//")[2] or url


def _pixels(value: str | None) -> float | None:
    found = re.match(r"\s*(\d{1,6}(?:\.\d+)?)\s*(?:px)?\s*$", value or "")
    return float(found[1]) if found else None


def _belongs(medium: Medium, gap: int, sums: tuple[list[int], list[int]]) -> bool:
    """A picture is content when what stands around it is: in the smallest box with some text in it, and next to it."""
    near = _near_hints(medium.box)
    if near & (BIT["hidden"] | BIT["byline"] | BIT["footer"]) and not medium.noscript:
        return False
    total, kept = sums
    around: Box | None = medium.box.parent
    while around is not None and total[around.last] - total[around.first] < _ENOUGH_CHARS:
        around = around.parent
    if around is None:
        return True  # a page of pictures
    share = (kept[around.last] - kept[around.first]) / (total[around.last] - total[around.first])
    if share < _SURE and _hints_below(medium.box, kept) & _OUTSIDE:
        return False
    if _leads_elsewhere(medium.linked) and not (share >= _SURE and kept[gap] < kept[-1] and not near & _BESIDE):
        return False
    if share < _SHARE:
        return False
    return _next_to(gap, total, kept) >= _SHARE


def _next_to(gap: int, total: Sequence[int], kept: Sequence[int]) -> float:
    """How much of the text before or after is kept, whichever is more."""
    first, last = gap, gap
    while first > 0 and total[gap] - total[first] < _NEAR_CHARS:
        first -= 1
    while last < len(total) - 1 and total[last] - total[gap] < _NEAR_CHARS:
        last += 1
    before = (kept[gap] - kept[first]) / max(total[gap] - total[first], 1)
    after = (kept[last] - kept[gap]) / max(total[last] - total[gap], 1)
    return max(before, after)


def is_caption(block: Block) -> bool:
    """Whether a block stands in a `figcaption`, or is called a caption."""
    box = block.box
    above = box.parent.own if box.parent is not None else 0
    return (block.inner.own | box.own | above) & BIT["caption"] != 0


def _is_beside_text(block: Block) -> bool:
    """Whether a block says nothing for or against the pictures around it: captions, the title, who wrote it and when."""
    if block.box.tag == "h1" or is_caption(block):
        return True
    above = block.box.parent.own if block.box.parent is not None else 0
    return (block.inner.own | block.box.own | above) & BIT["byline"] != 0


def _near_hints(box: Box) -> int:
    """The hints of the picture and the boxes close around it."""
    bits, level = box.own, 0
    around = box.parent
    while around is not None and level < 3 and around.last - around.first <= 3:
        bits |= around.own
        around, level = around.parent, level + 1
    return bits


def _hints_below(box: Box, kept: Sequence[int]) -> int:
    """The hints of the boxes around a picture that do not hold most of the main content themselves."""
    bits = 0
    around: Box | None = box
    while around is not None and 2 * (kept[around.last] - kept[around.first]) <= kept[-1]:
        bits |= around.own
        around = around.parent
    return bits


def _leads_elsewhere(link: str) -> bool:
    """Whether a picture is a link to another page, not to a larger copy of itself."""
    return bool(link) and not link.startswith(("#", "javascript:")) and not _OWN_PAGE.search(link)


def _identity(url: str) -> str:
    """The same for one picture in several sizes."""
    if url.startswith("data:"):
        return url
    path = unquote(_host_and_path(url))
    return _SIZE.sub("", path) if _NAMED.search(path) else url
