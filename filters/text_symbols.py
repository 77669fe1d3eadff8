from __future__ import annotations

import re

from interloom.pipeline.contents import TEXT
from interloom.pipeline.filter import text_filter
from interloom.schemas.document import Text
from interloom.schemas.outcome import Drop

_URL = re.compile(r"https?://|\bwww\.\w", re.IGNORECASE)
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b50-\u2b55\ufe0f\u20e3\U000e0020-\U000e007f]")
"""Pictographs, dingbats and flags, stars, and the marks that make an emoji of another character."""


@text_filter(needs=[TEXT])
def text_symbols(text: Text, *, urls: bool = True, emoji: bool = True) -> Drop | None:
    """Drops texts that contain a URL (`has_url`) or an emoji (`has_emoji`): paragraphs, or sentences after `split_sentences`.

    Parameters:
        urls: Whether texts with URLs are dropped. Default true (RealSyn, arXiv 2502.12513, section 3.1).
        emoji: Whether texts with emoji are dropped. Default true (RealSyn).
    """
    if urls and _URL.search(text.text):
        return Drop("has_url")
    return Drop("has_emoji") if emoji and _EMOJI.search(text.text) else None
