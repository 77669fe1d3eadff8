"""`data:` URIs: which URLs are such, and how they are shown in a table."""

from __future__ import annotations

_MAX_DATA_HEAD = 200
"""Characters that are kept of a `data:` URI at most. Our choice."""


def is_data_uri(url: str) -> bool:
    """Returns whether the URL is a `data:` URI."""
    return url[:5].lower() == "data:"


def without_data(url: str) -> str:
    """Returns the URL without the data of a `data:` URI. Example: "data:image/png;base64,AAAA" -> "data:image/png;base64,"."""
    return url[:_MAX_DATA_HEAD].partition(",")[0] + "," if is_data_uri(url) else url
