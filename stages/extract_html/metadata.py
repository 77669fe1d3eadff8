"""What a page says of itself: base address, title, author, date, language, licence, and whether it may be used for training."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser

from interloom.stages.extract_html.page import Box, Page

_OPT_OUTS = ("noai", "noimageai")
_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")
_TITLES = ("og:title", "twitter:title", "dc.title", "citation_title")
_AUTHORS = (
    "author",
    "article:author",
    "dc.creator",
    "dcterms.creator",
    "parsely-author",
    "sailthru.author",
    "citation_author",
    "byl",
)
_DATES = (
    *("article:published_time", "og:published_time", "datepublished", "date", "dc.date", "dc.date.issued", "dcterms.created"),
    *(
        "pubdate",
        "publishdate",
        "publish-date",
        "parsely-pub-date",
        "sailthru.date",
        "citation_publication_date",
        "last-modified",
    ),
)
_LICENCES = ("dcterms.license", "dc.rights.license", "license", "licence")
_SAYS_USE = frozenset(("tdm-reservation", "robots", "googlebot", "bingbot"))
_LONGEST, _MOST_DATA = 300, 256 << 10


@dataclass(frozen=True, slots=True)
class PageFacts:
    """`base` and `canonical` are absolute when the page's URL is; `published` is YYYY-MM-DD; what is not said is empty."""

    base: str
    title: str
    author: str
    published: str
    language: str
    canonical: str
    licence: str
    opt_out: str


def page_facts(parser: LexborHTMLParser, page: Page, url: str) -> PageFacts:
    """Reads the head, the structured data (JSON-LD) and what the blocks of the page offer where those say nothing."""
    meta: dict[str, str] = {}
    links: dict[str, str] = {}
    evidence: list[str] = []
    data: list[dict[str, Any]] = []
    base = title = ""
    for node in parser.css("meta, link[rel], base, title, script[type='application/ld+json'], a[rel~='license']"):
        attributes = node.attributes
        if node.tag == "meta":
            name = (attributes.get("name") or attributes.get("property") or attributes.get("itemprop") or "").strip().lower()
            content = (attributes.get("content") or "").strip()
            meta.setdefault(name, content)
            if name in _SAYS_USE:
                evidence += _opt_out(name, content.lower())
        elif node.tag in ("link", "a"):
            for rel in (attributes.get("rel") or "").lower().split():
                links.setdefault(rel, attributes.get("href") or "")
        elif node.tag == "base":
            base = base or attributes.get("href") or ""
        elif node.tag == "title":
            title = title or " ".join(node.text().split())
        else:
            data += _structured(node.text())
    base = joined(url, base) if base else url
    return PageFacts(
        base=base,
        title=_first(meta, _TITLES) or _heading(page) or title[:_LONGEST],
        author=_author(meta, data, page),
        published=_published(meta, data, page),
        language=_language(parser, meta),
        canonical=joined(base, links.get("canonical") or meta.get("og:url") or ""),
        licence=_licence(meta, links, data, base),
        opt_out="; ".join(dict.fromkeys(evidence)),
    )


def joined(base: str, url: str) -> str:
    """`url` made absolute; as it stands when it is no URL at all; empty when it is empty."""
    if not url:
        return ""
    try:
        return urljoin(base, url.strip())
    except ValueError:
        return url.strip()


def _first(meta: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((" ".join(meta[name].split())[:_LONGEST] for name in names if meta.get(name)), "")


def _heading(page: Page) -> str:
    """The only `h1` of the page."""
    found = {block.text for block in page.blocks if block.box.tag == "h1"}
    return found.pop().replace("\n", " ")[:_LONGEST] if len(found) == 1 else ""


def _structured(text: str) -> Iterator[dict[str, Any]]:
    """The objects of a JSON-LD script, those in lists and graphs too; nothing when it is broken or vast."""
    try:
        pending = [json.loads(text)] if len(text) <= _MOST_DATA else []
    except (ValueError, RecursionError):
        return
    while pending:
        thing = pending.pop(0)
        if isinstance(thing, list):
            pending += thing[:50]
        elif isinstance(thing, dict):
            yield thing
            pending += [thing[key] for key in ("@graph", "mainEntity") if key in thing]


def _author(meta: Mapping[str, str], data: list[dict[str, Any]], page: Page) -> str:
    named = _first(meta, _AUTHORS)
    if named and not named.startswith(("http:", "https:", "/")):
        return named
    for thing in data:
        authors = thing.get("author")
        names = [_name(author) for author in (authors if isinstance(authors, list) else [authors])]
        if any(names):
            return "; ".join(name for name in names if name)[:_LONGEST]
    return next(
        (block.text for block in page.blocks if block.inner.attributes and len(block.text) < 80 and _is_author(block.inner)), ""
    )


def _name(author: Any) -> str:
    name = author.get("name") if isinstance(author, dict) else author
    return " ".join(name.split()) if isinstance(name, str) else ""


def _is_author(box: Box) -> bool:
    attributes = box.attributes
    return "author" in (attributes.get("rel") or "").split() or attributes.get("itemprop") in ("author", "name author")


def _published(meta: Mapping[str, str], data: list[dict[str, Any]], page: Page) -> str:
    said = [meta[name] for name in _DATES[:-1] if name in meta]
    said += [thing["datePublished"] for thing in data if isinstance(thing.get("datePublished"), str)]
    said += [box.attributes.get("datetime") or "" for box in page.boxes if box.tag == "time"]
    said.append(meta.get(_DATES[-1], ""))
    return next((found[0] for text in said if (found := _DATE.search(text))), "")


def _language(parser: LexborHTMLParser, meta: Mapping[str, str]) -> str:
    root = parser.root
    attributes = root.attributes if root is not None else {}
    said = attributes.get("lang") or attributes.get("xml:lang") or meta.get("content-language") or meta.get("og:locale") or ""
    return said.strip()[:35]


def _licence(meta: Mapping[str, str], links: Mapping[str, str], data: list[dict[str, Any]], base: str) -> str:
    stated = [thing["license"] for thing in data if isinstance(thing.get("license"), str)]
    return joined(base, links.get("license") or _first(meta, _LICENCES) or (stated[0] if stated else ""))


def _opt_out(name: str, content: str) -> list[str]:
    """The evidence: `robots` words noai and noimageai (DeviantArt, 2022), `tdm-reservation` (W3C TDMRep, section 6.3)."""
    if name == "tdm-reservation":
        return ["meta tdm-reservation: 1"] if content == "1" else []
    words = [word for word in _OPT_OUTS if word in content.replace(",", " ").split()]
    return [f"meta {name}: {', '.join(words)}"] if words else []
