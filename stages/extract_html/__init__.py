"""Extracts the main content of HTML pages as interleaved text and images."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar, Literal

from selectolax.lexbor import LexborHTMLParser

from interloom.pipeline.contents import IMAGES, PAGE, TEXT, Content, Need, labels
from interloom.pipeline.cost import Limits
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Image, Media, Source, Text
from interloom.schemas.outcome import Drop, Dropped, Outcome
from interloom.stages._images.formats import image_media_type
from interloom.stages._web.charset import as_utf8
from interloom.stages._web.data_uri import without_data
from interloom.stages._web.opt_out import about_the_page, joined
from interloom.stages.extract_html.content import PageContent, PageReader
from interloom.stages.extract_html.metadata import PageMetadata, page_metadata
from interloom.stages.extract_html.nesting import limit_depth
from interloom.stages.extract_html.page import Reason
from interloom.stages.extract_html.page_model import PageModel
from interloom.stages.extract_html.parse import read_page
from interloom.stages.extract_html.shown_markup import with_shown_markup

_TAG = re.compile(rb"<[!?/a-zA-Z]")


@dataclass(frozen=True, kw_only=True)
class ExtractHtml(Stage):
    """Extracts a page's main content: text blocks with roles, images and clips with absolute URLs, alt texts and captions.

    One parse gives text, media and metadata. Decision trees choose the blocks that are main content; an image is kept if it is
    in the article that Readability finds, or where the article disagrees with the trees, if the text around it is kept. Each
    element has its DOM path and its offset in the text. `source.licence` and `source.opt_out` receive the licence and opt-outs
    that the page states; `labels` receives title, author, date of publication, language, canonical URL and the number of inline
    SVG drawings. Drops a document with the reason `not_html` or `no_content`.

    Pictures are those of `img`, `picture`, `object`, `embed`, frames, `video` without an address, drawings that hold a
    picture, AMP and other custom elements, and backgrounds that the markup names in a figure or an element that is called an
    image and has no text; style sheets are not read. Every other picture of the page is dropped with a reason: `in_boilerplate`
    (navigation, footers, hidden elements, templates), `outside_content` (elsewhere outside of the main content), `no_address` (no
    attribute names a picture), `same_picture` (shown again, in another size or for browsers without scripts), `preview` (of the
    full picture beside it, or the poster of a clip), `tracking_pixel` (a side of 1 or 2 pixels), `decoration` (avatars and
    emojis by their class, counters by their host, logos that link to the home page or an index), `background` (behind or beside
    text), `control` (a button) or `formula` (it shows a formula, whose TeX is text). An emoji is text, too. What the names of
    files suggest is left to `filters.image_name`, small pictures to `filters.image_size`.

    The posts of a forum topic, of a question with answers, or of a discussion are the page's content, each below a heading with
    its author and date.

    Parameters:
        engine: What chooses the main content: "interloom", or "trafilatura", which published recipes use (FineWeb, OmniCorpus).
            With the second, elements have no DOM path and images no captions. Default "interloom".
        comments: Whether comments under an article are kept, in the same way. Default false, as in trafilatura's benchmarks.
    """

    comments: bool = False
    engine: Literal["interloom", "trafilatura"] = "interloom"

    isolated: ClassVar[Limits | None] = Limits(timeout_s=30.0)
    memory_bytes: ClassVar[int] = 270_000_000

    def needs(self) -> Iterable[Need]:
        return (PAGE,)

    def provides(self) -> Iterable[Content]:
        return (TEXT, IMAGES, *labels("title", "author", "published", "language", "canonical", "drawings"))

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            outcome, left_out = extract_document(doc, comments=self.comments, engine=self.engine)
            yield from left_out
            yield outcome


def blocks(html: bytes, url: str, model: PageModel | None = None) -> list[dict[str, str]]:
    """The main content of a page as plain dictionaries in reading order; an empty list if it has no content.

    A dictionary is `{"type": "text", "text"}`, or `{"type": "image", "src", "alt", "caption"}`, or the same with type "video".

    Parameters:
        html: The page as it was fetched, in any encoding.
        url: The page's URL, which relative URLs are resolved against.
        model: Trees that choose the blocks, instead of those of `page_model.json`.
    """
    outcome, _ = extract_document(Document(id="", source=Source(url=url), body=html), model)
    plain: list[dict[str, str]] = []
    for element in outcome.elements if isinstance(outcome, Document) else ():
        if isinstance(element, Media):
            media_type = "image" if isinstance(element, Image) else "video"
            plain.append({"type": media_type, "src": element.url, "alt": element.alt, "caption": ""})
        elif isinstance(element, Text) and element.of is not None:
            plain[-1]["caption"] = element.text
        elif isinstance(element, Text):
            plain.append({"type": "text", "text": element.text})
    return plain


def extract_document(
    doc: Document, model: PageModel | None = None, comments: bool = False, engine: str = "interloom"
) -> tuple[Document | Dropped, list[Dropped]]:
    """The document with elements instead of its body, or why it is dropped; and why each other picture of the page is dropped.

    `model` replaces the trees of `page_model.json`; `comments` says whether comments under an article are kept. The positions of
    the dropped pictures follow those of the elements.

    Garbage collection is switched off meanwhile: a page is thousands of objects without a cycle, and collections would traverse
    them in vain.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return _extract(doc, model, comments, engine)
    finally:
        if was_enabled:
            gc.enable()


