import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interloom.schemas.document import Clip, Document, Image, Source, Text
from interloom.schemas.outcome import Dropped
from interloom.stages.extract_html import ExtractHtml, blocks

WORDS = "This is a sentence with enough words in it to be taken for the main content of the page."
URL = "http://a.org/dir/page.html"


def page(main: str, head: str = "", tag: str = "<html lang='en'>") -> bytes:
    nav = "<nav><a href='/'>Home</a> <a href='/x'>Other <img src='/nav.png'></a></nav>"
    article = f"<article><h1>The heading</h1><p>{WORDS} One.</p>{main}<p>{WORDS} Two.</p></article>"
    return f"<!doctype html>{tag}<head><title>The title</title>{head}</head><body>{nav}{article}</body></html>".encode()


def extract(html: bytes, content_type: str = "text/html") -> Document:
    *_, doc = ExtractHtml().process([Document(id="d", source=Source(url=URL, content_type=content_type), body=html)])
    assert isinstance(doc, Document)
    return doc


def only_image(main: str, head: str = "") -> Image:
    (image,) = extract(page(main, head)).images
    return image


def test_text_blocks_are_in_reading_order_and_have_roles() -> None:
    doc = extract(
        page(f"<ul><li>An item of the list</li></ul><blockquote>A quoted text</blockquote><h2>Second</h2><p>{WORDS} Mid.</p>")
    )
    assert [(e.role, e.text.split(".")[-2] if "." in e.text else e.text) for e in doc.texts] == [
        ("heading", "The heading"),
        ("paragraph", " One"),
        ("list_item", "An item of the list"),
        ("quote", "A quoted text"),
        ("heading", "Second"),
        ("paragraph", " Mid"),
        ("paragraph", " Two"),
    ]
    assert [e.position for e in doc.elements] == list(range(len(doc.elements)))
    assert doc.body is None


def test_an_image_is_between_the_paragraphs_around_it_and_its_caption_follows_it() -> None:
    doc = extract(page("<figure><img src='/a.jpg' alt=' A  cat '><figcaption>The caption.</figcaption></figure>"))
    at = next(e.position for e in doc.images)
    before, image, caption, after = doc.elements[at - 1 : at + 3]
    assert isinstance(before, Text) and before.text.endswith("One.")
    assert isinstance(image, Image) and (image.url, image.alt) == ("http://a.org/a.jpg", "A cat")
    assert isinstance(caption, Text) and (caption.text, caption.origin, caption.role, caption.of) == (
        "The caption.",
        "caption",
        "caption",
        at,
    )
    assert isinstance(after, Text) and after.text.endswith("Two.")


def test_soft_hyphens_are_no_text() -> None:
    doc = extract(
        b"<html><body><article><p>Ein &shy;Ka&shy;pi&shy;t\xc3\xa4n \xe2\x80\x8bgeht an Land.</p></article></body></html>"
    )
    assert doc.text == "Ein Kapit\u00e4n geht an Land."


def test_images_in_the_navigation_are_left_out() -> None:
    assert extract(page("")).images == ()


@pytest.mark.parametrize(
    ("markup", "url"),
    [
        ("<img src='x.jpg'>", "http://a.org/dir/x.jpg"),
        ("<img src='//cdn.org/x.jpg'>", "http://cdn.org/x.jpg"),
        ("<img src='spacer.gif' data-src='../x.jpg'>", "http://a.org/x.jpg"),
        ("<img src='data:image/gif;base64,R0lG' srcset='s.jpg 300w, l.jpg 900w'>", "http://a.org/dir/l.jpg"),
        ("<picture><source srcset='p.webp 2x'><img></picture>", "http://a.org/dir/p.webp"),
        ("<p><img src='placeholder.png'><noscript><img src='real.jpg'></noscript></p>", "http://a.org/dir/real.jpg"),
        ("<noscript><img src='only.jpg'></noscript>", "http://a.org/dir/only.jpg"),
        ("<img data-original='o.jpg' src='grey.gif'>", "http://a.org/dir/o.jpg"),
        ("<img data-lazy-srcset='s.jpg 100w, b.jpg 900w' src='placeholder.png'>", "http://a.org/dir/b.jpg"),
        ("<img data-nobody-knows='https://c.org/odd.webp?w=9' src='data:image/gif;base64,R0lG'>", "https://c.org/odd.webp?w=9"),
        ("<amp-img src='amp.jpg' width=600 height=400></amp-img>", "http://a.org/dir/amp.jpg"),
        ("<div role='img' style='background-image: url(\"painted.jpg\")'></div>", "http://a.org/dir/painted.jpg"),
        ("<img src='x.jpg?a=1&amp;b=2'>", "http://a.org/dir/x.jpg?a=1&b=2"),
        ("<img src='/t/w_300,h_200/x.jpg'>", "http://a.org/t/w_300,h_200/x.jpg"),
    ],
)
def test_an_image_has_the_url_that_the_page_would_load(markup: str, url: str) -> None:
    assert only_image(markup).url == url


