"""The images and clips of a page that belong to its main content, and why each other picture of the page is left out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from interloom.schemas.text_forms import visible_text
from interloom.stages.extract_html.addresses import absolute_url
from interloom.stages.extract_html.clips import clip_url
from interloom.stages.extract_html.image_names import is_icon
from interloom.stages.extract_html.image_selection import block_after, pixels
from interloom.stages.extract_html.image_source import Attributes, image_source
from interloom.stages.extract_html.page import Medium, Node, Page, Reason
from interloom.stages.extract_html.picture_elements import is_picture, picture_address, poster, style_address
from interloom.stages.extract_html.picture_identity import (
    IMAGE_FILE,
    PageImage,
    file_name,
    host_and_path,
    identity,
    is_for_other_screens,
    is_preview_of,
    is_same_image,
    share_frame,
)
from interloom.stages.extract_html.previews import is_smaller, is_variant, names_preview
from interloom.stages.extract_html.structured_images import empty_figures

_TRACKER_PIXELS = 2
"""An image with a side as short is a tracking pixel or a line. Our choice."""
_IMG_TAGS = ("img", "amp-img")
_LARGE_PIXELS = 100
"""A picture with both sides as long is no icon, whatever its name is. Our choice."""


class LeftOut(NamedTuple):
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
    media = [medium.node.number for medium in page.media]
    imgs = [number for number in media if page.nodes[number].tag in _IMG_TAGS]
    collector = _Collector(chars, is_selected, media, imgs, _sources(page), base_url)
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
    images.left_out += [LeftOut(absolute_url(base_url, url), reason) for url, reason in page.skipped_pictures]
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
    media: Sequence[int]
    img_numbers: Sequence[int]
    sources: Mapping[int, Sequence[Attributes]]
    base_url: str
    images: PageImages = field(default_factory=PageImages)
    by_identity: dict[str, int] = field(default_factory=dict)
    by_frame: dict[int, int] = field(default_factory=dict)
    shown: list[int] = field(default_factory=list)
    clips_end: int = 0  # the number of the first node after the clips that have been kept

    def add(self, medium: Medium) -> None:
        node = medium.node
        clip = clip_url(node, self.sources)
        if clip:
            self.add_clip(medium, clip)
        elif node.tag == "source":
            self.add_source(medium)
        elif is_picture(node, self.holds_media(node)):
            self.add_picture(medium, _link_to_full(medium) or self.address(node))
        else:
            url = style_address(node.attributes) if self.holds_media(node) else picture_address(node.tag, node.attributes)
            self.images.left_out += [LeftOut(absolute_url(self.base_url, url), "background")] if url else []

    def add_clip(self, medium: Medium, clip: str) -> None:
        """Adds a clip; the picture that it shows until it plays stands for the clip itself."""
        self.shown.append(medium.node.number)
        is_kept = self.is_selected(medium)
        if is_kept:
            self.clips_end = max(self.clips_end, medium.node.end)
            self.keep(medium, absolute_url(self.base_url, clip), is_clip=True)
        url = poster(medium.node.attributes)
        reason: Reason = "preview" if is_kept else "outside_content"
        self.images.left_out += [LeftOut(absolute_url(self.base_url, url), reason)] if url else []

    def add_source(self, medium: Medium) -> None:
        """Adds the picture of a `picture` that has no `img`, with its first `source`.

        Beside an `img` in one figure it is the same picture for windows of another size.
        """
        holder = medium.node.parent
        if holder is None or holder.tag != "picture" or self.sources[holder.number][0] is not medium.node.attributes:
            return
        if self.holds_img(holder):
            return
        address = image_source({}, self.sources[holder.number])
        figure = holder.closest("figure")
        if figure is not None and self.holds_img(figure):
            self.images.left_out.append(LeftOut(absolute_url(self.base_url, address), "same_picture"))
        else:
            self.add_picture(medium, address)

    def add_picture(self, medium: Medium, address: str) -> None:
        url = absolute_url(self.base_url, address)
        self.shown += [medium.node.number] if url else []
        reason = self.reason(medium, url) or self.keep(medium, url)
        if reason:
            url = url or absolute_url(self.base_url, medium.node.attributes.get("src") or "")
            self.images.left_out.append(LeftOut(url, reason))

    def address(self, node: Node) -> str:
        """The address of a picture as written; empty without one."""
        picture = node.closest("picture") if self.sources else None
        return picture_address(node.tag, node.attributes, self.sources.get(picture.number, ()) if picture is not None else ())

    def holds_img(self, node: Node) -> bool:
        after = bisect_right(self.img_numbers, node.number)
        return after < len(self.img_numbers) and self.img_numbers[after] < node.end

    def holds_media(self, node: Node) -> bool:
        """Whether an element that shows a picture stands in this one."""
        after = bisect_right(self.media, node.number)
        return after < len(self.media) and self.media[after] < node.end

    def reason(self, medium: Medium, url: str) -> Reason | None:
        """Why a picture is left out whatever else the page shows."""
        if not url:
            return "no_address"
        if not self.is_selected(medium):
            return "outside_content"
        return "preview" if medium.node.number < self.clips_end else None

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
        if not is_clip and kept and is_variant(url, kept[-1].url) and is_for_other_screens(medium.node, kept[-1].node):
            return "same_picture"
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
