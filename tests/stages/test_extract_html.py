import re

import pytest

from schemas.document import Document, Image, Source, Text
from schemas.outcome import Dropped
from stages.extract_html import ExtractHtml, blocks

WORDS = "This is a sentence with enough words in it to be taken for the main content of the page."
URL = "http://a.org/dir/page.html"


def page(main: str, head: str = "", tag: str = "<html lang='en'>") -> bytes:
    nav = "<nav><a href='/'>Home</a> <a href='/x'>Other <img src='/nav.png'></a></nav>"
    article = f"<article><h1>The heading</h1><p>{WORDS} One.</p>{main}<p>{WORDS} Two.</p></article>"
    return f"<!doctype html>{tag}<head><title>The title</title>{head}</head><body>{nav}{article}</body></html>".encode()


def extract(html: bytes, content_type: str = "text/html") -> Document:
    (doc,) = ExtractHtml().process([Document(id="d", source=Source(url=URL, content_type=content_type), body=html)])
    assert isinstance(doc, Document)
    return doc


def only_image(main: str, head: str = "") -> Image:
    (image,) = extract(page(main, head)).images
    return image


def test_blocks_come_in_reading_order_with_their_roles() -> None:
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


def test_an_image_stands_between_its_neighbours_with_its_caption_after_it() -> None:
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


def test_images_of_the_navigation_are_left_out() -> None:
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
    ],
)
def test_the_real_picture_is_found(markup: str, url: str) -> None:
    assert only_image(markup).url == url


def test_the_base_element_is_resolved_against_the_page() -> None:
    assert only_image("<img src='x.jpg'>", "<base href='/other/'>").url == "http://a.org/other/x.jpg"


def test_pictures_in_data_uris_are_kept_whole() -> None:
    uri = "data:image/png;base64," + "A" * 400
    assert only_image(f"<img src='{uri}'>").url == uri


def test_counting_pixels_are_no_pictures() -> None:
    assert extract(page("<img src='http://t.org/count' width=1 height=1><img src='data:image/gif;base64,R0lGODlh'>")).images == ()


def test_labels_and_rights_come_from_the_page() -> None:
    head = "<meta name='author' content='Ada Byron'><meta name='robots' content='index, noai'>"
    head += "<meta name='tdm-reservation' content='1'><meta property='article:published_time' content='2020-03-04'>"
    doc = extract(page("<a rel='license' href='/cc-by'>CC BY</a>", head))
    assert doc.labels == {"title": "The heading", "author": "Ada Byron", "published": "2020-03-04", "language": "en"}
    assert doc.source.licence == "http://a.org/cc-by"
    assert doc.source.opt_out == "meta robots: noai; meta tdm-reservation: 1"


def test_xhtml_with_an_xml_declaration_is_read() -> None:
    html = b"<?xml version='1.0' encoding='utf-8'?>" + page("<p>Gr\u00fc\u00dfe</p>".encode().decode())
    assert "Grüße" in extract(html).text


@pytest.mark.parametrize("control", ["\x01", "\x00", "&#1;", "&#x1F;", "&#xFFFF;", "&#xD800;", "&#99999999;", "\uffff"])
def test_control_characters_do_no_harm(control: str) -> None:
    doc = extract(page(f"<p>{WORDS}<br>{control}Mid{control}dle</p><ul><li>{control}An item<br>{control}of it</li></ul>"))
    assert "Mid" in doc.text and not re.search("[\x00-\x08\x0b-\x1f]", doc.text)


def test_references_to_written_characters_stay() -> None:
    assert "tab&newline" in extract(page(f"<p>{WORDS} tab&#38;newline &#10; &#x20AC;&#8364;</p>")).text


def test_tables_keep_rows_and_cells() -> None:
    doc = extract(page("<table><tr><th>Name</th><th>Age</th></tr><tr><td>Ada</td><td>36</td></tr></table>"))
    assert [e.text for e in doc.texts if e.role == "table"] == ["Name | Age\nAda | 36"]


def test_pages_of_pictures_alone_are_documents() -> None:
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
def test_what_has_no_content_is_dropped(body: bytes, reason: str) -> None:
    (outcome,) = ExtractHtml().process([Document(id="d", body=body)])
    assert isinstance(outcome, Dropped) and outcome.drop.reason == reason


@pytest.mark.parametrize("cut", [60, 200, 350, 500])
def test_cut_pages_do_not_raise(cut: int) -> None:
    (outcome,) = ExtractHtml().process([Document(id="d", body=page("<img src='x.jpg'>")[:cut])])
    assert isinstance(outcome, Document | Dropped)


def test_blocks_are_plain_dictionaries() -> None:
    found = blocks(page("<img src='x.jpg' alt='b'>"), URL)
    assert {"type": "image", "src": "http://a.org/dir/x.jpg", "alt": "b"} in found
    assert found[0] == {"type": "text", "text": "The heading"}