def test_urls_are_resolved_against_the_base_element() -> None:
    assert only_image("<img src='x.jpg'>", "<base href='/other/'>").url == "http://a.org/other/x.jpg"


def test_an_image_in_a_data_uri_keeps_the_whole_uri() -> None:
    uri = "data:image/png;base64," + "A" * 400
    assert only_image(f"<img src='{uri}'>").url == uri


def test_tracking_pixels_are_left_out() -> None:
    assert extract(page("<img src='http://t.org/count' width=1 height=1><img src='data:image/gif;base64,R0lGODlh'>")).images == ()


def test_labels_licence_and_opt_out_come_from_the_page() -> None:
    head = "<meta name='author' content='Ada Byron'><meta name='robots' content='index, noai'>"
    head += "<meta name='tdm-reservation' content='1'><meta property='article:published_time' content='2020-03-04'>"
    doc = extract(page("<a rel='license' href='/cc-by'>CC BY</a>", head))
    assert doc.labels == {"title": "The heading", "author": "Ada Byron", "published": "2020-03-04", "language": "en"}
    assert doc.source.licence == "http://a.org/cc-by"
    assert doc.source.opt_out == "meta robots: noai; meta tdm-reservation: 1"


def test_the_encoding_of_an_xml_declaration_is_used() -> None:
    html = b"<?xml version='1.0' encoding='utf-8'?>" + page("<p>Gr\u00fc\u00dfe</p>".encode().decode())
    assert "Grüße" in extract(html).text


@pytest.mark.parametrize("control", ["\x01", "\x00", "&#1;", "&#x1F;", "&#xFFFF;", "&#xD800;", "&#99999999;", "\uffff"])
def test_control_characters_are_removed(control: str) -> None:
    doc = extract(page(f"<p>{WORDS}<br>{control}Mid{control}dle</p><ul><li>{control}An item<br>{control}of it</li></ul>"))
    assert "Mid" in doc.text and not re.search("[\x00-\x08\x0b-\x1f]", doc.text)


def test_character_references_are_decoded() -> None:
    assert "tab&newline" in extract(page(f"<p>{WORDS} tab&#38;newline &#10; &#x20AC;&#8364;</p>")).text


def test_a_table_is_one_text_with_its_rows_and_cells() -> None:
    doc = extract(page("<table><tr><th>Name</th><th>Age</th></tr><tr><td>Ada</td><td>36</td></tr></table>"))
    assert [e.text for e in doc.texts if e.role == "table"] == ["Name | Age\nAda | 36"]


def test_a_table_of_many_rows_is_one_text() -> None:
    rows = "".join(f"<tr><td>Name {n}</td><td>{n}</td></tr>" for n in range(30))
    [table] = [e.text for e in extract(page(f"<p>{WORDS}</p><table>{rows}</table>")).texts if e.role == "table"]
    assert table.count("\n") == 29 and table.endswith("Name 29 | 29")


def test_a_page_with_images_only_is_a_document() -> None:
    assert [e.url for e in extract(b"<html><body><img src='a.jpg'></body></html>").images] == ["http://a.org/dir/a.jpg"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_html"),
        (b"plain words", "not_html"),
        (b"%PDF-1.4 <a>", "not_html"),
        (b"\x89PNG\r\n\x1a\n<html>", "not_html"),
        (b"<html><head><title>t</title></head><body></body></html>", "no_content"),
        (b"<html><body><script>x = 1</script></body></html>", "no_content"),
    ],
)
def test_a_page_without_content_is_dropped(body: bytes, reason: str) -> None:
    *_, outcome = ExtractHtml().process([Document(id="d", body=body)])
    assert isinstance(outcome, Dropped) and outcome.drop.reason == reason


