"""Laws of the host and the domain of a page."""

from __future__ import annotations

import pytest

from interloom.schemas.origin import domain_of, registrable_domain


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        (" https://user@WWW.Example.com.:8080/a", "example.com"),
        ("http://news.example.com/", "news.example.com"),
        ("//example.com/a", "example.com"),
        ("example", ""),
        ("http://[::1", ""),
        ("", ""),
    ],
)
def test_the_domain_is_the_host_without_www(url: str, domain: str) -> None:
    assert domain_of(url) == domain


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://www.example.com/a", "example.com"),
        ("https://a.b.example.co.uk/", "example.co.uk"),
        ("https://me.github.io/", "me.github.io"),
        ("https://www.xn--85x722f.xn--55qx5d.cn/", "食狮.公司.cn"),
        ("https://a.b.intern/", "b.intern"),
        ("http://localhost:8080/", "localhost"),
        ("http://10.0.0.1/", "10.0.0.1"),
        ("http://[::1]/", "::1"),
        ("", ""),
    ],
)
def test_the_registrable_domain_is_the_name_below_a_public_suffix(url: str, domain: str) -> None:
    assert registrable_domain(url) == domain
