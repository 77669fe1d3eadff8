"""Makes text from files encodable: JSON and file names may contain halves of surrogate pairs, which no encoding can write."""

from __future__ import annotations

from interloom.schemas.text_forms import visible_text


def text_of_file(text: str) -> str:
    """A text as documents hold it: what an encoding can write, and a reader can see."""
    return visible_text(replace_surrogates(text))


def replace_surrogates(text: str) -> str:
    """Replaces each half of a surrogate pair by U+FFFD, and two halves that form a pair by their character.

    Examples: "a \\ud800" -> "a \\ufffd", "\\ud83d\\ude00" -> "\\U0001f600".
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
