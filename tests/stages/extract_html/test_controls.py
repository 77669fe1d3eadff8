"""Controls in headings and paragraphs are no text; headings with permalinks stay; readings above words are no text."""

from __future__ import annotations

import pytest

from interloom.schemas.document import Document
from interloom.stages.extract_html import ExtractHtml

WORDS = "The pond behind the orchard freezes late, because a spring under the willow keeps the water moving through the winter."


def texts_of(main: str) -> list[tuple[str, str]]:
    html = f"<article><h1>The pond</h1><p>{WORDS} One.</p>{main}<p>{WORDS} Two.</p></article>"
    *_, doc = ExtractHtml().process([Document(id="d", body=html.encode())])
    assert isinstance(doc, Document)
    return [(text.role, text.text) for text in doc.texts][2:-1]


@pytest.mark.parametrize(
    "heading",
    [
        "<h2><a href='#i' class='header-anchor' aria-hidden='true'>#</a> Under the ice</h2>",
        "<h2>Under the ice<a class='headerlink' href='#i' title='Permalink'>¶</a></h2>",
        "<h2><a class='anchor' href='#i'><span class='octicon'></span></a>Under the ice</h2>",
        "<h2><a class='header-anchor' href='#i'><span>Under the ice</span></a></h2>",
        "<h2>Under the ice <a href='#i'>🔗</a></h2>",
        "<h2><a href='#i'>Link</a> Under the ice</h2>",
        "<h2><span>Under the ice</span><span class='mw-editsection'>[<a href='/e'>edit</a>]</span></h2>",
        "<h2>Under the ice <button>Copy link</button></h2>",
        "<div><h2>Under the ice</h2><span>[<a href='/e'>edit source</a>]</span></div>",
        "<h2><span role='button'>Share</span> Under the ice</h2>",
        "<h2>Under the ice <a href='#i'><span class='sr-only'>Link to this section</span></a></h2>",
        "<h3><button aria-expanded='false'>Under the ice</button></h3>",
        "<h2><a href='/ice'>Under the ice</a></h2>",
    ],
)
def test_a_heading_keeps_its_words_and_loses_its_controls(heading: str) -> None:
    assert texts_of(f"{heading}<p>{WORDS} Mid.</p>") == [("heading", "Under the ice"), ("paragraph", f"{WORDS} Mid.")]


@pytest.mark.parametrize(
    "control", ["<button>Copy</button>", "<a role='button' href='#'>Share</a>", "<span class='sr-only'>(new window)</span>"]
)
def test_a_paragraph_loses_its_controls(control: str) -> None:
    assert texts_of(f"<p>{WORDS} {control} Mid.</p>") == [("paragraph", f"{WORDS} Mid.")]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>その<ruby>池<rt>いけ</rt></ruby>は冬の朝も凍らない。</p>", "その池は冬の朝も凍らない。"),
        ("<p>その<ruby>池<rp>(</rp><rt>いけ</rt><rp>)</rp></ruby>は冬の朝も凍らない。</p>", "その池は冬の朝も凍らない。"),
        ("<p>その<ruby><rb>池</rb><rtc><rt>いけ</rt></rtc></ruby>は冬の朝も凍らない。</p>", "その池は冬の朝も凍らない。"),
        ("<h2><ruby>池<rt>いけ</rt></ruby>の冬</h2>", "池の冬"),
        ("<ul><li><ruby>池<rt>いけ</rt></ruby>の冬は静かである。</li></ul>", "池の冬は静かである。"),
    ],
)
def test_readings_above_words_are_no_text(markup: str, text: str) -> None:
    assert [words for _, words in texts_of(markup)] == [text]
