from __future__ import annotations

from interloom.filters._judge import drop_if_above, drop_if_below
from interloom.filters._words import words
from interloom.pipeline.contents import TEXT
from interloom.pipeline.filter import text_filter
from interloom.pipeline.ranges import Count
from interloom.schemas.document import Text
from interloom.schemas.outcome import Drop


@text_filter(needs=[TEXT])
def text_word_count(text: Text, *, at_least: Count | None = 3, at_most: Count | None = 81) -> Drop | None:
    """Drops texts with too few or too many words: paragraphs, or sentences after `stages.split_sentences`.

    In scripts without spaces between words each letter counts as a word.

    Parameters:
        at_least: Texts with fewer words are dropped. Words; null is off. Default 3 (RealSyn, arXiv 2502.12513, section 3.1).
        at_most: Texts with more words are dropped. Words; null is off. Default 81 (RealSyn).
    """
    count = len(words(text.text))
    return drop_if_below("too_few_words", count, at_least) or drop_if_above("too_many_words", count, at_most)