@pytest.mark.parametrize("cut", [60, 200, 350, 500])
def test_a_truncated_page_raises_no_error(cut: int) -> None:
    *_, outcome = ExtractHtml().process([Document(id="d", body=page("<img src='x.jpg'>")[:cut])])
    assert isinstance(outcome, Document | Dropped)


def test_blocks_returns_plain_dictionaries() -> None:
    found = blocks(page("<img src='x.jpg' alt='b'>"), URL)
    assert {"type": "image", "src": "http://a.org/dir/x.jpg", "alt": "b", "caption": ""} in found
    assert found[0] == {"type": "text", "text": "The heading"}


@pytest.mark.parametrize(
    "markup",
    [
        f"<ul><li>{WORDS} <img src='x.jpg'></li></ul>",
        f"<table><tr><td><img src='x.jpg'></td><td>{WORDS}</td></tr></table>",
        "<figure><img src='x.jpg'><figcaption>A caption</figcaption></figure>",
        "<figure><picture><source srcset='x.jpg 1x'><img></picture></figure>",
        f"<blockquote>{WORDS} <img src='x.jpg'></blockquote>",
        "<a href='x-large.jpg'><img src='x.jpg'></a>",
    ],
)
def test_an_image_is_found_in_any_kind_of_element(markup: str) -> None:
    assert only_image(markup).url == "http://a.org/dir/x.jpg"


def test_an_image_in_two_sizes_is_extracted_once() -> None:
    doc = extract(page(f"<img src='x-300x200.jpg'><p>{WORDS}</p><img src='x-1024x683.jpg'>"))
    assert [image.url for image in doc.images] == ["http://a.org/dir/x-300x200.jpg"]


def test_the_url_in_noscript_replaces_that_of_the_placeholder() -> None:
    markup = "<figure><img src='/max/44/x.png' width=398 height=542><noscript><img src='/max/796/x.png'></noscript></figure>"
    assert only_image(markup).url == "http://a.org/max/796/x.png"


def test_an_image_shown_in_two_places_is_extracted_twice() -> None:
    doc = extract(page(f"<ul><li><img src='x.jpg'></li><li><img src='x.jpg'></li></ul><p>{WORDS} Mid.</p>"))
    assert [image.url for image in doc.images] == ["http://a.org/dir/x.jpg"] * 2


def test_an_image_splits_the_table_that_it_is_in() -> None:
    doc = extract(page("<table><tr><th>One</th><th>1</th></tr><tr><td><img src='x.jpg'>Two</td><td>2</td></tr></table>"))
    at = next(image.position for image in doc.images)
    assert [e.text for e in (doc.elements[at - 1], doc.elements[at + 1]) if isinstance(e, Text)] == ["One | 1", "Two | 2"]


def test_the_first_image_above_the_article_is_its_lead_image_and_the_second_is_left_out() -> None:
    story = "".join(f"<p>{WORDS} And {n} more of them, all of which are of the story.</p>" for n in range(30))
    above = "".join(
        f"<figure><img src='{name}.jpg'><figcaption>What it shows</figcaption></figure>" for name in ("lead", "other")
    )
    html = f"<body><div><h1>The heading</h1></div><div>{above}</div><div class='article-body'>{story}</div></body>"
    assert [image.url for image in extract(html.encode()).images] == ["http://a.org/dir/lead.jpg"]


@pytest.mark.parametrize("width", ["²", "9" * 5000, "wide", ""])
def test_an_invalid_width_raises_no_error(width: str) -> None:
    story = "".join(f"<p>{WORDS} And {n} more of them, all of which are of the story.</p>" for n in range(30))
    html = (
        f"<body><div><h1>The heading</h1><img src='lead.jpg' width='{width}'></div><div class='article-body'>{story}</div></body>"
    )
    assert len(extract(html.encode()).texts) >= 30


def test_images_whose_urls_differ_in_the_query_alone_are_two_images() -> None:
    doc = extract(page(f"<img src='/dims?u=1'><p>{WORDS}</p><img src='/dims?u=2'>"))
    assert [image.url for image in doc.images] == ["http://a.org/dims?u=1", "http://a.org/dims?u=2"]


