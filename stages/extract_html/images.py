"""The images and clips of a page that belong to its main content, with their URLs and the blocks that they stand in front of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from interloom.schemas.text_forms import visible_text
from interloom.stages.extract_html.class_names import BIT
from interloom.stages.extract_html.image_selection import block_after, image_selector, pixels
from interloom.stages.extract_html.image_source import Attributes, image_source, is_placeholder, shows_nothing
from interloom.stages.extract_html.metadata import absolute_url
from interloom.stages.extract_html.page import Medium, Node, Page
from interloom.stages.extract_html.readability.article import Article

_VIDEO_URL = re.compile(
    r"youtube(?:-nocookie)?\.com/(?:embed|watch|v/|shorts)|youtu\.be/|player\.vimeo\.com|vimeo\.com/\d|dailymotion\.com/(?:embed|swf|video)|"
    r"player\.twitch\.tv|facebook\.com/plugins/video|rutube\.ru/play|bilibili\.com/player|ted\.com/(?:talks|embed)|"
    r"\.(?:mp4|webm|m4v|mov|ogv|m3u8)(?:$|\?)|brightcove|jwplatform|jwplayer|streamable\.com|wistia",
    re.IGNORECASE,
)
_BACKGROUND_URL = re.compile(r"background(?:-image)?\s*:[^;]*?url\(\s*[\"']?([^\"')]+)", re.IGNORECASE)
# Icons, avatars, trackers and the like; for lower-case URLs and classes.
_NO_CONTENT_NAME = re.compile(
    r"(?:^|[/_.-])(?:icons?|avatars?|gravatar|sprites?|spacer|pixel|1x1|blank|transparent|emojis?|smil(?:ey|ies)|favicon|share|sharing|"
    r"qr-?codes?|weixin|wechat|arrow|bullet|rss|adserver|doubleclick|beacon|tracker|tracking|counter|captcha|loader|loading|"
    r"separator|divider)(?:[/_.-]|\d|$)"
    r"|gravatar\.com|/wp-includes/|/ads?/|doubleclick\.net|scorecardresearch|feedburner|quantserve|/themes?/[^?]*\.gif",
)
# Logos and buttons: boilerplate by the class, or if the image links to the home page. By the name of its file alone, an image is
# dropped by `filters.image_name`.
_LOGO_OR_BUTTON = re.compile(r"(?:^|[/_.-])(?:logos?|badges?|buttons?|btn)(?:[/_.-]|\d|$)|logo[_.-]")
_HOME_PAGE = re.compile(r"(?:(?:https?:)?//[^/?#]+)?/?(?:index\.\w+)?$")
_IMAGE_FILE = re.compile(r"\.(?:jpe?g|png|gif|webp|avif|bmp)$", re.IGNORECASE)
_SIZE_IN_NAME = re.compile(r"-\d{2,4}x\d{2,4}(?=\.\w+$)")
_TRACKER_PIXELS = 2
"""An image with a side as short is a tracking pixel or a line. Our choice."""
_LARGE_PIXELS = 100
"""An image with both sides as long is kept whatever its name is. Our choice."""
_CONTAINER_TAGS = ("p", "li", "div", "td", "th", "figure", "section", "article", "body")


@dataclass(frozen=True, slots=True, eq=False)
class PageImage:
    """An image, or a clip, that stands in front of block number `block` of the page; `url` is absolute."""

    block: int
    url: str
    alt: str
    node: Node
    is_clip: bool = False


def page_images(page: Page, article: Article, is_content: Sequence[bool], chars: Sequence[int], base_url: str) -> list[PageImage]:
    """The images and clips of the main content, in reading order; `chars` are the lengths of the blocks.

    An image that the page offers again (in another size, or in `noscript`) is returned once; if `noscript` has another URL for
    it, that URL is returned, since scripts would load it.
    """
    images: list[PageImage] = []
    by_identity: dict[str, int] = {}
    by_frame: dict[int, int] = {}
    for medium, url, is_clip in _media_with_urls(page, image_selector(page, article, is_content, chars)):
        url = absolute_url(base_url, url)
        image = PageImage(block_after(medium, chars), url, _alt(medium.node), medium.node, is_clip)
        frame = medium.node.closest("figure", "picture") or medium.node
        identity, in_same_frame = _identity(url), by_frame.get(frame.number) if medium.in_noscript else None
        earlier = by_identity.get(identity, in_same_frame)
        if earlier is not None and (earlier == in_same_frame or _is_same_image(image, images[earlier])):
            if medium.in_noscript and _file_name(url) == _file_name(images[earlier].url):
                images[earlier] = replace(images[earlier], url=url)
        elif is_clip or not _is_decoration(medium, url):
            by_identity[identity] = by_frame[frame.number] = len(images)
            images.append(image)
    return images


def _alt(node: Node) -> str:
    return " ".join(visible_text(node.attributes.get("alt") or node.attributes.get("aria-label") or "").split())


def _is_same_image(image: PageImage, earlier: PageImage) -> bool:
    """Whether two images of one identity are one image: of different URLs (sizes), or at the same place in one container."""
    if image.url.partition("//")[2] != earlier.url.partition("//")[2]:
        return True
    in_one_container = image.node.closest(*_CONTAINER_TAGS) is earlier.node.closest(*_CONTAINER_TAGS)
    return image.block == earlier.block and in_one_container


def _media_with_urls(page: Page, is_selected: Callable[[Medium], bool]) -> Iterator[tuple[Medium, str, bool]]:
    """Each selected medium that has a URL, with the URL as written, and whether it is a clip."""
    sources: dict[int, list[Attributes]] = {}
    for medium in page.media:
        if medium.node.tag == "source" and medium.node.parent is not None:
            sources.setdefault(medium.node.parent.number, []).append(medium.node.attributes)
    for medium in page.media:
        node = medium.node
        if node.tag != "source" and is_selected(medium):
            clip_url = _clip_url(node, sources)
            url = clip_url or _image_url(node, sources)
            if url:
                yield medium, url, bool(clip_url)


def _image_url(node: Node, sources: Mapping[int, list[Attributes]]) -> str:
    """The URL of an image element or of a background image that is content; empty without one."""
    if node.tag in ("img", "amp-img", "image"):
        picture = node.closest("picture") if sources else None
        url = image_source(node.attributes, sources.get(picture.number, ()) if picture is not None else ())
        return "" if shows_nothing(url) else url
    background = _BACKGROUND_URL.search(node.attributes.get("style") or "") if _is_background_image(node) else None
    return background[1].strip() if background and not is_placeholder(background[1].strip()) else ""


def _clip_url(node: Node, sources: Mapping[int, list[Attributes]]) -> str:
    """The URL of a video or audio element, or of a frame with a video player; empty for other elements."""
    attributes = node.attributes
    if node.tag in ("video", "audio", "amp-video"):
        source_urls = [source.get("src") or "" for source in sources.get(node.number, ())]
        return next((url for url in (attributes.get("src") or "", attributes.get("data-src") or "", *source_urls) if url), "")
    if node.tag == "amp-youtube":
        return f"https://www.youtube.com/watch?v={attributes.get('data-videoid') or ''}"
    if node.tag in ("iframe", "amp-iframe", "embed", "object"):
        urls = (attributes.get(name) or "" for name in ("src", "data-src", "data-lazy-src", "data"))
        return next((url for url in urls if _VIDEO_URL.search(url)), "")
    return ""


def _is_background_image(node: Node) -> bool:
    """Whether the background of an element is an image of the content: the element has no text, and is an image by its names."""
    is_named_image = node.attributes.get("role") == "img" or bool(node.own_hints & (BIT["image"] | BIT["gallery"]))
    return node.tag not in ("source", "svg", "body") and node.block_end == node.block_start and is_named_image


def _is_decoration(medium: Medium, url: str) -> bool:
    """Whether an image is a tracking pixel, or an icon, a button or an avatar by its names unless its attributes say it is large.

    Other small images, and logos by the name of their file, are left to `filters.image_size` and `filters.image_name`, which
    record why an image was dropped.
    """
    node = medium.node
    sides = [pixels(node.attributes.get(name)) for name in ("width", "height")]
    known = [side for side in sides if side is not None]
    if any(side <= _TRACKER_PIXELS for side in known):
        return True
    if url.startswith("data:") or (len(known) == 2 and min(known) >= _LARGE_PIXELS):
        return False
    names = f"{node.attributes.get('class') or ''} {node.attributes.get('id') or ''}".replace(" ", "/").lower()
    url_and_names = f"{_host_and_path(url).lower()}/{names}"
    links_home = medium.link and _HOME_PAGE.match(medium.link)
    is_logo = _LOGO_OR_BUTTON.search(url_and_names if links_home else names) is not None
    return _NO_CONTENT_NAME.search(url_and_names) is not None or is_logo


def _host_and_path(url: str) -> str:
    """A URL without its scheme, query and fragment: `"http://a.org/b.jpg?c"` -> `"a.org/b.jpg"`."""
    return url.partition("#")[0].partition("?")[0].partition("//")[2] or url


def _file_name(url: str) -> str:
    return _host_and_path(url).rpartition("/")[2]


def _identity(url: str) -> str:
    """A key that an image has in all its sizes: `"http://a.org/b-300x200.jpg?w=3"` -> `"a.org/b.jpg"`."""
    if url.startswith("data:"):
        return url
    path = unquote(_host_and_path(url))
    return _SIZE_IN_NAME.sub("", path) if _IMAGE_FILE.search(path) else url