def _extract(doc: Document, model: PageModel | None, comments: bool, engine: str) -> tuple[Document | Dropped, list[Dropped]]:
    html, size = _markup(doc.body or b"", doc.source.content_type)
    if not html:
        return Dropped(doc.id, Drop("not_html"), url=doc.source.url), []
    reader = PageReader(LexborHTMLParser(limit_depth(html)), html, size, doc.source.url, comments, model)
    content = reader.content() if engine == "interloom" else _by_trafilatura(reader)
    elements, metadata = content.elements, content.metadata
    dropped = [
        Dropped(doc.id, _drop(picture.reason), position, without_data(picture.url))
        for position, picture in enumerate(content.left_out, len(elements))
    ]
    if not elements:
        return Dropped(doc.id, Drop("no_content"), url=doc.source.url), dropped
    opt_out = joined(about_the_page(doc.source.opt_out), metadata.opt_out)
    of_pictures = joined(doc.source.opt_out, metadata.pictures_opt_out)
    if of_pictures:
        elements = tuple(replace(e, opt_out=of_pictures) if isinstance(e, Image) else e for e in elements)
    source = replace(doc.source, licence=metadata.licence or doc.source.licence, opt_out=opt_out)
    return replace(doc, source=source, elements=elements, body=None).with_labels(**_labels(metadata, content.svg_count)), dropped


@cache
def _drop(reason: Reason) -> Drop:
    return Drop(reason)


def _by_trafilatura(reader: PageReader) -> PageContent:
    from interloom.stages.extract_html.trafilatura_engine import extract_with_trafilatura

    metadata = page_metadata(reader.parser, read_page(reader.parser, reader.size), reader.url)
    return extract_with_trafilatura(reader.parser, reader.html, reader.url, metadata, reader.with_comments)


def _markup(body: bytes, content_type: str) -> tuple[bytes, int]:
    """The body in UTF-8 and its length in characters; empty if it is an image, a PDF or has no tag."""
    if image_media_type(body) or body.startswith(b"%PDF"):
        return b"", 0
    html, size = as_utf8(body, content_type)
    html = with_shown_markup(html)
    return (html, size) if _TAG.search(html) else (b"", 0)


def _labels(metadata: PageMetadata, svg_count: int) -> dict[str, str]:
    labels = {
        "title": metadata.title,
        "author": metadata.author,
        "published": metadata.published,
        "language": metadata.language,
        "canonical": metadata.canonical,
        "drawings": str(svg_count or ""),
    }
    return {name: value for name, value in labels.items() if value}
