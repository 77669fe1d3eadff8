"""URLs of the same page, and URLs of the same image, have the same normal form; URLs of different ones have not."""

from __future__ import annotations

import pyarrow as pa
import pytest

from interloom.stages._web.urls import normalise_image_urls, normalise_page_url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a?x=1&b=2",
        "https://EXAMPLE.com/a?x=1&b=2",
        "http://example.com:80/a?x=1&b=2#part",
        "https://example.com:443/a/?x=1&b=2",
        " http://example.com./a?x=1&b=2",
    ],
)
def test_urls_of_the_same_page_are_equal(url: str) -> None:
    assert normalise_page_url(url) == "http://example.com/a?x=1&b=2"


@pytest.mark.parametrize(
    "other", ["http://e.com/A", "http://e.com/a?b", "http://e.com:8080/a", "ftp://e.com/a", "http://u@e.com/a"]
)
def test_urls_of_other_pages_stay_different(other: str) -> None:
    assert normalise_page_url(other) != normalise_page_url("http://e.com/a")


def test_schemes_and_queries_of_pages_count_as_the_parameters_say() -> None:
    assert normalise_page_url("https://e.com/a", merge_schemes=False) == "https://e.com/a"
    assert normalise_page_url("http://e.com/a?x=1", strip_query=True) == "http://e.com/a"


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("http://Example.COM/A.jpg", "example.com/A.jpg"),
        ("https://example.com/A.jpg#top", "example.com/A.jpg"),
        ("HTTPS://example.com:443/A.jpg", "example.com/A.jpg"),
        ("http://example.com:80/A.jpg", "example.com/A.jpg"),
        ("http://example.com:/A.jpg", "example.com/A.jpg"),
        ("http://example.com:8080/A.jpg", "example.com:8080/A.jpg"),
        ("//example.com/A.jpg", "example.com/A.jpg"),
        ("http://example.com", "example.com/"),
        ("http://example.com?x=1", "example.com/?x=1"),
        ("http://example.com/a?b=/C:80", "example.com/a?b=/C:80"),
        ("http://example.com/%e2%9c%93?q=%2f", "example.com/%E2%9C%93?q=%2F"),
        ("http://example.com/✓ x", "example.com/%E2%9C%93%20x"),
        ("http://bücher.example/%C3%A4", "xn--bcher-kva.example/%C3%A4"),
        (" http://example.com/a ", "example.com/a"),
        ("", "/"),
        (None, "/"),
        ("http://a..b/é", "a..b/%C3%A9"),
    ],
)
def test_image_urls_have_one_normal_form(url: str | None, form: str) -> None:
    assert normalise_image_urls(pa.array([url], pa.string())).to_pylist() == [form]


def test_normal_forms_of_image_urls_are_stable() -> None:
    urls = normalise_image_urls(pa.array(["http://a.b:80/%aa?é#x", "https://Ä.example/ü", "x"]))
    assert normalise_image_urls(urls).equals(urls)


@pytest.mark.parametrize(
    ("one", "other", "same_page", "same_image"),
    [
        ("http://e.com/a", "http://e.com/a/", True, False),
        ("http://e.com/a", "http://e.com./a", True, False),
        ("http://e.com/a", "//e.com/a", False, True),
        ("http://e.com/%c3", "http://e.com/%C3", False, True),
        ("http://e.com/a", "https://E.com/a#top", True, True),
    ],
)
def test_the_rules_for_pages_and_images_differ(one: str, other: str, same_page: bool, same_image: bool) -> None:
    first, second = normalise_image_urls(pa.array([one, other])).to_pylist()
    assert (normalise_page_url(one) == normalise_page_url(other)) is same_page
    assert (first == second) is same_image
