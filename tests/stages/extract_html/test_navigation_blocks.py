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
        ("<pre>1\n2</pre><pre>a = 1\nb = 2</pre>", [False, True]),
        ("<pre>print(3, 4)</pre><pre>3\n4</pre>", [True, True]),
        ("<div class='star-rating'>Rated <b>4.50</b> out of 5 based on 2 reviews</div>", [False]),
        ("<div class='stars'>★★★★☆ (87)</div>", [False]),
        ("<div itemprop='aggregateRating'><span>4.67</span> from 3 votes</div>", [False]),
        ("<div class='ratings'><p>Bewertung: 4,6 von 5 Sternen (31)</p></div>", [False]),
        ("<div class='review-count'>(1,234 customer reviews)</div>", [False]),
        ("<div class='steps'>Step 3 of 5</div>", [True]),
        ("<p>★★★★☆ (87)</p>", [True]),
        ("<div class='rating'>The ice is rated 4 of 5 here. It bears.</div>", [True]),
    ],
)
def test_what_leads_about_the_page_is_left_out(markup: str, expected: list[bool]) -> None:
    page = read_page(LexborHTMLParser(markup), len(markup))
    assert without_navigation(page, [True] * len(page.blocks)) == expected
