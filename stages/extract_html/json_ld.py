"""Reads scripts of JSON-LD as pages write them: in comments or CDATA marks, with line breaks in strings, with commas too many."""

from __future__ import annotations

import json
import re
from typing import Any

_WRAPPING = re.compile(
    r"^(?:\s|//<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/|<!\[CDATA\[|<!--)+|(?:\s|;|//\]\]>|/\*\s*\]\]>\s*\*/|\]\]>|(?://\s*)?-->)+$"
)
_COMMA_TOO_MANY = re.compile(r'("(?:[^"\\]|\\.)*+")|,(?=\s*[}\]])')


def json_ld_value(text: str) -> Any:
    """The value of a script. Raises ValueError or RecursionError if it is no JSON even without such faults."""
    bare = _WRAPPING.sub("", text)
    decoder = json.JSONDecoder(strict=False)
    try:
        return decoder.decode(bare)
    except ValueError:
        return decoder.decode(_COMMA_TOO_MANY.sub(lambda match: match[1] or "", bare))
