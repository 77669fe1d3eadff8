import sys
from types import FrameType

import pytest
from selectolax.lexbor import LexborHTMLParser

from interloom.stages.extract_html.arrays import arrays_of
from interloom.stages.extract_html.page import Page
from interloom.stages.extract_html.parse import page_of
from interloom.stages.extract_html.readability.article import region_of

SENTENCE = "A sentence of the article, long enough to be taken for one, with a comma or two, stands here."
STORY = "".join(f"<p>{SENTENCE} {n}.</p>" for n in range(8))


def read(html: str) -> Page:
    return page_of(LexborHTMLParser(html), len(html), whole=True)


def taken(html: str) -> list[str]:
    """The texts of the article."""
    page = read(html)
    region = region_of(page, arrays_of(page))
    return [block.text for block in page.blocks if region.taken[block.box.number]]


def pictures(inside: str) -> list[str | None]:
    """The pictures of the article when this stands in it."""
    page = read(f"<body><div class='x'>{STORY}{inside}{STORY}</div><div>Elsewhere</div></body>")
    region = region_of(page, arrays_of(page))
    return [m.box.attributes.get("src") for m in page.media if m.box.tag == "img" and region.taken[m.box.number]]


def test_the_box_of_the_most_paragraphs_is_the_article() -> None:
    links = f"<div><p><a href='/x'>{SENTENCE}</a></p></div>"
    assert taken(f"<body>{links}<div>{STORY}</div></body>") == [f"{SENTENCE} {n}." for n in range(8)]


def test_a_paragraph_beside_the_article_is_taken_with_it() -> None:
    found = taken(f"<body><section><p>Lead. {SENTENCE}</p><div class='x'>{STORY}</div></section><div>No</div></body>")
    assert (found[0], len(found)) == (f"Lead. {SENTENCE}", 9)


@pytest.mark.parametrize("named", ["class='sidebar'", "id='comments'", "role='complementary'", "style='display: none'", "hidden"])
def test_what_is_named_so_or_unseen_is_struck_out(named: str) -> None:
    assert SENTENCE not in taken(f"<body><div>{STORY}<div {named}><p>{SENTENCE}</p></div></div></body>")


def test_a_name_that_may_be_of_an_article_is_not_struck_out() -> None:
    assert SENTENCE in taken(f"<body><div>{STORY}<div class='sidebar article-column'><p>{SENTENCE}</p></div></div></body>")


def test_a_page_of_which_all_is_named_like_furniture_is_read_again_more_loosely() -> None:
    assert len(taken(f"<body><div class='sidebar'>{STORY}</div></body>")) == 8


def test_boxes_of_links_are_furniture() -> None:
    links = "".join(f"<p><a href='/{n}'>Another story that you may want to read</a></p>" for n in range(5))
    assert "Another story that you may want to read" not in taken(f"<body><div>{STORY}<div>{links}</div></div></body>")


@pytest.mark.parametrize(
    ("markup", "found"),
    [
        ("<p><img src='a.jpg'></p>", ["a.jpg"]),
        ("<figure><img src='a.jpg'><figcaption>What it shows</figcaption></figure>", ["a.jpg"]),
        ("<div><div><img src='a.jpg'></div></div>", ["a.jpg"]),
        ("<ul><li><img src='a.jpg'></li><li><img src='b.jpg'></li></ul>", ["a.jpg", "b.jpg"]),
        ("<div><section><img src='a.jpg'></section><section><img src='b.jpg'></section></div>", ["a.jpg", "b.jpg"]),
    ],
)
def test_pictures_of_the_article_stay(markup: str, found: list[str]) -> None:
    assert pictures(markup) == found


@pytest.mark.parametrize(
    "markup",
    [
        "<aside><img src='a.jpg'></aside>",
        "<div class='share'><img src='a.jpg'>Tell others</div>",
        "<div><section><a href='/1'><img src='a.jpg'></a></section><section><a href='/2'><img src='b.jpg'></a></section></div>",
        "<div><h4>More</h4><section><img src='a.jpg'></section><section><img src='b.jpg'></section></div>",
    ],
)
def test_pictures_of_furniture_go(markup: str) -> None:
    assert pictures(markup) == []


def test_a_table_of_data_keeps_its_pictures_and_one_that_places_things_does_not() -> None:
    cells = "".join(f"<tr><td><a href='/{n}'>Name</a></td><td><img src='{n}.png'></td></tr>" for n in range(3))
    assert pictures(f"<table><tr><th>Country</th><th>Flag</th></tr>{cells}</table>") == ["0.png", "1.png", "2.png"]
    assert pictures(f"<table>{cells}</table>") == []


@pytest.mark.parametrize(
    "repeated",
    [
        "<div><table><tr><td><img src='a.jpg'></td></tr></table></div>",
        "<div>x<iframe src='https://www.youtube.com/embed/1'></iframe><span><a href='/x'>y</a></span></div>",
        "<div><section><img src='a.jpg'></section><section><img src='b.jpg'></section></div>",
        "<div class='sidebar'>",
    ],
)
def test_the_work_for_a_page_grows_as_the_page_does(repeated: str) -> None:
    def lines(times: int) -> int:
        """How many lines of Python are run for so much of it."""
        html, count = f"<body><div>{STORY}{repeated * times}{STORY}</div></body>", 0

        def trace(frame: FrameType, event: str, argument: object) -> object:
            nonlocal count
            count += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            taken(html)
        finally:
            sys.settrace(before)
        return count

    assert lines(800) < 5 * lines(200)
