import pytest

from interloom.stages.extract_html.image_names import is_placeholder
from interloom.stages.extract_html.image_source import image_source, largest_candidate


@pytest.mark.parametrize(
    ("srcset", "url"),
    [
        ("a.jpg 1x, b.jpg 2x", "b.jpg"),
        ("a.jpg", "a.jpg"),
        ("a.jpg 300w,b.jpg 600w,c.jpg 100w", "b.jpg"),
        ("http://x/a,w_300/b.jpg 300w, http://x/a,w_900/b.jpg 900w", "http://x/a,w_900/b.jpg"),
        ("data:image/png;base64,AAAA 1x", "data:image/png;base64,AAAA"),
        ("", ""),
        (" , ,", ""),
    ],
)
def test_the_largest_candidate_of_a_srcset_is_chosen(srcset: str, url: str) -> None:
    assert largest_candidate(srcset) == url


@pytest.mark.parametrize(
    ("url", "expected"), [("/i/spacer.gif", True), ("", True), ("data:image/gif;base64,R0", True), ("/i/cat.jpg", False)]
)
def test_placeholders_are_recognized_by_their_url(url: str, expected: bool) -> None:
    assert is_placeholder(url) is expected


@pytest.mark.parametrize(
    ("attributes", "url"),
    [
        ({"src": "/i/x.jpg", "data-url": "/2024/pond.html"}, "/i/x.jpg"),
        ({"src": "/i/x.jpg", "data-image": "pond.caption"}, "/i/x.jpg"),
        ({"src": "/i/x.jpg", "data-src": "/2024/pond"}, "/i/x.jpg"),
        ({"src": "/i/x.jpg", "data-original": "/album/"}, "/i/x.jpg"),
        ({"src": "/i/x.jpg", "data-lazy": "true.js"}, "/i/x.jpg"),
        ({"src": "/i/x-20.jpg", "data-src": "/i/x.jpg"}, "/i/x.jpg"),
        ({"src": "/img?id=1&w=20", "data-src": "/img?id=1&w=900"}, "/img?id=1&w=900"),
        ({"src": "spacer.gif", "data-src": "/2024/pond"}, "/2024/pond"),
        ({"src": "spacer.gif", "data-url": "/2024/pond.html", "data-full-src": "/i/x.jpg"}, "/i/x.jpg"),
        ({"src": "spacer.gif", "data-url": "/2024/pond.html", "srcset": "/i/x.jpg 2x"}, "/i/x.jpg"),
        ({"src": "spacer.gif", "data-src": "//images.garden.example/7f3a"}, "//images.garden.example/7f3a"),
        ({"src": "/i/x.jpg", "data-src": "/render?file=y.png"}, "/render?file=y.png"),
    ],
)
def test_a_lazy_attribute_wins_over_a_placeholder_or_if_it_looks_like_a_picture(attributes: dict[str, str], url: str) -> None:
    assert image_source(attributes) == url


@pytest.mark.parametrize(
    "name", ["file", "zoomfile", "_src", "real_src", "ess-data", "pagespeed_lazy_src", "v-lazy", ":src", "ng-src"]
)
@pytest.mark.parametrize("src", ["", "/theme/loading.gif", "data:image/gif;base64,R0lG"])
def test_any_attribute_may_name_the_picture_in_place_of_a_placeholder(name: str, src: str) -> None:
    assert image_source(
        {"src": src, "alt": "pond.jpg", "onerror": "a.jpg", "data-fallback": "/none.png", name: "/i/pond.jpg"}
    ) == ("/i/pond.jpg")


@pytest.mark.parametrize(
    ("attributes", "url"),
    [
        ({"src": "/blank.gif", "data-sizes-json": '{"320": "/i/a-320.jpg", "900": "/i/a-900.jpg"}'}, "/i/a-900.jpg"),
        ({"src": "/blank.gif", "data-interchange": "[/i/a-s.jpg, small], [/i/a-l.jpg, large]"}, "/i/a-l.jpg"),
        ({"data-src": "//s.example/a_{width}x.jpg?v=1", "data-widths": "[180, 360]"}, "//s.example/a_360x.jpg?v=1"),
        ({"src": "/i/a.jpg?lqip", "data-srcset": "/i/a.jpg 900w"}, "/i/a.jpg"),
        ({"src": "/i/pond.jpg", "data-srcset": "/i/other.jpg 900w"}, "/i/pond.jpg"),
        ({"src": "/i/pond.jpg", "data-srcset": "/2024/pond 900w"}, "/i/pond.jpg"),
        ({"data-src": "/i/placeholder.jpg"}, "/i/placeholder.jpg"),
        ({"src": "/blank.gif", "title": "pond.jpg"}, "/blank.gif"),
    ],
)
def test_lists_templates_and_previews_give_the_picture_that_readers_see(attributes: dict[str, str], url: str) -> None:
    assert image_source(attributes) == url
