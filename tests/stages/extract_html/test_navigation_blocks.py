"""Links to a place of the page and buttons are no text; headings, paragraphs and titles of accordions are."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser

from interloom.stages.extract_html.navigation_blocks import without_navigation
from interloom.stages.extract_html.parse import read_page


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<ul><li><a href='#ice'>1 The ice</a></ul>", [False]),
        ("<div><a href='#recipe'>Jump to the recipe</a></div>", [False]),
        ("<ul><li><a href='/ice'>The ice</a></ul>", [True]),
        ("<ul><li><a href='#ice'>The ice</a> of the pond, page 7</ul>", [True]),
        ("<ul><li><a href='#'>The ice</a></ul>", [True]),
        ("<h2><a href='#ice'>The ice</a></h2>", [True]),
        ("<p><a href='#ice'>The ice</a></p>", [True]),
        ("<div><button>Add to cart</button></div>", [False]),
        ("<h3><button>The ice</button></h3>", [True]),
        ("<div><button aria-expanded='false'>The ice</button></div>", [True]),
        (f"<div><button>{'The ice. ' * 20}</button></div>", [True]),
    ],
)
def test_what_leads_about_the_page_is_left_out(markup: str, expected: list[bool]) -> None:
    page = read_page(LexborHTMLParser(markup), len(markup))
    assert without_navigation(page, [True] * len(page.blocks)) == expected
