"""Which pictures of a page become images, and that every other one has a row."""

from __future__ import annotations

import pytest

from interloom.schemas.document import Document, Source, Text
from interloom.schemas.outcome import Dropped
from interloom.stages.extract_html import ExtractHtml

URL = "https://garden.example/2024/pond.html"
WORDS = "The pond behind the orchard freezes late, because a spring under the willow keeps the water moving through the winter."


def outcomes(main: str, around: str = "") -> tuple[list[str], list[tuple[str, str]]]:
    """The URLs of the images of a page with this in its article, and URL and reason of each picture that is dropped."""
    html = f"<html><body>{around}<article><h1>The pond</h1><p>{WORDS} One.</p>{main}<p>{WORDS} Two.</p></article></body></html>"
    *dropped, doc = ExtractHtml().process([Document(id="d", source=Source(url=URL), body=html.encode())])
    assert isinstance(doc, Document)
    taken = [e.position for e in doc.elements] + [o.position for o in dropped if isinstance(o, Dropped)]
    assert sorted(p for p in taken if p is not None) == list(range(len(taken)))
    rows = [(o.url.rpartition("/")[2], o.drop.reason) for o in dropped if isinstance(o, Dropped)]
    return [image.url.rpartition("/")[2] for image in doc.images], rows


@pytest.mark.parametrize(
    "markup",
    [
        "<img class='lazy-loading' data-src='/i/x.jpg'>",
        "<img class='lazy loading' data-src='/i/x.jpg'>",
        "<img class='image-loader sprite tracker' src='/i/x.jpg'>",
        "<img class='js-lazy hidden' data-src='/i/x.jpg' src='/i/blank.gif'>",
        "<img style='display:none' data-src='/i/x.jpg'>",
        "<img style='background: url(data:image/png;base64,AA)' src='/i/x.jpg'>",
        "<img aria-hidden='true' src='/i/x.jpg'>",
        "<img src='/lazy/loading/pixel/x.jpg'>",
        "<img src='/ads/share/counter/x.jpg'>",
    ],
)
def test_a_word_in_a_class_or_folder_drops_no_picture_of_the_article(markup: str) -> None:
    assert outcomes(f"<figure>{markup}<figcaption>The pond in snow</figcaption></figure>") == (["x.jpg"], [])


@pytest.mark.parametrize(
    "name", ["loading-dock.jpg", "gray-whale.png", "share-price.png", "arrow.svg", "blank-canvas.gif", "gray.jpg"]
)
def test_a_word_in_the_name_of_a_file_drops_no_picture_of_the_article(name: str) -> None:
    assert outcomes(f"<p><img src='/i/{name}'></p>") == ([name], [])


@pytest.mark.parametrize(
    ("markup", "around", "rows"),
    [
        ("", "<nav><img src='n.png'></nav>", [("n.png", "in_boilerplate")]),
        ("", "<div hidden><p><img src='h.png'></p></div>", [("h.png", "in_boilerplate")]),
        ("", "<map><img src='m.png'></map>", [("m.png", "in_boilerplate")]),
        ("<div class='author-bio'><img src='ada.jpg'></div>", "", [("ada.jpg", "outside_content")]),
        ("<img>", "", [("", "no_address")]),
        ("<img src='spacer.gif'>", "", [("spacer.gif", "no_address")]),
        ("<img src='count?x' width='1' height='1'>", "", [("count?x", "tracking_pixel")]),
        ("<img class='avatar' src='ada.jpg'>", "", [("ada.jpg", "decoration")]),
        ("<a href='/'><img src='logo.png'></a>", "", [("logo.png", "decoration")]),
        ("<a href='/stories/index.html'><img src='story_logo_.gif'></a>", "", [("story_logo_.gif", "decoration")]),
        ("<div role='img' style='background-image: url(blank.gif)'></div>", "", [("", "no_address")]),
    ],
)  # fmt: skip
def test_every_picture_that_is_left_out_has_a_row_with_the_reason(markup: str, around: str, rows: list[tuple[str, str]]) -> None:
    assert outcomes(f"<p>{markup}</p>", around) == ([], rows)


