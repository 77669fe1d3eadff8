"""A page's main text and pictures in reading order."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from selectolax.lexbor import LexborHTMLParser

from interloom.pipeline.stage import Limits, Stage
from interloom.schemas.document import Document, Element, Image, Media, Source, Text
from interloom.schemas.outcome import Drop, Dropped, Outcome
from interloom.stages._web.charset import as_utf8
from interloom.stages._web.content_type import sniffed
from interloom.stages.extract_html.arrays import arrays_of
from interloom.stages.extract_html.classifier import kept, likelihoods
from interloom.stages.extract_html.elements import elements
from interloom.stages.extract_html.images import pictures
from interloom.stages.extract_html.metadata import PageFacts, page_facts
from interloom.stages.extract_html.nesting import shallow
from interloom.stages.extract_html.page import Page
from interloom.stages.extract_html.parse import page_of
from interloom.stages.extract_html.readability.article import region_of

_LITTLE, _SOME = 250, 80  # characters; a page with little may hold its content, if that is some, where others navigate
_TAG = re.compile(rb"<[!?/a-zA-Z]")


@dataclass(frozen=True, kw_only=True)
class ExtractHtml(Stage):
    """The main content of a page's HTML: text blocks with their roles, pictures and clips with absolute URLs, alt and caption.

    One parse gives text, media and facts. Decision trees choose the blocks that are main content; a picture stays where the
    text around it did. Each element knows its DOM path and its offset in the text. What says how the page may be used goes
    to `source.licence` and `source.opt_out`; title, author, date of publication, language, canonical URL and the number of
    inline SVG drawings to `labels`.
    """

    isolated: ClassVar[Limits | None] = Limits(timeout_s=30.0)

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            yield extracted(doc)


def blocks(html: bytes, url: str) -> list[dict[str, str]]:
    """What is extracted, as plain blocks in reading order: `{"type": "text", "text"}`, `{"type": "image", "src", "alt",
    "caption"}` or `{"type": "video", "src", "alt", "caption"}`."""
    doc = extracted(Document(id="", source=Source(url=url), body=html))
    found: list[dict[str, str]] = []
    for element in doc.elements if isinstance(doc, Document) else ():
        if isinstance(element, Media):
            kind = "image" if isinstance(element, Image) else "video"
            found.append({"type": kind, "src": element.url, "alt": element.alt, "caption": ""})
        elif isinstance(element, Text) and element.of is not None:
            found[-1]["caption"] = element.text
        elif isinstance(element, Text):
            found.append({"type": "text", "text": element.text})
    return found


def extracted(doc: Document) -> Document | Dropped:
    """The document with elements instead of a body, or why it has none.

    A page is thousands of objects without a cycle: the search for cycles would go through them for nothing, and waits.
    """
    waits = gc.isenabled()
    gc.disable()
    try:
        return _extracted(doc)
    finally:
        if waits:
            gc.enable()


def _extracted(doc: Document) -> Document | Dropped:
    html, size = _markup(doc.body or b"", doc.source.content_type)
    if not html:
        return Dropped(doc.id, Drop("not_html"), url=doc.source.url)
    parser = LexborHTMLParser(shallow(html))
    page = page_of(parser, size)
    facts = page_facts(parser, page, doc.source.url)
    found = _content(page, facts)
    if page.skipped and _chars(found) < _LITTLE:
        again = _content(page_of(parser, size, whole=True), facts)
        found = again if _chars(again) >= max(_SOME, _chars(found)) else found
    if not found:
        return Dropped(doc.id, Drop("no_content"), url=doc.source.url)
    opt_out = "; ".join(evidence for evidence in (doc.source.opt_out, facts.opt_out) if evidence)
    source = replace(doc.source, licence=facts.licence or doc.source.licence, opt_out=opt_out)
    return replace(doc, source=source, elements=found, body=None).with_labels(**_labels(facts, page.drawings))


def _chars(found: Sequence[Element]) -> int:
    return sum(len(element.text) for element in found if isinstance(element, Text))


def _content(page: Page, facts: PageFacts) -> tuple[Element, ...]:
    if not page.boxes:
        return ()
    arrays = arrays_of(page)
    region = region_of(page, arrays)
    chosen = kept(page, likelihoods(page, arrays, facts.title, region))
    return elements(page, chosen, pictures(page, region, chosen, facts.base))


def _markup(body: bytes, content_type: str) -> tuple[bytes, int]:
    """The body in UTF-8, and how many characters that are; empty when it is no markup."""
    if sniffed(body).startswith("image/") or body.startswith(b"%PDF"):
        return b"", 0
    html, size = as_utf8(body, content_type)
    return (html, size) if _TAG.search(html) else (b"", 0)


def _labels(facts: PageFacts, drawings: int) -> dict[str, str]:
    named = {
        "title": facts.title,
        "author": facts.author,
        "published": facts.published,
        "language": facts.language,
        "canonical": facts.canonical,
        "drawings": str(drawings or ""),
    }
    return {name: value for name, value in named.items() if value}
