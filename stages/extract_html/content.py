"""The main content of a parsed page: which readings of the page are tried, and which one counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from selectolax.lexbor import LexborHTMLParser

from interloom.schemas.document import Element, Text
from interloom.stages.extract_html.arrays import PageArrays, page_arrays
from interloom.stages.extract_html.class_names import BIT
from interloom.stages.extract_html.classifier import (
    content_blocks,
    content_probabilities,
    thread_blocks,
    with_formulas,
    without_link_rows,
)
from interloom.stages.extract_html.elements import document_elements
from interloom.stages.extract_html.file_lists import without_file_lists
from interloom.stages.extract_html.image_selection import image_selector
from interloom.stages.extract_html.images import LeftOut, page_images
from interloom.stages.extract_html.metadata import PageMetadata, page_metadata
from interloom.stages.extract_html.navigation_blocks import without_navigation
from interloom.stages.extract_html.nesting import limit_depth
from interloom.stages.extract_html.page import Page
from interloom.stages.extract_html.page_model import PageModel
from interloom.stages.extract_html.parse import read_page
from interloom.stages.extract_html.readability.article import find_article
from interloom.stages.extract_html.structured_images import named_pictures
from interloom.stages.extract_html.threads import Post, comments, is_article, is_named_thread, thread_posts
from interloom.stages.extract_html.whole_elements import with_details, with_whole_tables

_WHOLE_TAGS = ("math", "table", "details")
"""Elements whose text is content as a whole, or not at all."""
_LITTLE_CHARS = 250
"""If less text is extracted, the page is read again with its boilerplate, which may hold the content. Our choice."""
_MIN_BOILERPLATE_CHARS = 80
"""The second reading counts if it gives as much text, and no less than the first. Our choice."""
_COMMENTS_PER_TEXT = 3.0
"""A page with so many times more text in comments than in its main content is a thread, unless it says that it is an article."""
_LOST_SHARE = 0.2
"""A page may be a thread if so much text in comments, compared with its main content, was left out. Our choice."""
_MARKUP_PER_TEXT = 1.5
"""Characters of markup for a character of text in comments, about. Our choice."""


@dataclass(frozen=True, slots=True)
class PageContent:
    """The elements of the main content, the pictures that are not among them, the metadata, the number of inline SVG drawings."""

    elements: tuple[Element, ...]
    left_out: Sequence[LeftOut]
    metadata: PageMetadata
    svg_count: int


@dataclass(frozen=True, slots=True)
class PageReader:
    """A parsed page. `html` is its markup in UTF-8, `size` its length in characters, `url` its address.

    `with_comments` says whether comments under an article are content; `model` replaces the trees of `page_model.json`;
    `is_limited` says that elements nested too deep have been taken out of the parsed page.
    """

    parser: LexborHTMLParser
    html: bytes
    size: int
    url: str
    with_comments: bool = False
    model: PageModel | None = None
    is_limited: bool = False

    def content(self) -> PageContent:
        page = read_page(self.parser, self.size)
        if page.is_too_deep and not self.is_limited:
            parser = LexborHTMLParser(limit_depth(self.html, few_tags=0))
            return replace(self, parser=parser, is_limited=True).content()
        posts = thread_posts(self.parser) if page.may_be_thread else []
        if posts or page.holds_closed_tabs:
            page = read_page(self.parser, self.size, posts=posts, keep_tabs=True)
        metadata = page_metadata(self.parser, page, self.url)
        content = self._main_content(page, metadata)
        if not posts:
            content = self._with_comments(page, content)
        if page.skipped_boilerplate and not page.posts and _text_chars(content) < _LITTLE_CHARS:
            with_boilerplate = self._main_content(read_page(self.parser, self.size, keep_boilerplate=True), metadata)
            if _text_chars(with_boilerplate) >= max(_MIN_BOILERPLATE_CHARS, _text_chars(content)):
                return with_boilerplate
        return content

    def _with_comments(self, page: Page, content: PageContent) -> PageContent:
        """The content with the comments of the page, if they are wanted or are what the page is about."""
        in_comments, kept = _comment_chars(page), _text_chars(content)
        has_comments, is_named = in_comments >= _LOST_SHARE * kept, is_named_thread(self.parser, self.url)
        if not self.with_comments and (not (has_comments or is_named) or is_article(self.html)):
            return content
        is_thread = in_comments > _COMMENTS_PER_TEXT * kept or (has_comments and is_named)
        in_software: list[Post] = [] if is_article(self.html) else thread_posts(self.parser)
        posts = in_software or comments(self.parser, but_answers=not (self.with_comments or is_thread))
        if not posts:
            return content
        with_posts = read_page(self.parser, self.size, posts=posts)
        with_posts.holds_article = not in_software
        return self._main_content(with_posts, content.metadata)

    def _main_content(self, page: Page, metadata: PageMetadata) -> PageContent:
        if not page.nodes:
            return PageContent((), (), metadata, page.svg_count)
        arrays: PageArrays = page_arrays(page)
        article = find_article(page, arrays)
        probabilities = content_probabilities(page, arrays, metadata, article, self.model)
        tags = {node.tag for node in page.nodes}
        is_content = content_blocks(page, arrays.chars, probabilities)
        if page.holds_closed_tabs or not tags.isdisjoint(_WHOLE_TAGS):
            is_content = with_details(page, with_whole_tables(page, with_formulas(page, is_content)))
        is_content = without_file_lists(page, without_navigation(page, is_content))
        if page.posts:
            is_content = thread_blocks(page, is_content)
        chars: list[int] = arrays.chars.tolist()
        is_selected = image_selector(page, article, is_content, chars)
        images = page_images(page, chars, is_selected, metadata.base_url, partial(named_pictures, self.parser, page))
        elements = document_elements(page, without_link_rows(page, is_content) if "table" in tags else is_content, images.kept)
        return PageContent(elements, images.left_out, metadata, page.svg_count)


def _comment_chars(page: Page) -> float:
    """About how much text is in elements named as comments, skipped or not."""
    read = sum(len(block.text) for block in page.blocks if block.inner_node.path_hints & BIT["comment"])
    return read + page.skipped_comment_chars / _MARKUP_PER_TEXT


def _text_chars(content: PageContent) -> int:
    return sum(len(element.text) for element in content.elements if isinstance(element, Text))
