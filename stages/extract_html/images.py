"""The images and clips of a page that belong to its main content, and why each other picture of the page is left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from interloom.schemas.text_forms import visible_text
from interloom.stages.extract_html.class_names import BIT
from interloom.stages.extract_html.clips import clip_url
from interloom.stages.extract_html.image_names import is_icon, is_placeholder
from interloom.stages.extract_html.image_selection import block_after, pixels
from interloom.stages.extract_html.image_source import Attributes, image_source, shows_nothing
from interloom.stages.extract_html.metadata import absolute_url
from interloom.stages.extract_html.page import Medium, Node, Page
from interloom.stages.extract_html.picture_identity import (
    IMAGE_FILE,
    PageImage,
    file_name,
    host_and_path,
    identity,
    is_preview_of,
    is_same_image,
    share_frame,
)
from interloom.stages.extract_html.previews import is_smaller, names_preview
from interloom.stages.extract_html.structured_images import empty_figures

_BACKGROUND_URL = re.compile(r"background(?:-image)?\s*:[^;]*?url\(\s*[\"']?([^\"')]+)", re.IGNORECASE)
_TRACKER_PIXELS = 2
"""An image with a side as short is a tracking pixel or a line. Our choice."""
_LARGE_PIXELS = 100
"""A picture with both sides as long is no icon, whatever its name is. Our choice."""


Reason = Literal[
    "in_boilerplate", "outside_content", "no_address", "same_picture", "preview", "tracking_pixel", "decoration", "formula"
]
"""Why a picture is left out: it stands in an element that is skipped (navigation, footers, hidden elements), or elsewhere outside
of the main content; no attribute names a picture; it is shown already, in another size or for browsers without scripts; a side
has at most 2 pixels; it is an icon of the page's software; it shows a formula,
which is text."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A picture of the page that is no image of its main content, with its absolute URL, and why."""

    url: str
    reason: Reason


@dataclass(slots=True)
class PageImages:
    """The images and clips of the main content in reading order, and all other pictures of the page."""

    kept: list[PageImage] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


NamedPictures = Callable[[Sequence[Node], Sequence[str]], Mapping[int, str]]
"""Says which pictures data name for figures without a picture, given the addresses of the pictures of the page."""


def page_images(
    page: Page, chars: Sequence[int], is_selected: Callable[[Medium], bool], base_url: str, named: NamedPictures
) -> PageImages:
    """Every picture of the page, either kept or left out; `chars` are the lengths of the blocks.

    An image that the page offers again (in another size, or in `noscript`) is kept once; if `noscript` has another URL for
    it, that URL is taken, since scripts would load it.
    """
    collector = _Collector(chars, is_selected, _sources(page), base_url)
    for medium in page.media:
        collector.add(medium)
    images = collector.images
    figures = empty_figures(page, collector.shown)
    if figures:
        shown = [image.url for image in images.kept] + [picture.url for picture in images.left_out]
        for number, url in named(figures, shown).items():
            figure = page.nodes[number]
            medium = Medium(figure, figure.block_start, 0, False, "")
            if is_selected(medium):
                collector.keep(medium, absolute_url(base_url, url))
        images.kept.sort(key=lambda image: image.node.number)
    for attributes, in_formula in page.skipped_pictures:
        url = absolute_url(base_url, image_source(attributes))
        images.left_out.append(LeftOut(url, "formula" if in_formula else "in_boilerplate"))
    return images


def _sources(page: Page) -> dict[int, list[Attributes]]:
    """The attributes of the `source` elements, by the number of the node that they are in."""
    sources: dict[int, list[Attributes]] = {}
    for medium in page.media:
        if medium.node.tag == "source" and medium.node.parent is not None:
            sources.setdefault(medium.node.parent.number, []).append(medium.node.attributes)
    return sources


