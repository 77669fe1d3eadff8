"""Resolves the addresses that a page names against its own."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urljoin

_ABSOLUTE = re.compile(r"https?://[a-z0-9.-]+/[!$&-.0-:=@-Z_a-z~/%]*(?:\?[!$&-.0-;=@-Z_a-z~/%]+)?")
"""An address that resolves to itself; others may, too, and are parsed."""
_FROM_ROOT = re.compile(r"(?://[a-z0-9.-]+)?/(?!/)[!$&-.0-:=@-Z_a-z~/%]*(?:\?[!$&-.0-;=@-Z_a-z~/%]+)?")
"""An address that begins with its host or with its path; what is before it comes from the base."""
_ORIGIN = re.compile(r"(https?:)//[a-z0-9.-]+(?=[/?#]|$)")
_MAX_BASES = 256
"""Bases that are remembered. Our choice."""


def absolute_url(base: str, url: str) -> str:
    """`url` resolved against `base`; as it is if it cannot be parsed; empty if it is empty.

    A backslash in its path is a slash, as browsers read it (WHATWG URL).
    """
    if not url or ("\\" not in url and _ABSOLUTE.fullmatch(url)):
        return url
    if _FROM_ROOT.fullmatch(url) and "/." not in url:
        scheme, origin = _scheme_and_origin(base)
        if origin:
            return f"{scheme if url.startswith('//') else origin}{url}"
    if "\\" in url and not url.startswith("data:"):
        end = next((n for n, character in enumerate(url) if character in "?#"), len(url))
        url = url[:end].replace("\\", "/") + url[end:]
    try:
        return urljoin(base, url.strip())
    except ValueError:
        return url.strip()


@lru_cache(maxsize=_MAX_BASES)
def _scheme_and_origin(base: str) -> tuple[str, str]:
    """What an address that begins with slashes is completed by: `"http://a.org/b"` -> `("http:", "http://a.org")`."""
    origin = _ORIGIN.match(base)
    return (origin[1], origin[0]) if origin else ("", "")
