"""A page's words and pictures in document order, read off its parse tree (lxml)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from stages._image_source import image_source, is_stand_in, shows_nothing

_UNSEEN = frozenset(("head", "script", "style", "template", "svg", "iframe", "object", "select", "textarea", "math", "canvas"))
_ASIDE_TAGS = frozenset(("nav", "footer", "aside", "menu", "dialog"))
_ASIDE_WORDS = (
    "nav|navbar|navigation|menu|footer|sidebar|related|share|sharing|social|promo|promos|advert|advertisement|ad|ads|banner|"
    "avatar|gravatar|byline|comment|comments|recommended|recommendations|newsletter|breadcrumb|breadcrumbs|logo|widget|sponsor|"
    "sponsored|popular|trending|subscribe|signup|emoji|icon|outbrain|taboola|masthead|author"
)
_ASIDE = re.compile(rf"(?:^|[\s_-])(?:{_ASIDE_WORDS})(?:$|[\s_-])", re.IGNORECASE)
_CAPTIONS = ".//figcaption|.//*[(self::p or self::div or self::span or self::dd) and contains(@class, 'caption')]"
_LONGEST_CAPTION = 1000
# Scripts that write no spaces are aligned sign by sign.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")


@dataclass(frozen=True, slots=True)
class PageImage:
    """A picture that stands before word `at` of the page. `aside` is the span of words of the smallest box around
    it that is called boilerplate (a tag like `nav`, a class like `related`); (0, 0) when there is none."""

    at: int
    url: str
    alt: str
    caption: str
    aside: tuple[int, int]


@dataclass(slots=True)
class PageOrder:
    words: list[str] = field(default_factory=list)
    images: list[PageImage] = field(default_factory=list)


def words_of(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def parsed(html: str) -> Any | None:
    """The page as an lxml tree without comments, None when nothing is in it."""
    from lxml import etree
    from lxml.html import HTMLParser, document_fromstring

    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False)
    try:
        return document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except etree.LxmlError:
        return None


def page_order(tree: Any) -> PageOrder:
    """The words and pictures of the page. Changes the tree: `noscript` is resolved, captions of pictures are taken out."""
    from lxml import etree

    for element in list(tree.iter("noscript")):
        _resolve_noscript(element)
    captions = _take_captions(tree)
    order, boxes = PageOrder(), list[_Box]()
    walk = etree.iterwalk(tree, events=("start", "end"))
    for event, element in walk:
        if event == "start":
            if _is_aside(element):
                boxes.append(_Box(element, len(order.words)))
            if element.tag in _UNSEEN:
                walk.skip_subtree()
                continue
            if element.tag == "img":
                _add_image(order, element, captions, boxes)
            order.words += words_of(element.text or "")
        else:
            if boxes and boxes[-1].element is element:
                _close(boxes.pop(), order)
            order.words += words_of(element.tail or "")
    return order


@dataclass(slots=True)
class _Box:
    """A box called boilerplate that is open while the page is walked, and the pictures in it."""

    element: Any
    start: int
    images: list[int] = field(default_factory=list)


def _close(box: _Box, order: PageOrder) -> None:
    for n in box.images:
        order.images[n] = replace(order.images[n], aside=(box.start, len(order.words)))


def _is_aside(element: Any) -> bool:
    if element.tag in _ASIDE_TAGS:
        return True
    if element.tag in ("body", "html", "main", "article"):
        return False
    return _ASIDE.search(f"{element.get('class', '')} {element.get('id', '')}"[:300]) is not None


def _add_image(order: PageOrder, img: Any, captions: dict[Any, str], boxes: list[_Box]) -> None:
    url = image_source(img)
    tiny = any(img.get(side, "").strip().removesuffix("px") in ("0", "1", "2") for side in ("width", "height"))
    if not url or tiny or shows_nothing(url):
        return
    if boxes:
        boxes[-1].images.append(len(order.images))
    order.images.append(PageImage(len(order.words), url, _line(img.get("alt", "")), captions.get(img, ""), (0, 0)))


def _resolve_noscript(noscript: Any) -> None:
    """The picture for readers without scripts takes the place of the stand-in before it, or stands for itself."""
    spare = next(noscript.iter("img"), None)
    if spare is None:
        noscript.drop_tree()
        return
    before = noscript.getprevious()
    shown = next(before.iter("img"), None) if before is not None else None
    if shown is None:
        noscript.drop_tag()
        return
    if is_stand_in(image_source(shown)):
        shown.set("data-src", image_source(spare))
    noscript.drop_tree()


def _take_captions(tree: Any) -> dict[Any, str]:
    captions: dict[Any, str] = {}
    for element in tree.xpath(_CAPTIONS):
        box = _figure(element)
        img = next(box.iter("img"), None) if box is not None else None
        text = _line(element.text_content())
        if img is None or img in captions or len(text) > _LONGEST_CAPTION or next(element.iter("img"), None) is not None:
            continue
        captions[img] = text
        element.drop_tree()
    return captions


def _figure(caption: Any) -> Any | None:
    if caption.tag == "figcaption":
        figure = next(caption.iterancestors("figure"), None)
        return figure if figure is not None else caption.getparent()
    return caption.getparent()


def _line(text: str) -> str:
    return " ".join(text.split())
