from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

from interloom.pipeline.filter import image_filter
from interloom.schemas.document import Image
from interloom.schemas.outcome import Drop

_HOST = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//[^/?#]*", re.IGNORECASE)


@image_filter
def image_name(image: Image, *, words: tuple[str, ...] = ("logo", "button", "icon", "plugin", "widget", "banner")) -> Drop | None:
    """Drops images whose URL names page furniture anywhere after the host.

    The words are those of MMC4 (arXiv 2304.06939, section 2) and OBELICS, and banner. They match within words, as
    published: `favicon` goes, and so does `silicon`. A `data:` URI has no name and stays.
    """
    if not image.url or image.url[:5].lower() == "data:":
        return None
    found = _any_of(tuple(words)).search(unquote(_HOST.sub("", image.url)))
    return Drop("named_as_furniture") if found else None


@lru_cache(maxsize=64)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, words)) or r"(?!)", re.IGNORECASE)
