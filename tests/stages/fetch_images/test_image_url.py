"""Hashes of image URLs, `data:` URIs, and the names of saved copies."""

import base64

import numpy as np
import pyarrow as pa
import pytest

from interloom.pipeline.errors import DocumentError
from interloom.stages._web.data_uri import decode_data_uri, without_data
from interloom.stages._web.urls import normalise_image_urls
from interloom.stages.fetch_images.image_url import hash_urls, saved_names


def test_hashes_do_not_depend_on_other_rows():
    urls = pa.array([f"h/{n}" for n in range(70_000)])
    together = hash_urls(urls)
    assert np.array_equal(together[65_530:65_540], hash_urls(urls[65_530:65_540]))
    assert together.dtype == np.uint64 and len(np.unique(together)) == 70_000


def test_hashes_are_evenly_distributed():
    shares = np.bincount((hash_urls(pa.array([f"host/{n}.jpg" for n in range(20_000)])) % np.uint64(7)).astype(int))
    assert shares.min() > 2_600 and shares.max() < 3_100


def test_no_urls_have_no_hash_urls():
    assert len(hash_urls(normalise_image_urls(pa.array([], pa.string())))) == 0


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
    assert decode_data_uri(url) == data


@pytest.mark.parametrize(
    "url", ["data:image/png;base64", "data:image/png;base64,a", "data:image/png;base64,§§§§", "data:x;base64,ab!d"]
)
def test_broken_data_uris_are_errors(url):
    with pytest.raises(DocumentError):
        decode_data_uri(url)


def test_a_data_uri_is_kept_without_its_data():
    assert without_data("data:image/png;base64,AAAA") == "data:image/png;base64,"
    assert len(without_data("data:" + "x" * 10_000)) < 300
    assert without_data("http://a/b,c") == "http://a/b,c"


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