def test_the_copy_of_an_image_in_noscript_is_not_extracted_again() -> None:
    doc = extract(page("<img src='blank.gif' data-src='x.jpg'><noscript><img src='x.jpg'></noscript>"))
    assert [image.url for image in doc.images] == ["http://a.org/dir/x.jpg"]


@pytest.mark.parametrize(
    "markup",
    [
        "<a href='/'><img src='/img/logo.png'></a>",
        "<div class='author-bio'><img src='ada.jpg'></div>",
        "<img class='avatar' src='ada.jpg'>",
        "<footer><img src='seal.jpg'></footer>",
        "<div class='related-posts'><a href='/other'><img src='other.jpg'> Another story that you may like to read</a></div>",
    ],
)
def test_images_of_boilerplate_are_left_out(markup: str) -> None:
    assert extract(page(markup)).images == ()


@pytest.mark.parametrize(
    ("markup", "url"),
    [
        ("<iframe src='https://www.youtube.com/embed/abc'></iframe>", "https://www.youtube.com/embed/abc"),
        ("<iframe data-src='//player.vimeo.com/video/1'></iframe>", "http://player.vimeo.com/video/1"),
        ("<video><source src='v.mp4'></video>", "http://a.org/dir/v.mp4"),
    ],
)
def test_embedded_videos_are_clips(markup: str, url: str) -> None:
    assert [e.url for e in extract(page(markup)).elements if isinstance(e, Clip)] == [url]


def test_frames_without_a_video_are_left_out() -> None:
    doc = extract(page("<iframe src='https://ads.example/frame'></iframe>"))
    assert not [e for e in doc.elements if isinstance(e, Clip)]


def test_offsets_are_positions_in_the_text_of_the_document() -> None:
    doc = extract(page(f"<figure><img src='a.jpg'><figcaption>Below</figcaption></figure><ul><li>{WORDS} A.</li></ul>"))
    body = [text for text in doc.texts if text.origin == "body"]
    assert [doc.text[text.offset : text.offset + len(text.text)] for text in body if text.offset is not None] == [
        t.text for t in body
    ]
    assert [text.offset for text in doc.texts if text.origin == "caption"] == [None]


def test_paths_count_siblings_of_the_same_tag() -> None:
    doc = extract(page("<p><b>So</b> <img src='a.jpg'></p>"))
    assert doc.images[0].path == "html/body/article/p[2]/img"
    assert doc.texts[-1].path == "html/body/article/p[3]"


def test_preformatted_text_keeps_its_lines() -> None:
    doc = extract(page("<pre>for x in y:\n    pass\n\n    stop</pre>"))
    assert [text.text for text in doc.texts if text.role == "code"] == ["for x in y:\n    pass\n\n    stop"]


@pytest.mark.parametrize("frame", ["code-toolbar", "codehilite", "listingblock", "wp-block-code", "snippet-clipboard-content"])
def test_a_listing_in_the_frame_of_the_usual_software_is_content(frame: str) -> None:
    assert "a = 1\n    b = 2" in [
        text.text for text in extract(page(f"<div class='{frame}'><pre>a = 1\n    b = 2</pre></div>")).texts
    ]


def test_two_line_breaks_end_a_paragraph_and_one_does_not() -> None:
    doc = extract(page(f"<div>{WORDS} A.<br>{WORDS} B.<br><br>{WORDS} C.</div>"))
    assert f"{WORDS} A.\n{WORDS} B." in [text.text for text in doc.texts]
    assert f"{WORDS} C." in [text.text for text in doc.texts]


def test_inline_svg_drawings_are_counted() -> None:
    assert extract(page("<svg><title>A plan</title><path d='M0 0'/></svg>")).labels["drawings"] == "1"


def test_the_canonical_url_is_absolute() -> None:
    assert extract(page("", "<link rel='canonical' href='/story'>")).labels["canonical"] == "http://a.org/story"


def test_author_and_date_come_from_json_ld() -> None:
    data = '{"@graph": [{"author": [{"name": "Ada"}, "Charles"], "datePublished": "2003-10-01"}, '
    data += '{"datePublished": "2001-02-03"}]}'
    labels = extract(page("", f"<script type='application/ld+json'>{data}</script>")).labels
    assert (labels["author"], labels["published"]) == ("Ada; Charles", "2003-10-01")


