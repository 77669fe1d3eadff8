import sys
from types import FrameType

import pytest
from selectolax.lexbor import LexborHTMLParser

from interloom.stages.extract_html.arrays import page_arrays
from interloom.stages.extract_html.page import Page
from interloom.stages.extract_html.parse import read_page
from interloom.stages.extract_html.readability.article import find_article

SENTENCE = "A sentence of the article, long enough to be taken for one, with a comma or two, stands here."
STORY = "".join(f"<p>{SENTENCE} {n}.</p>" for n in range(8))


def read(html: str) -> Page:
    return read_page(LexborHTMLParser(html), len(html), keep_boilerplate=True)


def article_texts(html: str) -> list[str]:
    """The texts of the blocks in the article."""
    page = read(html)
    article = find_article(page, page_arrays(page))
    return [block.text for block in page.blocks if article.contains[block.node.number]]


def article_images(markup: str) -> list[str | None]:
    """The `src` of the images in the article of a page that has the markup in the middle of its text."""
    page = read(f"<body><div class='x'>{STORY}{markup}{STORY}</div><div>Elsewhere</div></body>")
    article = find_article(page, page_arrays(page))
    return [m.node.attributes.get("src") for m in page.media if m.node.tag == "img" and article.contains[m.node.number]]


def test_the_node_with_the_most_paragraphs_is_the_article() -> None:
    links = f"<div><p><a href='/x'>{SENTENCE}</a></p></div>"
    assert article_texts(f"<body>{links}<div>{STORY}</div></body>") == [f"{SENTENCE} {n}." for n in range(8)]


def test_a_sibling_paragraph_of_the_top_candidate_joins_the_article() -> None:
    texts = article_texts(f"<body><section><p>Lead. {SENTENCE}</p><div class='x'>{STORY}</div></section><div>No</div></body>")
    assert (texts[0], len(texts)) == (f"Lead. {SENTENCE}", 9)


@pytest.mark.parametrize(
    "attribute", ["class='sidebar'", "id='comments'", "role='complementary'", "style='display: none'", "hidden"]
)
def test_unlikely_candidates_and_hidden_nodes_are_removed(attribute: str) -> None:
    assert SENTENCE not in article_texts(f"<body><div>{STORY}<div {attribute}><p>{SENTENCE}</p></div></div></body>")


def test_an_unlikely_class_that_may_be_a_candidate_is_kept() -> None:
    assert SENTENCE in article_texts(
        f"<body><div>{STORY}<div class='sidebar article-column'><p>{SENTENCE}</p></div></div></body>"
    )


def test_a_page_of_unlikely_candidates_only_is_tried_again_with_fewer_rules() -> None:
    assert len(article_texts(f"<body><div class='sidebar'>{STORY}</div></body>")) == 8


def test_nodes_of_links_are_removed() -> None:
    links = "".join(f"<p><a href='/{n}'>Another story that you may want to read</a></p>" for n in range(5))
    assert "Another story that you may want to read" not in article_texts(f"<body><div>{STORY}<div>{links}</div></div></body>")


@pytest.mark.parametrize(
    ("markup", "images"),
    [
        ("<p><img src='a.jpg'></p>", ["a.jpg"]),
        ("<figure><img src='a.jpg'><figcaption>What it shows</figcaption></figure>", ["a.jpg"]),
        ("<div><div><img src='a.jpg'></div></div>", ["a.jpg"]),
        ("<ul><li><img src='a.jpg'></li><li><img src='b.jpg'></li></ul>", ["a.jpg", "b.jpg"]),
        ("<div><section><img src='a.jpg'></section><section><img src='b.jpg'></section></div>", ["a.jpg", "b.jpg"]),
    ],
)
def test_images_of_the_article_are_kept(markup: str, images: list[str]) -> None:
    assert article_images(markup) == images


@pytest.mark.parametrize(
    "markup",
    [
        "<aside><img src='a.jpg'></aside>",
        "<div class='share'><img src='a.jpg'>Tell others</div>",
        "<div><section><a href='/1'><img src='a.jpg'></a></section><section><a href='/2'><img src='b.jpg'></a></section></div>",
        "<div><h4>More</h4><section><img src='a.jpg'></section><section><img src='b.jpg'></section></div>",
    ],
)
def test_images_of_boilerplate_are_removed(markup: str) -> None:
    assert article_images(markup) == []


def test_a_data_table_keeps_its_images_and_a_layout_table_does_not() -> None:
    cells = "".join(f"<tr><td><a href='/{n}'>Name</a></td><td><img src='{n}.png'></td></tr>" for n in range(3))
    assert article_images(f"<table><tr><th>Country</th><th>Flag</th></tr>{cells}</table>") == ["0.png", "1.png", "2.png"]
    assert article_images(f"<table>{cells}</table>") == []


@pytest.mark.parametrize(
    "repeated",
    [
        "<div><table><tr><td><img src='a.jpg'></td></tr></table></div>",
        "<div>x<iframe src='https://www.youtube.com/embed/1'></iframe><span><a href='/x'>y</a></span></div>",
        "<div><section><img src='a.jpg'></section><section><img src='b.jpg'></section></div>",
        "<div class='sidebar'>",
    ],
)
def test_the_work_for_a_page_is_proportional_to_its_size(repeated: str) -> None:
    def lines(times: int) -> int:
        """How many lines of Python are executed for a page with so many repetitions."""
        html, count = f"<body><div>{STORY}{repeated * times}{STORY}</div></body>", 0

        def trace(frame: FrameType, event: str, argument: object) -> object:
            nonlocal count
            count += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            article_texts(html)
        finally:
            sys.settrace(before)
        return count

    assert lines(800) < 5 * lines(200)