@dataclass(slots=True)
class _Collector:
    chars: Sequence[int]
    is_selected: Callable[[Medium], bool]
    sources: Mapping[int, Sequence[Attributes]]
    base_url: str
    images: PageImages = field(default_factory=PageImages)
    by_identity: dict[str, int] = field(default_factory=dict)
    by_frame: dict[int, int] = field(default_factory=dict)
    shown: list[int] = field(default_factory=list)

    def add(self, medium: Medium) -> None:
        clip = clip_url(medium.node, self.sources)
        if clip:
            self.shown.append(medium.node.number)
            if self.is_selected(medium):
                self.keep(medium, absolute_url(self.base_url, clip), is_clip=True)
        elif _is_picture(medium.node):
            url = absolute_url(self.base_url, _link_to_full(medium) or _image_url(medium.node, self.sources))
            self.shown += [medium.node.number] if url else []
            reason = self.reason(medium, url) or self.keep(medium, url)
            if reason:
                url = url or absolute_url(self.base_url, medium.node.attributes.get("src") or "")
                self.images.left_out.append(LeftOut(url, reason))

    def reason(self, medium: Medium, url: str) -> Reason | None:
        """Why a picture is left out whatever else the page shows."""
        if not url:
            return "no_address"
        if not self.is_selected(medium):
            return "outside_content"
        return None

    def keep(self, medium: Medium, url: str, is_clip: bool = False) -> Reason | None:
        """Keeps a medium unless it is kept already or shows nothing to readers; returns why not."""
        kept = self.images.kept
        image = PageImage(block_after(medium, self.chars), url, _alt(medium.node), medium.node, is_clip)
        frame = medium.node.closest("figure", "picture") or medium.node
        name, in_same_frame = identity(url), self.by_frame.get(frame.number) if medium.in_noscript else None
        earlier = self.by_identity.get(name, in_same_frame)
        if earlier is not None and (earlier == in_same_frame or is_same_image(image, kept[earlier])):
            if medium.in_noscript and file_name(url) == file_name(kept[earlier].url):
                kept[earlier] = replace(kept[earlier], url=url)
            elif share_frame(image, kept[earlier]) and is_smaller(kept[earlier].url, url):
                self.images.left_out.append(LeftOut(kept[earlier].url, "preview"))
                kept[earlier] = replace(image, alt=image.alt or kept[earlier].alt)
                self.by_identity[name] = earlier
                return None
            return "same_picture"
        if not is_clip and _is_line(medium.node):
            return "tracking_pixel"
        if not is_clip and _is_icon(medium, url):
            return "decoration"
        if not is_clip and kept and (reason := self.replace_preview(image)):
            return None if reason == "replaced" else "preview"
        self.by_identity[name] = self.by_frame[frame.number] = len(kept)
        kept.append(image)
        return None

    def replace_preview(self, image: PageImage) -> Literal["replaced", "preview", ""]:
        """Takes a picture instead of its preview, if that was the last one; or says that it is a preview of the last one."""
        last = self.images.kept[-1]
        if last.is_clip or not share_frame(image, last):
            return ""
        if is_preview_of(last, image):
            self.images.left_out.append(LeftOut(last.url, "preview"))
            self.images.kept[-1] = replace(image, alt=image.alt or last.alt)
            self.by_identity[identity(image.url)] = len(self.images.kept) - 1
            return "replaced"
        return "preview" if is_preview_of(image, last) else ""


def _alt(node: Node) -> str:
    return " ".join(visible_text(node.attributes.get("alt") or node.attributes.get("aria-label") or "").split())


def _link_to_full(medium: Medium) -> str:
    """The picture that the link around a preview leads to; "" for others."""
    names = medium.node.attributes.get("class") or ""
    is_full_file = IMAGE_FILE.search(host_and_path(medium.link)) is not None
    return medium.link if is_full_file and names_preview(names) else ""


def _is_picture(node: Node) -> bool:
    return node.tag in ("img", "amp-img", "image") or _is_background_image(node)


def _image_url(node: Node, sources: Mapping[int, Sequence[Attributes]]) -> str:
    """The URL of an image element or of a background image that is content; empty without one."""
    if node.tag in ("img", "amp-img", "image"):
        picture = node.closest("picture") if sources else None
        url = image_source(node.attributes, sources.get(picture.number, ()) if picture is not None else ())
        return "" if shows_nothing(url) else url
    background = _BACKGROUND_URL.search(node.attributes.get("style") or "")
    return background[1].strip() if background and not is_placeholder(background[1].strip()) else ""


def _is_background_image(node: Node) -> bool:
    """Whether the background of an element is an image of the content: the element has no text, and is an image by its names."""
    if "url(" not in (node.attributes.get("style") or ""):
        return False
    is_named_image = node.attributes.get("role") == "img" or bool(node.own_hints & (BIT["image"] | BIT["gallery"]))
    return node.tag not in ("source", "svg", "body") and node.block_end == node.block_start and is_named_image


def _is_line(node: Node) -> bool:
    sides = [pixels(node.attributes.get(name)) for name in ("width", "height")]
    return any(side is not None and side <= _TRACKER_PIXELS for side in sides)


def _is_icon(medium: Medium, url: str) -> bool:
    """Whether a picture is an icon by its class or address, unless its attributes say that it is large."""
    node = medium.node
    sides = [pixels(node.attributes.get(name)) or 0 for name in ("width", "height")]
    if url.startswith("data:") or min(sides) >= _LARGE_PIXELS:
        return False
    return is_icon(f"{node.attributes.get('class') or ''} {node.attributes.get('id') or ''}", url, medium.link)