@pytest.mark.parametrize("data", ["{", "[" * 5000, '{"author": 3, "@graph": null, "license": ["x"]}', "null"])
def test_invalid_json_ld_is_ignored(data: str) -> None:
    assert extract(page("", f"<script type='application/ld+json'>{data}</script>")).labels["title"] == "The heading"


def test_a_page_whose_content_is_all_in_nav_is_extracted() -> None:
    html = f"<html><body><nav><h1>Title</h1><p>{WORDS} One.</p><p>{WORDS} Two.</p></nav></body></html>"
    assert f"{WORDS} Two." in extract(html.encode()).text


@pytest.mark.parametrize("names", ["ad", "share-bar", "related-posts", "newsletter"])
def test_boilerplate_by_its_class_is_no_content_of_a_small_page(names: str) -> None:
    doc = extract(page(f"<section class='{names}'>More of this is at the stall by the gate.</section>"))
    assert [text.text for text in doc.texts if "stall" in text.text] == []


@pytest.mark.timeout(60)  # quadratic work would take hours
@pytest.mark.parametrize("tag", ["div", "b", "blockquote", "table", "font"])
def test_deep_nesting_takes_little_time(tag: str) -> None:
    *_, outcome = ExtractHtml().process([Document(id="d", body=(f"<{tag}>" * 40_000 + WORDS).encode())])
    assert isinstance(outcome, Document | Dropped)


def test_texts_in_elements_that_are_nested_too_deep_stay_texts_of_their_own() -> None:
    deep = "".join(f"<div>{WORDS} {n}" for n in range(600))
    doc = extract(page(f"<ul><li>{deep}<script>var pond = 1</script>"))
    assert [text.text for text in doc.texts if text.text[-1].isdigit()] == [f"{WORDS} {n}" for n in range(600)]
    assert "var pond" not in doc.text
    assert max(text.path.count("/") for text in doc.texts) < 520


@pytest.mark.timeout(60)  # quadratic work would take hours
@pytest.mark.slow
def test_a_page_of_ten_megabytes_is_extracted_in_time() -> None:
    doc = extract(page(f"<p>{WORDS} Mid. <img src='x.jpg'></p>" * 85_000))
    assert len(doc.texts) > 80_000


_MARKUP = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<div class='share'>",
        "</div>",
        "<table><tr><td>",
        "</td>",
        "</table>",
        "<ul><li>",
        "<br><br>",
        "<pre>",
        "</pre>",
        "<a href='//x['>",
        "</a>",
        "<img src='http://[x'>",
        "<img srcset=', ,,'>",
        "<figure>",
        "<figcaption>",
        "</figure>",
        "<svg>",
        "<noscript>",
        "</noscript>",
        "<iframe src='//vimeo.com/1'>",
        "<video>",
        "<source src=a>",
        "</video>",
        "<!--",
        "-->",
        "<script>",
        "<template>",
        "<base href='http://[['>",
        "<html lang>",
        "<body>",
        "<frameset>",
        "<select>",
        "<math><mi>",
        "&#0;",
        "&#xD800;",
        "<h1>",
        WORDS,
        "\u200b",
        "\ud83d",
        "x",
        " | ",
        "<td>",
        "<style>",
        "<meta charset='utf-7'>",
        "<h2>",
        "<span style='background:url('>",
    ]
)


@given(st.lists(_MARKUP | st.text(max_size=8), max_size=60))
@settings(max_examples=200)
def test_any_markup_gives_a_document_or_is_dropped(parts: list[str]) -> None:
    body = "".join(parts).encode("utf-8", "surrogatepass")
    *_, outcome = ExtractHtml().process([Document(id="d", source=Source(url=URL), body=body)])
    assert isinstance(outcome, Document | Dropped)
    if isinstance(outcome, Document):
        assert [e.position for e in outcome.elements] == list(range(len(outcome.elements)))
        assert all(0 <= (e.offset or 0) <= len(outcome.text) for e in outcome.elements)


@given(st.binary(max_size=400))
@settings(max_examples=100)
def test_any_bytes_give_a_document_or_are_dropped(body: bytes) -> None:
    *_, outcome = ExtractHtml().process([Document(id="d", body=b"<p>" + body)])
    assert isinstance(outcome, Document | Dropped)


Part = tuple[str, str, int | None]
"""What an element is, its words or URL, and the position of the image that it is a caption of."""


