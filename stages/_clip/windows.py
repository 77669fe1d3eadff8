"""Cuts a text into windows that a CLIP text tower can read whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator


def windows(text: str, room: int, tokens: Callable[[str], int]) -> tuple[str, ...]:
    """The text in consecutive windows of at most `room` tokens, cut between words; whitespace becomes one space.

    A word too long for a window (a URL, a script without spaces) is halved until it fits. `tokens` counts a word's; that a
    text has as many tokens as its words is true of every tokenizer that splits at spaces first, as CLIP's do.
    """
    cut: list[str] = []
    used = room
    for word in text.split():
        for piece, joint in _pieces(word, room, tokens):
            count = tokens(piece)
            if used + count > room:
                cut.append(piece)
                used = count
            else:
                cut[-1] += joint + piece
                used += count
    return tuple(cut)


def _pieces(word: str, room: int, tokens: Callable[[str], int]) -> Iterator[tuple[str, str]]:
    """The word, or its parts, each with what goes before it in the same window."""
    if len(word) == 1 or tokens(word) <= room:
        yield word, " "
        return
    middle = len(word) // 2
    yield from _pieces(word[:middle], room, tokens)
    for part, _ in _pieces(word[middle:], room, tokens):
        yield part, ""
