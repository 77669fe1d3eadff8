"""Finds the entries of word lists in texts, as MetaCLIP does: substrings between spaces, all at once with Aho-Corasick."""

from __future__ import annotations

import json
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store import storage

EVERY = ""
"""The language of a list that is for texts in all languages."""
OTHER = "other"
"""The list for texts in languages without a list of their own."""
_SPACES = str.maketrans({mark: f" {mark} " for mark in ",.;:?!`"} | dict.fromkeys("\t\n\r", " "))
"""Published: these marks get spaces around them, and white space is a space."""
_MARKS = frozenset(string.punctuation + "，。、；：？！“”‘’（）【】《》〈〉「」『』～—")
_UNSPACED = (
    *((0x0E00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF)),
    *((0x2E80, 0x2FFF), (0x3041, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2CEAF)),
)
"""Thai, Lao, Tibetan, Burmese, Khmer, Chinese characters, as published, like the marks; and kana, our choice."""


def is_unspaced(character: str) -> bool:
    """Returns whether no space is needed beside the character: a mark, or a letter of a script without spaces."""
    return character in _MARKS or any(first <= ord(character) <= last for first, last in _UNSPACED)


def spaced_text(text: str) -> str:
    """Returns the text with spaces where entries begin and end. "A red car." -> " A red car .  "."""
    return f" {text} ".translate(_SPACES)


def spaced_entry(entry: str) -> str:
    """Returns the entry with the spaces that must be beside it. "red car" -> " red car ", "猫" -> "猫"."""
    before, after = ("" if is_unspaced(character) else " " for character in (entry[0], entry[-1]))
    return f"{before}{entry}{after}"


def read_list(path: str) -> list[str]:
    """Returns the different entries of a file: a JSON list of strings, or one in each line. Raises ConfigError."""
    try:
        text = storage.read(path).decode()
        listed = json.loads(text) if path.endswith(".json") else text.splitlines()
    except FileNotFoundError:
        raise ConfigError(f"entries: {path} does not exist") from None
    except ValueError as error:
        raise ConfigError(f"entries: {path} cannot be read: {error}") from error
    if not isinstance(listed, list) or not all(isinstance(entry, str) for entry in listed):
        raise ConfigError(f"entries: {path} is not a list of strings")
    return list(dict.fromkeys(entry.strip() for entry in listed if entry.strip()))


def list_problems(path: str) -> Iterator[str]:
    """Yields why a file is no list of entries, for `check()`."""
    try:
        if not read_list(path):
            yield f"entries: {path} has none"
    except ConfigError as error:
        yield str(error)
    except OSError as error:
        yield f"entries: {path}: {error.strerror or error}"


class EntryLists:
    """Lists of entries by language. Entries are numbered over all lists, in the order of the languages."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self.languages = sorted(paths)
        self._paths = paths

    @cached_property
    def lists(self) -> Sequence[Sequence[str]]:
        """The entries of each language."""
        return [read_list(self._paths[language]) for language in self.languages]

    @cached_property
    def firsts(self) -> Sequence[int]:
        """The number of the first entry of each language, and how many entries there are."""
        return list(accumulate(map(len, self.lists), initial=0))

    @cached_property
    def names(self) -> Sequence[str]:
        """All entries."""
        return [entry for entries in self.lists for entry in entries]

    @cached_property
    def _automata(self) -> Mapping[str, Any]:
        from ahocorasick_rs import AhoCorasick

        lists = zip(self.languages, self.lists, strict=True)
        return {language: AhoCorasick(map(spaced_entry, entries), store_patterns=False) for language, entries in lists}

    def language_of(self, language: str) -> str | None:
        """Returns the language whose list is for texts in this one; None if none is."""
        return next((candidate for candidate in (language, OTHER, EVERY) if candidate in self.languages), None)

    def matches(self, language: str, texts: Iterable[str]) -> list[int]:
        """Returns the numbers of the entries that are in one of the texts, sorted."""
        own = self.language_of(language)
        if own is None:
            return []
        first, automaton = self.firsts[self.languages.index(own)], self._automata[own]
        return sorted({first + number for text in texts for number in _numbers(automaton, text)})


def _numbers(automaton: Any, text: str) -> Iterator[int]:
    """Matches of one text. Half of a surrogate pair is no character of an entry."""
    readable = text.encode("utf-8", "replace").decode()
    for number, _, _ in automaton.find_matches_as_indexes(spaced_text(readable), overlapping=True):
        yield number
