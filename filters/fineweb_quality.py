from __future__ import annotations

from interloom.filters._judge import over, under
from interloom.filters._words import TERMINAL, lines, repeats, words
from interloom.pipeline.filter import document_filter
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@document_filter
def fineweb_quality(
    doc: Document,
    *,
    ended_at_least: float = 0.12,
    short_at_most: float = 0.67,
    short_characters: int = 30,
    repeated_at_most: float = 0.01,
    breaks_at_most: float = 0.3,
) -> Drop | None:
    """Drops pages of lists, menus and boilerplate: FineWeb's own rules (arXiv 2406.17557, section 3.6) with its limits.

    Shares of lines that end in punctuation, of lines of at most 30 characters, of characters in repeated lines, and line
    breaks per word. Empty lines count for nothing, so that blank lines between blocks change no figure.
    """
    text = doc.text
    all_lines = lines(text)
    if not all_lines:
        return Drop("without_text", 0, 1)
    count, characters = len(all_lines), sum(map(len, all_lines))
    ended = sum(1 for line in all_lines if line.endswith(TERMINAL))
    short = sum(1 for line in all_lines if len(line) <= short_characters)
    return (
        under("too_few_lines_ended", ended / count, ended_at_least)
        or over("too_many_short_lines", short / count, short_at_most)
        or over("line_characters_repeated", repeats(all_lines)[1] / characters, repeated_at_most)
        or over("too_many_line_breaks", (count - 1) / max(len(words(text)), 1), breaks_at_most)
    )
