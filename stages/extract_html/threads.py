"""Finds the posts of a thread: questions with answers, forum topics, discussions; and the comments under an article."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from interloom.stages.extract_html.thread_markup import (
    ARTICLE_MARKS,
    AUTHORS,
    BODIES,
    DATES,
    ITEM_NAME,
    ITEMS,
    POST_BODIES,
    THREAD_WORDS,
)

_NUMBER_OR_STATE = re.compile(
    r"\d+|\b(?:odd|even|first|last|alt|byuser|bypostauthor|depth|parent|active|new|unread)\b|[-_](?=\s|$)"
)
_DATE_ATTRIBUTES = ("datetime", "content", "title", "data-tippy-content")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_MAX_LOOKED_AT = 3
"""So many elements that may be the author or the date are looked at for each way to mark them. Our choice."""
_MAX_AUTHOR_CHARS = 60
_MAX_DATE_CHARS = 60
"""Longer texts are not the name of an author, or a date. Our choice."""
_MIN_POSTS = 2
_MAX_POSTS = 2000
"""What follows in a longer thread is left to the classifier. Our choice."""
_MIN_ITEM_CHARS = 15
"""Repeated elements with less text on average are no posts. Our choice."""


@dataclass(frozen=True, slots=True)
class Post:
    """The text of a post as a node of the parser, its author, and its date, as written or as YYYY-MM-DD; "" if unknown."""

    body: Any
    author: str
    date: str

    @property
    def heading(self) -> str:
        return ", ".join(part for part in (self.author, self.date) if part)

    def ancestors(self) -> Iterable[Any]:
        """The elements around the text, without `body`."""
        return _ancestors(self.body)


def thread_posts(parser: LexborHTMLParser) -> list[Post]:
    """The posts of a thread in the markup of the usual software, in order; else none."""
    bodies = _outermost(parser.css(", ".join(POST_BODIES)))
    return _posts(bodies) if len(bodies) >= _MIN_POSTS else []


def comments(parser: LexborHTMLParser, but_answers: bool = False) -> list[Post]:
    """The comments of a page, in order: repeated elements that are named as comments, answers, replies or messages.

    With `but_answers` only if their names do not say that they are comments.
    """
    items = _repeated_items(parser)
    if but_answers and any("comment" in _names(item).lower() for item in items[:1]):
        return []
    return _posts([_body_of(item) for item in items])


def is_article(html: bytes) -> bool:
    """Whether the page says that it is an article, so that comments on it are not its content."""
    return any(mark in html for mark in ARTICLE_MARKS) or html.count(b"<article") == 1


def is_named_thread(parser: LexborHTMLParser, url: str) -> bool:
    """Whether the address of a page, or the names of its body, say that it is a thread: `"/forum/viewtopic?t=3"`."""
    body = parser.body
    names = " ".join((body.attributes.get(name) or "") for name in ("class", "id")) if body is not None else ""
    return THREAD_WORDS.search(f"{url.partition('//')[2].partition('/')[2]} {names}") is not None


def _outermost(nodes: Iterable[Any]) -> list[Any]:
    """The nodes that are in no other, at most 2000, in document order; without those that have no text."""
    outer, seen = list[Any](), set[int]()
    for node in nodes:
        if len(outer) >= _MAX_POSTS:
            break
        if node.mem_id not in seen and not any(ancestor.mem_id in seen for ancestor in _ancestors(node)):
            seen.add(node.mem_id)
            outer.append(node)
    return [node for node in outer if (node.text() or "").strip()]


def _ancestors(node: Any) -> Iterable[Any]:
    while (node := node.parent) is not None and node.tag not in ("body", "html"):
        yield node


def _repeated_items(parser: LexborHTMLParser) -> list[Any]:
    """The elements named as posts that have the same tag and names and hold the most text; none if they are fewer than two."""
    groups: dict[tuple[str, str], list[Any]] = {}
    for node in parser.css(ITEMS):
        names = _names(node)
        if ITEM_NAME.search(names) is not None:
            groups.setdefault((node.tag or "", _NUMBER_OR_STATE.sub("", names).strip()), []).append(node)
    best, most = list[Any](), 0
    for group in groups.values():
        items = _outermost(group) if _MIN_POSTS <= len(group) <= _MAX_POSTS else []
        chars = _chars(items)
        if len(items) >= _MIN_POSTS and chars > most and chars >= _MIN_ITEM_CHARS * len(items):
            best, most = items, chars
    return best


def _names(node: Any) -> str:
    attributes = node.attributes
    return attributes.get("class") or attributes.get("id") or ""


def _chars(nodes: Sequence[Any]) -> int:
    return sum(len((node.text() or "").strip()) for node in nodes)


def _body_of(item: Any) -> Any:
    """The element with the text of a post: the one with the most text that is named so; else the whole post."""
    bodies = [node for node in item.css(BODIES) if node.mem_id != item.mem_id]
    return max(bodies, key=lambda node: len((node.text() or "").strip()), default=item) if bodies else item


def _posts(bodies: Sequence[Any]) -> list[Post]:
    holders: dict[int, int] = {}
    for body in bodies:
        for ancestor in _ancestors(body):
            holders[ancestor.mem_id] = holders.get(ancestor.mem_id, 0) + 1
    return [_post(body, holders) for body in bodies]


def _post(body: Any, holders: dict[int, int]) -> Post:
    """A post with author and date, which stand in the largest element around its text that holds no other post."""
    container = body
    for ancestor in _ancestors(body):
        if holders[ancestor.mem_id] > 1:
            break
        container = ancestor
    outside = [container] if container is not body else []
    before = container.prev
    while outside and before is not None and not before.tag[:1].isalnum():
        before = before.prev
    if before is not None and outside and before.tag in ("div", "header", "tr") and holders.get(before.mem_id, 0) == 0:
        outside.append(before)
    return Post(body, _author(outside, body), _date(outside, body))


def _author(containers: Sequence[Any], body: Any) -> str:
    for container in containers:
        for name in ("data-author", "data-username", "author"):
            if container.attributes.get(name):
                return str(container.attributes[name])
        for node in _outside(container, AUTHORS, body):
            named = next((link for link in node.css("a")[:_MAX_LOOKED_AT] if (link.text() or "").strip()), node)
            text = " ".join((named.text() or "").split())
            if 0 < len(text) <= _MAX_AUTHOR_CHARS:
                return text
    return ""


def _date(containers: Sequence[Any], body: Any) -> str:
    """The first date in figures that the elements around a post state; else the first text that may be one."""
    written = ""
    for container in containers:
        for node in _outside(container, DATES, body):
            text = " ".join((node.text() or "").split()).strip("«»·•|, ")
            if iso := _iso_date((node, *node.css("[title]")[:_MAX_LOOKED_AT]), text):
                return iso
            if not written and 0 < len(text) <= _MAX_DATE_CHARS and any(map(str.isdigit, text)):
                written = text
    titled = (node for container in containers for node in _outside(container, "[title]", body))
    return written if _YEAR.search(written) else _iso_date(titled, "") or written


def _iso_date(nodes: Iterable[Any], text: str) -> str:
    """The first date in figures in the attributes of the nodes, else in a text."""
    values = (node.attributes.get(name) or "" for node in nodes for name in _DATE_ATTRIBUTES)
    return next((match[0] for value in chain(values, [text]) if (match := _ISO_DATE.search(value))), "")


def _outside(container: Any, selector: str, body: Any) -> Iterable[Any]:
    inside = body.mem_id
    for part in selector.split(", "):
        outside = (
            node
            for node in container.css(part)
            if node.mem_id != inside and all(ancestor.mem_id != inside for ancestor in _ancestors(node))
        )
        yield from islice(outside, _MAX_LOOKED_AT)
