from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

from interloom.pipeline.contents import IMAGES
from interloom.pipeline.filter import image_filter
from interloom.pipeline.ranges import Names
from interloom.schemas.document import Image
from interloom.schemas.outcome import Drop

_SCHEME_AND_HOST = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//[^/?#]*", re.IGNORECASE)


@image_filter(needs=[IMAGES])
def image_name(image: Image, *, words: Names = ("logo", "button", "icon", "plugin", "widget", "banner")) -> Drop | None:
    """Drops images whose URL contains a word for boilerplate, such as "logo", after the host.

    As published, a word also matches inside a longer word: `favicon` is dropped, and so is `silicon`. A `data:` URI has no
    name and stays. The reason is `named_as_furniture`.

    Parameters:
        words: The words, compared without regard to case. Default: those of MMC4 (arXiv 2304.06939, section 2) and OBELICS, and
            "banner", our choice.
    """
    if not image.url or image.url[:5].lower() == "data:":
        return None
    match = _any_of(tuple(words)).search(unquote(_SCHEME_AND_HOST.sub("", image.url)))
    return Drop("named_as_furniture") if match else None


@lru_cache(maxsize=64)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """Returns a pattern that matches any of the words, or nothing if there are none."""
    return re.compile("|".join(map(re.escape, words)) or r"(?!)", re.IGNORECASE)
