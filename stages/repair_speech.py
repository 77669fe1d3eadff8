"""Repairs what is said twice by mistake."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Element, Text
from interloom.schemas.outcome import Outcome

_BARE = re.compile(r"[^\w]+")


@dataclass(frozen=True, kw_only=True)
class RepairSpeech(Stage):
    """Speech without stammering and loops: words that follow on themselves are said once, one word from `words_from` times on
    ("the the the"), a phrase of up to `phrase_words` from `phrases_from` times on ("and then and then and then").

    Below these numbers people mean it ("very very", "no no"). The last of the repeated stays, with its punctuation.
    Multimodal Textbook has a language model rewrite speech for fluency (arXiv 2501.00958, section 3); this is the part of it
    that needs none.
    """

    words_from: int = 3
    phrases_from: int = 3
    phrase_words: int = 8

    def check(self) -> Iterable[str]:
        for name in ("words_from", "phrases_from"):
            if getattr(self, name) < 2:
                yield f"{name}: at least 2, not {getattr(self, name)}"
        if self.phrase_words < 1:
            yield f"phrase_words: at least 1, not {self.phrase_words}"

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
            kept = _once(kept, size, self.words_from if size == 1 else self.phrases_from)
        return element if len(kept) == len(words) else replace(element, text=" ".join(kept))


def _once(words: list[str], size: int, least: int) -> list[str]:
    """The words with each run of at least `least` equal phrases of `size` words as its last one."""
    bare = [_BARE.sub("", word).casefold() or word for word in words]
    kept, at = list[str](), 0
    while at < len(words):
        end = at + size
        while bare[end : end + size] == bare[at : at + size] and end + size <= len(words):
            end += size
        run = (end - at) // size >= least
        kept += words[end - size : end] if run else words[at : at + 1]
        at = end if run else at + 1
    return kept
