"""What a page says of itself: base address, language, licence, and whether it may be used for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

_OPT_OUTS = ("noai", "noimageai")


@dataclass(frozen=True, slots=True)
class PageFacts:
    base: str
    language: str
    licence: str
    opt_out: str


def page_facts(tree: Any, url: str) -> PageFacts:
    """Reads an lxml tree; `base` is absolute when `url` is."""
    base = next((joined(url, element.get("href", "")) for element in tree.iter("base") if element.get("href")), url)
    return PageFacts(base, _language(tree), _licence(tree, base), _opt_out(tree))


def joined(base: str, url: str) -> str:
    """`url` made absolute; as it stands when it is no URL at all."""
    try:
        return urljoin(base, url.strip())
    except ValueError:
        return url.strip()


def _language(tree: Any) -> str:
    root = tree.getroottree().getroot()
    return (root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or root.get("xml:lang") or "").strip()[:35]


def _licence(tree: Any, base: str) -> str:
    for element in tree.iter("a", "link"):
        if "license" in element.get("rel", "").lower().split() and element.get("href"):
            return joined(base, element.get("href"))
    return ""


def _opt_out(tree: Any) -> str:
    """The evidence: `robots` words noai and noimageai (DeviantArt, 2022), `tdm-reservation` (W3C TDMRep, section 6.3)."""
    found = []
    for meta in tree.iter("meta"):
        name, content = meta.get("name", "").strip().lower(), meta.get("content", "").strip().lower()
        if name == "tdm-reservation" and content == "1":
            found.append("meta tdm-reservation: 1")
        words = [word for word in _OPT_OUTS if word in content.replace(",", " ").split()]
        if words and name in ("robots", "googlebot", "bingbot"):
            found.append(f"meta {name}: {', '.join(words)}")
    return "; ".join(dict.fromkeys(found))
