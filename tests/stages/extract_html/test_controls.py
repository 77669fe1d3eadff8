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
        "<h2>Under the ice <a href='#i'><span class='visually-hidden'>Link to the ice</span>#</a></h2>",
        "<h2 id='i'>Under the ice<a href='#i' aria-label='氷'>リンクをコピーする</a></h2>",
        "<h2>Under the ice <a href='#top'>Back to top ↑</a></h2>",
        "<h2>Under the ice <a href='/w/index.php?title=X&amp;action=edit'>[quelltext anpassen]</a></h2>",
        "<h2 class='anchor anchorWithStickyNavbar_LWe7'>Under the ice<a class='hash-link' href='#i'>\u200b</a></h2>",
        "<div role='heading' aria-level='2'>Under the ice</div>",
    ],
)
def test_a_heading_keeps_its_words_and_loses_its_controls(heading: str) -> None:
    assert texts_of(f"{heading}<p>{WORDS} Mid.</p>") == [("heading", "Under the ice"), ("paragraph", f"{WORDS} Mid.")]


@pytest.mark.parametrize(
    "control", ["<button>Copy</button>", "<a role='button' href='#'>Share</a>", "<span class='sr-only'>(new window)</span>"]
)
def test_a_paragraph_loses_its_controls(control: str) -> None:
    assert texts_of(f"<p>{WORDS} {control} Mid.</p>") == [("paragraph", f"{WORDS} Mid.")]


@pytest.mark.parametrize("link", ["<a class='btn' href='/notes'>the notes</a>", "<span class='tooltip'>the notes</span>"])
def test_what_looks_like_a_control_and_is_a_part_of_the_sentence_stays(link: str) -> None:
    assert texts_of(f"<p>{WORDS} Read {link} first.</p>") == [("paragraph", f"{WORDS} Read the notes first.")]


def test_a_picture_that_is_a_link_in_a_heading_is_kept() -> None:
    html = (
        f"<article><h1>The pond</h1><p>{WORDS}</p><h2>Under the ice <a href='/a'><img src='/i.jpg'></a></h2><p>{WORDS} Two.</p>"
    )
    *_, doc = ExtractHtml().process([Document(id="d", body=html.encode())])
    assert isinstance(doc, Document)
    assert [image.url for image in doc.images] == ["/i.jpg"]


def test_links_that_look_like_buttons_and_stand_in_no_sentence_are_no_text() -> None:
    assert texts_of(f"<p>{WORDS}</p><p><a class='btn' href='/b'>Buy now</a> <a class='btn' href='/u'>Upgrade</a></p>") == [
        ("paragraph", WORDS)
    ]


def test_a_control_beside_a_listing_is_no_text() -> None:
    listing = "<div><span role='button'>Copy code</span><pre>ice = 5</pre></div>"
    assert texts_of(f"<p>{WORDS}</p>{listing}") == [("paragraph", WORDS), ("code", "ice = 5")]


@pytest.mark.parametrize(
    "section",
    [
        "<h2 id='related-work'>Related work</h2>{}",
        "<h2 id='toc0'>Related work</h2>{}",
        "<h2><span class='mw-headline' id='Related_work'>Related work</span></h2>{}",
        "<section id='related-work'><h2>Related work<a href='#related-work'>#</a></h2>{}</section>",
        "<div class='section' id='related-work'><h2>Related work</h2>{}</div>",
        "<div class='section level2' id='related-work'><h2>Related work</h2>{}</div>",
    ],
)
def test_an_id_that_is_made_of_a_heading_drops_nothing(section: str) -> None:
    assert texts_of(section.format(f"<p>{WORDS} Mid.</p>")) == [("heading", "Related work"), ("paragraph", f"{WORDS} Mid.")]


def test_a_section_that_is_called_what_it_is_for_is_left_out() -> None:
    assert texts_of(f"<p>{WORDS} Mid.</p><div id='related-posts'><h2>Related posts</h2><p>Another pond</p></div>") == [
        ("paragraph", f"{WORDS} Mid.")
    ]


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


def test_a_term_that_links_to_itself_is_text() -> None:
    terms = f"<dl><dt id='ice'><a href='#ice'><code>--ice</code></a></dt><dd>{WORDS}</dd></dl>"
    assert texts_of(f"<p>{WORDS}</p>{terms}")[1:] == [("list_item", "--ice"), ("list_item", WORDS)]


def test_a_picture_between_two_words_parts_them() -> None:
    assert texts_of("<p>Water<span><img src='/i.jpg'></span>Ice and the cold of the longest night in the year.</p>") == [
        ("paragraph", "Water Ice and the cold of the longest night in the year.")
    ]


@pytest.mark.parametrize(
    "attributes",
    [
        *("class='copy'", "class='toggle'", "class='btn'", "class='edit-link'", "role='status'", "class='comment'"),
        *("class='menu'", "class='footer'", "id='comment'", "aria-hidden='true'"),
    ],
)
@pytest.mark.parametrize("holder", ["<p>{}</p>", "<blockquote><p>{}</p></blockquote>"])
def test_what_stands_within_a_sentence_is_a_part_of_it_whatever_it_is_called(attributes: str, holder: str) -> None:
    sentence = f"The keeper walks over <span {attributes}>thin ice</span>, and {WORDS}"
    assert [text for _, text in texts_of(holder.format(sentence))] == [f"The keeper walks over thin ice, and {WORDS}"]


@pytest.mark.parametrize(
    "control",
    [
        *("<span class='copy'>Copy link</span>", "<span class='sr-only'>thin ice</span>"),
        *("<span style='display:none'>thin ice</span>", "<span class='comment' hidden>thin ice</span>"),
        "<span role='tooltip'>Frozen water</span>",
    ],
)
def test_a_control_or_a_hidden_text_within_a_sentence_is_no_text(control: str) -> None:
    assert texts_of(f"<p>The keeper {control} walks home, and {WORDS}</p>") == [
        ("paragraph", f"The keeper walks home, and {WORDS}")
    ]