def textbook_page(seed: int) -> tuple[str, list[Part]]:
    """A page of a textbook, and its texts, images and captions in order."""
    chosen, markup = random.Random(seed), "<h1>Of the chapter</h1>"
    wanted: list[Part] = [("heading", "Of the chapter", None)]
    for n in range(40):
        words = f"{WORDS} Number {n}."
        role = chosen.choice(["paragraph", "paragraph", "paragraph", "heading", "list_item", "quote", "image"])
        if role == "image":
            markup += f"<figure><img src='/m/{n}.jpg' alt='Shown'><figcaption>{words}</figcaption></figure>"
            wanted += [("image", f"http://a.org/m/{n}.jpg", None), ("caption", words, len(wanted))]
        else:
            tag = {"paragraph": "p", "heading": "h3", "list_item": "li", "quote": "blockquote"}[role]
            markup += f"<{tag}>{words}</{tag}>"
            wanted += [(role, words, None)]
    return f"<!doctype html><html><body><article>{markup}</article></body></html>", wanted


@pytest.mark.parametrize("seed", range(10))
def test_made_textbook_pages_keep_text_images_and_captions_in_order(seed: int) -> None:
    html, wanted = textbook_page(seed)
    doc = extract(html.encode())
    elements = [e for e in doc.elements if isinstance(e, Text | Image)]
    assert [(e.role, e.text, e.of) if isinstance(e, Text) else ("image", e.url, None) for e in elements] == wanted


@pytest.mark.shared_data(
    "8_interleaved/openstax_philosophy", twin="test_made_textbook_pages_keep_text_images_and_captions_in_order"
)
def test_real_textbook_pages_keep_text_images_and_captions_in_order(shared_data: Path) -> None:
    folder, right, total = shared_data / "8_interleaved" / "openstax_philosophy", 0, 0
    for file in sorted((folder / "gold").iterdir()):
        gold = json.loads(file.read_text())
        doc = extract((folder / "pages" / f"{file.stem}.html").read_bytes())
        found = [_comparable(e.text if isinstance(e, Text) else e.url) for e in doc.elements if isinstance(e, Text | Image)]
        wanted = [
            _comparable(words) for part in gold for words in (part.get("text"), part.get("file"), part.get("caption")) if words
        ]
        right += sum(map(str.__eq__, found, wanted))
        total += len(wanted)
    assert right / total >= 0.99


_IMAGE_MARKUP = (
    "<p><img src='{}'></p>",
    "<figure><img src='{}' alt='Shown'><figcaption>What it shows</figcaption></figure>",
    "<div class='cards'><div><img src='{}'></div></div>",
    f"<div class='row'><img src='{{}}' width='300'><p>{WORDS}</p></div>",
    "<a href='large.html'><img src='{}' alt='A bird; links to a larger version'></a>",
    "<picture><source media='(min-width: 800px)' srcset='wide-of-{0}'><img src='{0}'></picture>",
)
"""How pages of documentation show an image with this URL."""


@pytest.mark.parametrize("seed", range(10))
def test_made_documentation_pages_keep_all_images_in_order(seed: int) -> None:
    chosen = random.Random(seed)
    names = [f"{n}-{word}.jpg" for n, word in enumerate(chosen.choices(["bear", "bird", "balloon"], k=12))]
    story = "".join(
        chosen.choice(_IMAGE_MARKUP).format(name) + f"<p>{WORDS} Of {name}.</p>" * chosen.randint(0, 1) for name in names
    )
    assert [image.url.rpartition("/")[2] for image in extract(page(story)).images] == names


@pytest.mark.shared_data("8_interleaved/mdn_pages", twin="test_made_documentation_pages_keep_all_images_in_order")
def test_real_documentation_pages_keep_all_images_in_order(shared_data: Path) -> None:
    folder = shared_data / "8_interleaved" / "mdn_pages"
    for line in (folder / "index.jsonl").read_text().splitlines():
        row = json.loads(line)
        doc = extract((folder / row["page"]).read_bytes())
        assert [_comparable(image.url) for image in doc.images] == [_comparable(image["src"]) for image in row["images"]]


def _comparable(words: str) -> str:
    """A text with single spaces; of a URL or a word, the part after the last slash."""
    return " ".join(words.split()) if " " in words else words.rpartition("/")[2]
