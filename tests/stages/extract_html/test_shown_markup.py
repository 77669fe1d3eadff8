"""What readers see of inline frames whose text stands in the page is read where it stands."""

from __future__ import annotations

import pytest

from interloom.stages.extract_html.shown_markup import with_shown_markup


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ('<p>a<iframe srcdoc="<p>b &lt; c</p>"></iframe>d', "<p>a<div><p>b &lt; c</p></div>d"),
        ("<IFRAME class=a srcdoc='&lt;img src=&quot;x.jpg&quot;&gt;'>old</IFRAME>", '<div class="a"><img src="x.jpg"></div>'),
        ('<iframe srcdoc="<html><body class=x><div>b"></iframe><p>c', "<div><div>b</div></div><p>c"),
        ("<iframe hidden srcdoc=b></iframe>", '<div hidden="">b</div>'),
        ("<iframe srcdoc=b></iframe><iframe src=c></iframe>", "<div>b</div><iframe src=c></iframe>"),
    ],
)
def test_the_text_of_an_inline_frame_takes_its_place(markup: str, expected: str) -> None:
    assert with_shown_markup(markup.encode()).decode() == expected


@pytest.mark.parametrize(
    "markup",
    [
        "<iframe src='https://www.youtube.com/embed/7' srcdoc='<a href=x><img src=preview.jpg></a>'></iframe>",
        "<iframe srcdoc=''></iframe>",
        "<iframe data-srcdoc='b'></iframe>",
        "<iframe srcdoc='b",
        "<pre>srcdoc</pre>",
    ],
)
def test_other_frames_stay(markup: str) -> None:
    assert with_shown_markup(markup.encode()).decode() == markup


@pytest.mark.timeout(60)  # quadratic work would take hours
def test_many_broken_frames_take_little_time() -> None:
    html = b"<iframe srcdoc " * 200_000
    assert with_shown_markup(html) == html
