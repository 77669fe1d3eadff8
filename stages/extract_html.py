"""A page's main text and pictures in reading order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from pipeline.stage import Limits, Stage
from schemas.document import Document, Element, Image, Source, Text
from schemas.outcome import Drop, Dropped, Outcome
from stages._charset import decoded
from stages._content_type import sniffed
from stages._page_align import placed
from stages._page_facts import PageFacts, joined, page_facts
from stages._page_tree import PageImage, page_order, parsed
from stages._trafilatura_blocks import Article, article

# What XML cannot hold and lxml therefore refuses to write: control characters, raw or as references.
_UNWRITABLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
    r"|&#(?:x0*(?:[0-8bcef]|1[0-9a-f]|fff[ef])|0*(?:[0-8]|1[1-24-9]|2[0-9]|3[01]|6553[45]))(?:;|(?![0-9a-f]))",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[!?/a-zA-Z]")


@dataclass(frozen=True, kw_only=True)
class ExtractHtml(Stage):
    """The main content of a page's HTML: text blocks with their roles and pictures with absolute URLs, alt and caption.

    trafilatura (Barbaresi, ACL 2021 demos) chooses the text; a picture stays when the words next to it in the page did.
    What says how the page may be used goes to `source.licence` and `source.opt_out`, its title, author and date of
    publication and its language to `labels`.
    """

    isolated: ClassVar[Limits | None] = Limits(timeout_s=30.0)

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            yield extracted(doc)


def blocks(html: bytes, url: str) -> list[dict[str, str]]:
    """What is extracted, as plain blocks in reading order: `{"type": "text", "text"}` or `{"type": "image", "src", "alt"}`."""
    doc = extracted(Document(id="", source=Source(url=url), body=html))
    elements = doc.elements if isinstance(doc, Document) else ()
    return [
        {"type": "text", "text": e.text} if isinstance(e, Text) else {"type": "image", "src": e.url, "alt": e.alt}
        for e in elements
        if isinstance(e, Text | Image)
    ]


def extracted(doc: Document) -> Document | Dropped:
    """The document with elements instead of a body, or why it has none."""
    html = _markup(doc.body or b"", doc.source.content_type)
    tree = parsed(html) if html else None
    if tree is None:
        return Dropped(doc.id, Drop("not_html"), url=doc.source.url)
    facts = page_facts(tree, doc.source.url)
    order = page_order(tree)
    main = article(tree, doc.source.url)
    gaps = placed(order, [block.text for block in main.blocks])
    elements = _numbered(main, gaps, facts.base)
    if not elements:
        return Dropped(doc.id, Drop("no_content"), url=doc.source.url)
    opt_out = "; ".join(evidence for evidence in (doc.source.opt_out, facts.opt_out) if evidence)
    source = replace(doc.source, licence=facts.licence or doc.source.licence, opt_out=opt_out)
    return replace(doc, source=source, elements=elements, body=None).with_labels(**_labels(main, facts))


def _markup(body: bytes, content_type: str) -> str:
    """The body as text, empty when it is no markup."""
    if sniffed(body).startswith("image/") or body.startswith(b"%PDF"):
        return ""
    html = _UNWRITABLE.sub("", decoded(body, content_type))
    return html if _TAG.search(html) else ""


def _labels(main: Article, facts: PageFacts) -> dict[str, str]:
    named = {"title": main.title, "author": main.author, "published": main.published, "language": facts.language}
    return {name: value for name, value in named.items() if value}


def _numbered(main: Article, gaps: list[list[PageImage]], base: str) -> tuple[Element, ...]:
    elements: list[Element] = []
    for gap, block in zip(gaps, [*main.blocks, None], strict=True):
        for image in gap:
            at = len(elements)
            elements.append(Image(position=at, url=joined(base, image.url), alt=image.alt))
            if image.caption:
                elements.append(Text(position=at + 1, origin="caption", role="caption", of=at, text=image.caption))
        if block is not None:
            elements.append(Text(position=len(elements), text=block.text, role=block.role))
    return tuple(elements)
