"""Removes words and phrases of speech that are repeated by mistake."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from interloom.pipeline.contents import OF_TEXTS, SPEECH, Content, Need
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Element, Text
from interloom.schemas.outcome import Outcome

_MARKS = re.compile(r"[^\w+#]+")
"""What makes no other word of a word; C, C++ and C# are three."""
_NUMBERS_FROM = 10
"""Numbers are read out and repeat ("0 0 0 7"): only so many in a row are a loop. Our choice."""


@dataclass(frozen=True, kw_only=True)
class RepairSpeech(Stage):
    """Removes stammering and loops from speech: keeps the last of words or phrases that repeat.

    "the the the cat" becomes "the cat", "and then and then and then it ends." becomes "and then it ends." Fewer repetitions stay,
    because people mean them ("very very", "no no"), and so do up to nine equal numbers. Words count as equal without case and
    punctuation. Multimodal Textbook has a language model rewrite speech for fluency (arXiv 2501.00958, section 3); this step does
    the part of it that needs no model. Texts of another origin than "asr" stay as they are.

    Parameters:
        words_from: A word is removed if it is said so many times in a row. Default 3, our choice.
        phrases_from: A phrase of two words or more is removed if it is said so many times in a row. Default 3, our choice.
        phrase_words: Longer phrases are not looked for. Words. Default 8, our choice.
    """

    words_from: int = 3
    phrases_from: int = 3
    phrase_words: int = 8

    def needs(self) -> Iterable[Need]:
        return (SPEECH,)

    def provides(self) -> Iterable[Content]:
        return ()

    def outdates(self) -> Iterable[str]:
        return OF_TEXTS

    def check(self) -> Iterable[str]:
        for name in ("words_from", "phrases_from"):
            if getattr(self, name) < 2:
                yield f"{name}: must be at least 2, not {getattr(self, name)}"
        if self.phrase_words < 1:
            yield f"phrase_words: must be at least 1, not {self.phrase_words}"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            elements = [self._repaired(element) for element in doc.elements]
            changed = any(new is not old for new, old in zip(elements, doc.elements, strict=True))
            yield doc.with_elements(elements) if changed else doc

    def _repaired(self, element: Element) -> Element:
        if not isinstance(element, Text) or element.origin != "asr":
            return element
        words = element.text.split()
        kept = words
        for size in range(1, self.phrase_words + 1):
            kept = _without_repetitions(kept, size, self.words_from if size == 1 else self.phrases_from)
        return element if len(kept) == len(words) else replace(element, text=" ".join(kept))


def _without_repetitions(words: list[str], size: int, least: int) -> list[str]:
    """Keeps only the last of each run of at least `least` equal phrases of `size` words.

    ["go", "on,", "go", "on", "go", "on!", "Now"], size 2, least 3 -> ["go", "on!", "Now"]
    """
    bare = [_MARKS.sub("", word).casefold() or word for word in words]
    kept, start = list[str](), 0
    while start < len(words):
        end = start + size
        while bare[end : end + size] == bare[start : start + size] and end + size <= len(words):
            end += size
        are_numbers = all(word.isnumeric() for word in bare[start : start + size])
        is_repeated = (end - start) // size >= (max(least, _NUMBERS_FROM) if are_numbers else least)
        kept += words[end - size : end] if is_repeated else words[start : start + 1]
        start = end if is_repeated else start + 1
    return kept
