"""Normalises URLs: two URLs with the same normal form are taken for the same page or the same image.

There are two sets of rules, because the two questions differ.

* Pages (`normalise_page_url`, for `stages.dedup_url`): are two captures the same page? Captures come with absolute URLs, and a
  wrong match loses a document. The scheme stays unless it is http or https, user names stay, and a port is removed only if
  it is the default of the URL's scheme. A trailing slash and a trailing dot of the host are removed, because sites serve the
  same page with and without them; percent-encoding stays as it is written. The recipe can ignore the query.
* Images (`normalise_image_urls`, for `stages.fetch_images`): does the crawl contain the image that a page links to? Here the
  page and the crawler write the same URL in different ways, and a missed match loses an image. So the scheme is removed, also
  where a link leaves it out (`//host/path`), so are :80 and :443, spaces and letters of other alphabets are percent-encoded
  (host names by IDNA), and percent-encoding is in upper case. Paths stay as they are, because `a` and `a/` are different files.
  Columns of millions of URLs are normalised at once, in Arrow.

Both ignore white space around the URL, the fragment, the case of the host and the difference between http and https.
"""

from __future__ import annotations

import re
import string
from urllib.parse import quote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_SCHEME_OR_FRAGMENT = r"(?is)^(?:https?:)?//|#.*$"
_HOST_PATH_QUERY = rf"(?s)^(?P<host>[^/?]*?)(?::(?:{'|'.join(_DEFAULT_PORTS.values())})?)?(?P<path>/[^?]*)?(?P<query>\?.*)?$"
_TO_ENCODE = r"%(?:[a-f][0-9A-Fa-f]|[0-9A-F][a-f])|[^!-~]"
"""Percent-encoding in lower case, or a character that is not printable ASCII."""
PRINTABLE = string.ascii_letters + string.digits + string.punctuation
"""The characters that `quote` leaves as they are, so that only spaces and characters beyond ASCII are encoded."""


def normalise_page_url(url: str, *, strip_query: bool = False, merge_schemes: bool = True) -> str:
    """Returns the normal form of a page's URL. A URL that cannot be parsed is only stripped of white space.

    Example: " https://Example.com:443/a/?x=1#top" -> "http://example.com/a?x=1".

    Parameters:
        url: The URL.
        strip_query: Whether the query is removed. Default false.
        merge_schemes: Whether https becomes http. Default true.
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return url.strip()
    user, at, host = parts.netloc.rpartition("@")
    host = host.lower().removesuffix(f":{_DEFAULT_PORTS.get(parts.scheme, '')}").removesuffix(".")
    scheme = "http" if merge_schemes and parts.scheme == "https" else parts.scheme
    query = f"?{parts.query}" if parts.query and not strip_query else ""
    return f"{scheme}://{user}{at}{host}{parts.path.rstrip('/')}{query}"


def normalise_image_urls(urls: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Returns the normal forms of a column of image URLs (RFC 3986, section 6.2); null counts as "".

    Example: "https://Bücher.example:443/%c3%a4 b#top" -> "xn--bcher-kva.example/%C3%A4%20b".
    """
    flat = urls.combine_chunks() if isinstance(urls, pa.ChunkedArray) else urls
    flat = pc.utf8_trim_whitespace(pc.fill_null(flat.cast(pa.string()), ""))
    parts = pc.extract_regex(pc.replace_substring_regex(flat, _SCHEME_OR_FRAGMENT, ""), _HOST_PATH_QUERY)
    host, path, query = (pc.fill_null(pc.struct_field(parts, name), "") for name in ("host", "path", "query"))
    path = pc.if_else(pc.equal(path, ""), "/", path)
    joined = pc.binary_join_element_wise(pc.utf8_lower(host), path, query, "")
    needs_encoding = pc.match_substring_regex(joined, _TO_ENCODE)
    encoded = pa.array([_encode(url) for url in joined.filter(needs_encoding).to_pylist()], pa.string())
    return pc.replace_with_mask(joined, needs_encoding, encoded)


def _encode(url: str) -> str:
    """Encodes the host by IDNA, and the rest with percent-encoding in upper case.

    Example: "ä.org/é%2f" -> "xn--4ca.org/%C3%A9%2F".
    """
    host, slash, rest = url.partition("/")
    try:
        host = host.encode("idna").decode("ascii")
    except UnicodeError:
        host = quote(host, safe=PRINTABLE)
    return host + slash + re.sub("%[0-9a-fA-F]{2}", lambda code: code[0].upper(), quote(rest, safe=PRINTABLE))
