"""Whether a picture of a page belongs to its main content."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import accumulate, takewhile

from interloom.stages.extract_html.class_names import BIT
from interloom.stages.extract_html.page import Block, Box, Medium, Page
from interloom.stages.extract_html.readability.article import Region

_OUTSIDE = (
    BIT["nav"] | BIT["footer"] | BIT["overlay"] | BIT["related"] | BIT["share"] | BIT["comment"] | BIT["ad"] | BIT["signup"]
)
_BESIDE = _OUTSIDE | BIT["byline"] | BIT["side"]
_OWN_PAGE = re.compile(
    r"\.(?:jpe?g|png|gif|webp|avif|svg|bmp|tiff?)(?:$|[?#/])|/wiki/[^/]*:|attachment|/photo|/image|/img|gallery|flickr|imgur",
    re.IGNORECASE,
)
_NEAR_CHARS, _ENOUGH_CHARS, _LITTLE_CHARS = 300, 120, 2000
_SHARE, _SURE, _AGREED = 0.5, 0.9, 0.5
_LEAD_CHARS, _LEAD_WIDTH, _LEADING = 400, 300, frozenset(("img", "amp-img"))


def belonging(page: Page, region: Region, chosen: Sequence[bool], lengths: Sequence[int]) -> Callable[[Medium], bool]:
    """What tells whether a picture is main content: the article, or the text around it where that is not where the text is."""
    article = region.taken
    text = sum(size for size, keep in zip(lengths, chosen, strict=True) if keep)
    both = sum(size for block, size, keep in zip(page.blocks, lengths, chosen, strict=True) if keep and article[block.box.number])
    if sum(lengths) <= _LITTLE_CHARS or not region.is_sure or both < _AGREED * text:
        sums = _sums(page, chosen, lengths)
        return lambda medium: _belongs(medium, gap_of(medium, lengths), sums)
    lead = _lead(page, region, chosen, lengths)
    return lambda medium: article[medium.box.number] or medium is lead


Sums = tuple[list[int], list[int]]


def _sums(page: Page, chosen: Sequence[bool], lengths: Sequence[int]) -> Sums:
    """Characters before each block, of all and of the kept, without those that say nothing of pictures."""
    sizes = [0 if _is_beside_text(block) else size for block, size in zip(page.blocks, lengths, strict=True)]
    kept = (size if keep else 0 for size, keep in zip(sizes, chosen, strict=True))
    return [0, *accumulate(sizes)], [0, *accumulate(kept)]


def _lead(page: Page, region: Region, chosen: Sequence[bool], lengths: Sequence[int]) -> Medium | None:
    """The picture above the article that leads it, which Readability leaves behind: the first one with a frame, or wide."""
    above = takewhile(lambda medium: not region.taken[medium.box.number], page.media)
    framed = [medium for medium in above if medium.box.tag in _LEADING and not medium.linked and _has_frame(medium.box)]
    if not framed:
        return None
    sums = _sums(page, chosen, lengths)
    for medium in framed:
        gap = gap_of(medium, lengths)
        if sums[1][gap] > _LEAD_CHARS:
            return None
        if _belongs(medium, gap, sums):
            return medium
    return None


def _has_frame(box: Box) -> bool:
    return box.around("figure", "picture") is not None or (pixels(box.attributes.get("width")) or 0) >= _LEAD_WIDTH


def pixels(value: str | None) -> float | None:
    """The width or height that an attribute states."""
    found = re.match(r"\s*(\d{1,6}(?:\.\d+)?)\s*(?:px)?\s*$", value or "")
    return float(found[1]) if found else None


def gap_of(medium: Medium, sizes: Sequence[int]) -> int:
    """A picture inside a block stands before or after it, whichever is nearer."""
    inside = medium.chars and medium.at < len(sizes)
    return medium.at + 1 if inside and medium.chars * 2 >= sizes[medium.at] else medium.at


def _belongs(medium: Medium, gap: int, sums: Sums) -> bool:
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