def test_a_background_behind_another_picture_has_a_row() -> None:
    markup = "<figure style='background: url(/b.png)'><img src='/x.jpg'><figcaption>The pond in snow</figcaption></figure>"
    assert outcomes(markup) == (["x.jpg"], [("b.png", "background")])


def test_a_backslash_in_the_path_of_a_picture_is_a_slash() -> None:
    assert outcomes("<p><img src='\\i\\x.jpg?y=\\'></p>") == (["x.jpg?y=\\"], [])


def test_the_copy_of_a_picture_for_browsers_without_scripts_has_a_row() -> None:
    markup = "<p><img src='blank.gif' data-src='x.jpg'><noscript><img src='x.jpg'></noscript></p>"
    assert outcomes(markup) == (["x.jpg"], [("x.jpg", "same_picture")])


def test_pictures_of_a_page_without_content_have_rows() -> None:
    html = b"<html><body><nav><img src='a.png'></nav><footer><img src='data:image/gif;base64,R0lG'></footer></body></html>"
    *dropped, doc = ExtractHtml().process([Document(id="d", body=html)])
    assert [(o.url, o.drop.reason) for o in (*dropped, doc) if isinstance(o, Dropped)] == [
        ("a.png", "in_boilerplate"),
        ("data:image/gif;base64,", "in_boilerplate"),
        ("", "no_content"),
    ]


def test_pictures_of_the_page_are_kept_or_dropped_in_the_books(run, tmp_path) -> None:
    (tmp_path / "in").mkdir()
    picture = f"<img src=data:image/png;base64,{'A' * 400}>"
    body = f"<nav><img src=n.png></nav><article><p>{WORDS}{picture}<img></p><p>{WORDS * 2}</p></article>"
    (tmp_path / "in" / "a.html").write_text(body)
    finished = run(("stages.read_html", {"paths": str(tmp_path / "in")}), "stages.extract_html", "stages.write_parquet")
    account = next(book.images for step, book in finished.books().items() if "extract_html" in step)
    assert (account.born, account.out, account.dropped) == (3, 1, {"in_boilerplate": 1, "no_address": 1})


PREVIEWS = {
    "<p><img class='x-thumbnail' src='/max/30/x.jpg'><i></i><img class='x-image' data-src='/max/800/x.jpg'></p>": "x.jpg",
    "<img aria-hidden='true' src='data:image/jpeg;base64," + "A" * 1200 + "'><img class='lazy' data-src='/i/x.jpg'>": "x.jpg",
    "<img class='preview' src='/i/x-tiny.jpg'><img class='full' data-src='/i/x.jpg'>": "x.jpg",
    "<img src='/i/x.jpg?w=20'><img src='/i/x.jpg?w=900'>": "x.jpg?w=900",
    "<img src='/20x15/x.jpg'><img src='/800x600/x.jpg'>": "x.jpg",
    "<img class='placeholder' src='/i/x.jpg?tr=w-20,bl-6'><img data-src='/i/x.jpg?tr=w-1000'>": "x.jpg?tr=w-1000",
    "<img class='preview' src='/i/x_20x.jpg'><img class='lazyload' data-src='/i/x_1000x.jpg'>": "x_1000x.jpg",
    "<img width='32' height='24' src='/i/a.jpg'><img loading='lazy' src='/i/x.jpg' width='800' height='600'>": "x.jpg",
    "<a class='progressive' href='/i/x.jpg'><img class='preview' src='/i/x-small.jpg'></a>": "x.jpg",
}  # fmt: skip


@pytest.mark.parametrize("markup", PREVIEWS)
def test_a_preview_and_the_full_picture_are_one_image(markup: str) -> None:
    images, rows = outcomes(f"<figure>{markup}<figcaption>The pond in snow</figcaption></figure>")
    assert images == [PREVIEWS[markup]]
    assert [reason for _, reason in rows] == ["preview"] * (markup.count("<img") - 1)


