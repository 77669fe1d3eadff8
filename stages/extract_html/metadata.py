"""The metadata of a page: base URL, title, author, date, language, canonical URL, licence, and opt-outs from training."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from interloom.stages._web.opt_out import OF_PICTURES_OF_THE_PAGE, RSL_TYPE, joined, meta_evidence, rsl_evidence
from interloom.stages.extract_html.addresses import absolute_url
from interloom.stages.extract_html.page import Node, Page
from interloom.stages.extract_html.stated_text import StatedText, stated_text

_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")
# Names of `meta` elements, the best first.
_TITLE_NAMES = ("og:title", "twitter:title", "dc.title", "citation_title")
_AUTHOR_NAMES = (
    "author",
    "article:author",
    "dc.creator",
    "dcterms.creator",
    "parsely-author",
    "sailthru.author",
    "citation_author",
    "byl",
)
_DATE_NAMES = (
    "article:published_time",
    "og:published_time",
    "datepublished",
    "date",
    "dc.date",
    "dc.date.issued",
    "dcterms.created",
    "pubdate",
    "publishdate",
    "publish-date",
    "parsely-pub-date",
    "sailthru.date",
    "citation_publication_date",
)
_MODIFIED_NAME = "last-modified"  # instead of a date of publication
_LICENCE_NAMES = ("dcterms.license", "dc.rights.license", "license", "licence")
_MAX_VALUE_CHARS = 300
"""Titles, authors and licences are cut to this length. Our choice."""
_MAX_LANGUAGE_CHARS = 35
"""The longest language tag that programs must support (RFC 5646, section 4.4.1)."""
_MAX_BYLINE_CHARS = 80
"""A longer block is not the name of an author. Our choice."""
_MAX_JSON_CHARS = 256 << 10
"""Longer structured data is not parsed. Our choice."""
_MAX_JSON_ITEMS = 50
"""Items of a JSON-LD list that are read. Our choice."""


_HEAD_ELEMENTS = f"meta, link[rel], base, title, a[rel~='license'], script[type='application/ld+json'], script[type='{RSL_TYPE}']"


@dataclass(frozen=True, slots=True)
class PageMetadata:
    """What a page states about itself; a field is empty if the page does not state it.

    `base_url` and `canonical` are absolute if the page's URL is; `published` is YYYY-MM-DD; `opt_out` is the evidence, and
    `pictures_opt_out` that about the pictures of the page; `stated` is what the page says that its text is.
    """

    base_url: str
    title: str
    author: str
    published: str
    language: str
    canonical: str
    licence: str
    opt_out: str
    pictures_opt_out: str
    stated: StatedText


@dataclass(slots=True)
class _Head:
    """The elements of a page that state metadata: the first value of each `meta` name and of each link relation."""

    meta: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    opt_outs: list[str] = field(default_factory=list)
    pictures_opt_outs: list[str] = field(default_factory=list)
    json_ld: list[dict[str, Any]] = field(default_factory=list)
    base: str = ""
    title: str = ""


def page_metadata(parser: LexborHTMLParser, page: Page, url: str) -> PageMetadata:
    """Reads the head and the structured data (JSON-LD) of the page at `url`; falls back to its blocks."""
    head = _read_head(parser)
    base_url = absolute_url(url, head.base) if head.base else url
    return PageMetadata(
        base_url=base_url,
        title=_first(head.meta, _TITLE_NAMES) or _only_heading(page) or head.title[:_MAX_VALUE_CHARS],
        author=_author(head, page),
        published=_published(head, page),
        language=_language(parser, head.meta),
        canonical=absolute_url(base_url, head.links.get("canonical") or head.meta.get("og:url") or ""),
        licence=_licence(head, base_url),
        opt_out=joined(*head.opt_outs),
        pictures_opt_out=joined(*head.pictures_opt_outs),
        stated=stated_text(head.meta, head.json_ld),
    )


def _read_head(parser: LexborHTMLParser) -> _Head:
    head = _Head()
    for node in parser.css(_HEAD_ELEMENTS):
        attributes = node.attributes
        if node.tag == "meta":
            _read_meta(attributes, head)
        elif node.tag in ("link", "a"):
            for rel in (attributes.get("rel") or "").lower().split():
                head.links.setdefault(rel, attributes.get("href") or "")
        elif node.tag == "base":
            head.base = head.base or attributes.get("href") or ""
        elif node.tag == "title":
            head.title = head.title or " ".join(node.text().split())
        elif attributes.get("type") == RSL_TYPE:
            head.opt_outs.append(rsl_evidence(node.text()))
        else:
            head.json_ld += _json_ld_objects(node.text())
    return head


def _read_meta(attributes: Mapping[str, str | None], head: _Head) -> None:
    get = attributes.get
    name = (get("name") or get("property") or get("itemprop") or get("http-equiv") or "").strip().lower()
    content = (attributes.get("content") or "").strip()
    head.meta.setdefault(name, content)
    about_pictures = meta_evidence(name, content, OF_PICTURES_OF_THE_PAGE)
    if about_pictures:
        head.pictures_opt_outs.append(about_pictures)
        head.opt_outs.append(meta_evidence(name, content))


def _first(meta: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((" ".join(meta[name].split())[:_MAX_VALUE_CHARS] for name in names if meta.get(name)), "")


def _only_heading(page: Page) -> str:
    """The text of the `h1` elements if it is the same in all; else empty."""
    headings = {block.text for block in page.blocks if block.node.tag == "h1"}
    return headings.pop().replace("\n", " ")[:_MAX_VALUE_CHARS] if len(headings) == 1 else ""


def _json_ld_objects(text: str) -> Iterator[dict[str, Any]]:
    """The objects of a JSON-LD script, those in lists and graphs too; none if it is not valid JSON or over 256 KiB.

    `'[{"@graph": [{"name": "a"}]}]'` yields the outer object, then `{"name": "a"}`.
    """
    try:
        pending = [json.loads(text)] if len(text) <= _MAX_JSON_CHARS else []
    except (ValueError, RecursionError):
        return
    while pending:
        value = pending.pop(0)
        if isinstance(value, list):
            pending += value[:_MAX_JSON_ITEMS]
        elif isinstance(value, dict):
            yield value
            pending += [value[key] for key in ("@graph", "mainEntity") if key in value]


def _author(head: _Head, page: Page) -> str:
    """From `meta` elements, else from JSON-LD (several names joined by `; `), else from an element marked as the author."""
    named = _first(head.meta, _AUTHOR_NAMES)
    if named and not named.startswith(("http:", "https:", "/")):
        return named
    for item in head.json_ld:
        authors = item.get("author")
        names = [_name(author) for author in (authors if isinstance(authors, list) else [authors])]
        if any(names):
            return "; ".join(name for name in names if name)[:_MAX_VALUE_CHARS]
    bylines = (block for block in page.blocks if block.inner_node.attributes and len(block.text) < _MAX_BYLINE_CHARS)
    return next((block.text for block in bylines if _is_author(block.inner_node)), "")


def _name(author: Any) -> str:
    name = author.get("name") if isinstance(author, dict) else author
    return " ".join(name.split()) if isinstance(name, str) else ""


def _is_author(node: Node) -> bool:
    attributes = node.attributes
    return "author" in (attributes.get("rel") or "").split() or attributes.get("itemprop") in ("author", "name author")


def _published(head: _Head, page: Page) -> str:
    """The first date in `meta` elements, JSON-LD, `time` elements, and the date of the last modification, in this order."""
    texts = [head.meta[name] for name in _DATE_NAMES if name in head.meta]
    texts += [item["datePublished"] for item in head.json_ld if isinstance(item.get("datePublished"), str)]
    texts += [node.attributes.get("datetime") or "" for node in page.nodes if node.tag == "time"]
    texts.append(head.meta.get(_MODIFIED_NAME, ""))
    return next((date[0] for text in texts if (date := _DATE.search(text))), "")


def _language(parser: LexborHTMLParser, meta: Mapping[str, str]) -> str:
    root = parser.root
    attributes = root.attributes if root is not None else {}
    language = attributes.get("lang") or attributes.get("xml:lang") or meta.get("content-language") or meta.get("og:locale") or ""
    return language.strip()[:_MAX_LANGUAGE_CHARS]


def _licence(head: _Head, base_url: str) -> str:
    """From a link with the relation `license`, else from `meta` elements, else from JSON-LD; a URL if the page gives one."""
    in_json_ld = [item["license"] for item in head.json_ld if isinstance(item.get("license"), str)]
    stated = head.links.get("license") or _first(head.meta, _LICENCE_NAMES) or (in_json_ld[0] if in_json_ld else "")
    return absolute_url(base_url, stated)
