"""Where a page comes from: its host and its registrable domain."""

from __future__ import annotations

from urllib.parse import urlsplit

from tld import get_fld


def domain_of(url: str) -> str:
    """Returns the host of a URL in lower case without `www.`, "" if it has none.

    Example: "https://user@WWW.Example.com.:8080/a" -> "example.com".
    """
    try:
        host = urlsplit(url.strip()).hostname or ""
    except ValueError:
        return ""
    return host.removesuffix(".").removeprefix("www.")


def registrable_domain(url: str) -> str:
    """Returns the name below a public suffix that the host of a URL belongs to: what one owner registers. "" without a host.

    Suffixes are those of the Public Suffix List, as the package tld has it, with its private part (github.io). A host below none
    is taken by its last two labels, an address as it is.
    Example: "https://www.a.example.co.uk/x" -> "example.co.uk".
    """
    host = _in_unicode(domain_of(url))
    if not host or ":" in host or host.rpartition(".")[2].isdecimal():
        return host
    return get_fld(host, fail_silently=True, fix_protocol=True) or ".".join(host.split(".")[-2:])


def _in_unicode(host: str) -> str:
    """The list has suffixes in Unicode: "xn--..." -> their letters."""
    try:
        return host.encode("ascii").decode("idna") if "xn--" in host else host
    except UnicodeError:
        return host