@pytest.mark.parametrize(
    "markup",
    [
        "<img src='/i/left.jpg'><img src='/i/right.jpg'>",
        "<img src='/i/pond-1.jpg'><img src='/i/pond-2.jpg'>",
        "<img src='/i/photo-1200.jpg'><img src='/i/photo-1201.jpg'>",
        "<img class='thumb' src='/i/a.jpg'><img class='thumb' src='/i/b.jpg'>",
    ],
)
def test_two_pictures_in_a_figure_are_two_images(markup: str) -> None:
    images, rows = outcomes(f"<figure>{markup}<figcaption>The pond twice</figcaption></figure>")
    assert (len(images), rows) == (2, [])


def captions(markup: str) -> list[tuple[str, str]]:
    """For each image of a page with this in its article: the name of its file, and its caption."""
    html = f"<html><body><article><h1>The pond</h1><p>{WORDS} One.</p>{markup}<p>{WORDS} Two.</p></article></body></html>"
    *_, doc = ExtractHtml().process([Document(id="d", source=Source(url=URL), body=html.encode())])
    assert isinstance(doc, Document)
    caption_of = {text.of: text.text for text in doc.elements if isinstance(text, Text) and text.origin == "caption"}
    return [(image.url.rpartition("/")[2], caption_of.get(image.position, "")) for image in doc.images]


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<figure><img src=a.jpg></figure><figcaption>Ice</figcaption>", [("a.jpg", "Ice")]),
        ("<figure><img src=a.jpg><figcaption>Ice</figcaption></figure><figcaption>Reed</figcaption>", [("a.jpg", "Ice")]),
        ("<figure><img src=a.jpg></figure><p class=caption>Ice</p>", [("a.jpg", "")]),
        (
            "<figure><img src=a.jpg><p class=caption>Ice</p><img src=b.jpg><p class=caption>Reed</p></figure>",
            [("a.jpg", "Ice"), ("b.jpg", "Reed")],
        ),
        ("<figure><img src=a.jpg><img src=b.jpg><figcaption>Both</figcaption></figure>", [("a.jpg", "Both"), ("b.jpg", "")]),
    ],
)
def test_the_caption_of_an_image_stands_in_its_figure_or_is_the_figcaption_after_it(
    markup: str, expected: list[tuple[str, str]]
) -> None:
    assert captions(markup) == expected


@pytest.mark.parametrize(
    ("small", "wide"),
    [
        ("visible-xs", "hidden-xs"),
        ("d-md-none", "d-none d-md-block"),
        ("md:hidden", "hidden md:block"),
        ("show-for-small-only", "hide-for-small-only"),
        ("is-hidden-desktop", "is-hidden-mobile"),
    ],
)
def test_a_picture_that_stands_twice_for_small_and_wide_screens_is_one_image(small: str, wide: str) -> None:
    pictures = [f"<div class='{name}'><figure><img src='/i/x.jpg'></figure></div>" for name in (small, wide)]
    assert outcomes("".join(pictures))[0] == ["x.jpg"]


@pytest.mark.parametrize(
    "names", ["hidden-xs", "hide-for-small", "mobile-hide", "hidden md:block", "max-md:hidden", "col hidden-print"]
)
def test_what_is_hidden_on_small_screens_or_paper_alone_is_content(names: str) -> None:
    figure = "<figure><img src='/i/x.jpg'><figcaption>The pond in snow</figcaption></figure>"
    assert captions(f"<div class='{names}'><p>{WORDS} Mid.</p>{figure}</div>") == [("x.jpg", "The pond in snow")]


@pytest.mark.parametrize(
    ("markup", "image"),
    [
        ("<img src='/i/a.jpg' data-src='/photo.php?id=3'>", "a.jpg"),
        ("<img src='/i/a.jpg' data-original='/photos/123'>", "a.jpg"),
        ("<img src='/i/a.jpg' data-src='/i/b.webp'>", "b.webp"),
        ("<img src='/image/7' data-src='/photos/123'>", "123"),
        ("<img src='/i/desk-spacer-oak.jpg'>", "desk-spacer-oak.jpg"),
        ("<img src='/i/placeholder.jpg' data-src='/i/a.jpg'>", "a.jpg"),
    ],
)
def test_a_picture_file_gives_way_to_another_picture_file_alone(markup: str, image: str) -> None:
    assert outcomes(f"<p>{markup}</p>") == ([image], [])
