"""Laws of the domain of a page."""

from __future__ import annotations

import pytest

from interloom.schemas.origin import domain_of


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
