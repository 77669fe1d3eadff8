"""Addresses of one thing have one normal form and one key; those of two things do not."""

import base64

import numpy as np
import pyarrow as pa
import pytest

from interloom.pipeline.errors import DocumentError
from interloom.stages.fetch_images.image_url import decode_data, keys, normalised, saved_names, shown


def normal(url):
    return normalised(pa.array([url])).to_pylist()[0]


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("http://Example.COM/A.jpg", "example.com/A.jpg"),
        ("https://example.com/A.jpg#top", "example.com/A.jpg"),
        ("HTTPS://example.com:443/A.jpg", "example.com/A.jpg"),
        ("http://example.com:80/A.jpg", "example.com/A.jpg"),
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
def test_an_address_has_one_normal_form(url, form):
    assert normal(url) == form


def test_normal_forms_are_stable():
    urls = normalised(pa.array(["http://a.b:80/%aa?é#x", "https://Ä.example/ü", "x"]))
    assert normalised(urls).equals(urls)


def test_keys_do_not_depend_on_the_neighbours():
    urls = pa.array([f"h/{n}" for n in range(70_000)])
    together = keys(urls)
    assert np.array_equal(together[65_530:65_540], keys(urls[65_530:65_540]))
    assert together.dtype == np.uint64 and len(np.unique(together)) == 70_000


def test_keys_share_out_evenly():
    shares = np.bincount((keys(pa.array([f"host/{n}.jpg" for n in range(20_000)])) % np.uint64(7)).astype(int))
    assert shares.min() > 2_600 and shares.max() < 3_100


def test_no_urls_have_no_keys():
    assert len(keys(normalised(pa.array([], pa.string())))) == 0


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("data:image/png;base64," + base64.b64encode(b"\x89PNG?>").decode(), b"\x89PNG?>"),
        ("data:image/png;BASE64,aGVs%0AbG8=", b"hello"),
        ("data:;charset=x;base64,aGVs bG8", b"hello"),
        ("data:image/svg+xml,%3Csvg/%3E", b"<svg/>"),
        ("DATA:,a%20b", b"a b"),
        ("data:image/gif;base64,", b""),
    ],
)
def test_data_uris_are_decoded(url, data):
    assert decode_data(url) == data


@pytest.mark.parametrize(
    "url", ["data:image/png;base64", "data:image/png;base64,a", "data:image/png;base64,§§§§", "data:x;base64,ab!d"]
)
def test_broken_data_uris_are_errors(url):
    with pytest.raises(DocumentError):
        decode_data(url)


def test_a_data_uri_is_shown_without_its_bytes():
    assert shown("data:image/png;base64,AAAA") == "data:image/png;base64,"
    assert len(shown("data:" + "x" * 10_000)) < 300
    assert shown("http://a/b,c") == "http://a/b,c"


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("http://Host:8080/a/b%20c.jpg?q#f", ["host/a/b c.jpg", "a/b c.jpg"]),
        ("a/b.jpg", ["a/b.jpg"]),
        ("http://h/../x", []),
        ("http://h/%2e%2e/%2e%2e/etc/passwd", []),
        ("http://../x", ["x"]),
        ("http://h//etc/passwd", []),
        ("http://h/a\\..\\b", []),
        ("http://h/a%00b", []),
        ("http://h/", []),
        ("http://[::1", []),
        ("http://h/" + "x" * 300, []),
        ("http://h/" + "/".join(["long"] * 400), []),
        ("", []),
    ],
)
def test_a_saved_copy_never_lies_outside_its_folder(url, names):
    assert saved_names(url) == names
