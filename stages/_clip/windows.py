"""Cuts a text into windows that fit the context of a CLIP text tower."""

from __future__ import annotations

from collections.abc import Callable, Iterator


def windows(text: str, max_tokens: int, count_tokens: Callable[[str], int]) -> tuple[str, ...]:
    """Cuts a text between words into consecutive windows of at most `max_tokens`; whitespace becomes one space.

    "aaa bbb cc dddd" with 6 tokens, one for each letter -> ("aaa bbb", "cc dddd")

    A word that is too long for a window (a URL, a script without spaces) is halved until its parts fit. `count_tokens` counts the
    tokens of a word. The tokens of a text are the sum of those of its words in every tokenizer that splits at spaces first, as
    CLIP's do.
    """
    cut: list[str] = []
    used = max_tokens
    for word in text.split():
        for part, separator in _parts(word, max_tokens, count_tokens):
            count = count_tokens(part)
            if used + count > max_tokens:
                cut.append(part)
                used = count
            else:
                cut[-1] += separator + part
                used += count
    return tuple(cut)


def _parts(word: str, max_tokens: int, count_tokens: Callable[[str], int]) -> Iterator[tuple[str, str]]:
    """The word or its parts, each with the separator that stands before it inside a window.

    "abcdefgh" with 5 tokens, one for each letter -> ("abcd", " "), ("efgh", "")
    """
    if len(word) == 1 or count_tokens(word) <= max_tokens:
        yield word, " "
        return
    middle = len(word) // 2
    yield from _parts(word[:middle], max_tokens, count_tokens)
    for part, _ in _parts(word[middle:], max_tokens, count_tokens):
        yield part, ""
