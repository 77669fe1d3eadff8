"""Where a page comes from: its domain."""

from __future__ import annotations

from urllib.parse import urlsplit


def domain_of(url: str) -> str:
    """Returns the host of a URL in lower case without `www.`, "" if it has none.

    Example: "https://user@WWW.Example.com.:8080/a" -> "example.com".
    """
    try:
        host = urlsplit(url.strip()).hostname or ""
    except ValueError:
        return ""
    return host.removesuffix(".").removeprefix("www.")
