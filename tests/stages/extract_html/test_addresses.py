from urllib.parse import urljoin

import pytest

from interloom.stages.extract_html.addresses import absolute_url

BASES = [
    "",
    "http://a.org/b/c.html",
    "https://x-y.org",
    "http://a.org?q",
    "http://a.org:80/b",
    "http://A.org",
    "ftp://a.org",
    "/b",
]
FROM_ROOT = ["/", "/a//b", "/a/./b", "/a/../b", "/..", "/a?b", "/a?", "/a#f", "/a;b?c", "/a?b=/../c"]
WITH_HOST = ["//", "///a", "//o.org", "//o.org/", "//o.org/a?b", "//o.org/../a", "//O.org/a", "http://o.org/a/../b"]
ADDRESSES = [*FROM_ROOT, *WITH_HOST, "/a b", "a/b", "?q"]


@pytest.mark.parametrize("base", BASES)
def test_an_address_is_resolved_as_python_resolves_it(base: str) -> None:
    assert [absolute_url(base, address) for address in ADDRESSES] == [urljoin(base, address) for address in ADDRESSES]


def test_a_backslash_in_a_path_is_a_slash() -> None:
    assert absolute_url("http://a.org/b/", "\\c\\d.jpg?e\\f") == "http://a.org/c/d.jpg?e\\f"
