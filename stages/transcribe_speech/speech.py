"""Words with times, and the sentences that they make."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

_END = re.compile(r"[.!?…。！？؟۔।॥]+[\"'”’»」』)\]]*$")
_SHORT = re.compile(r"^\W*(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|etc|[eE]\.g|[iI]\.e|cf|Fig|fig|Eq|No|pp?)\.$")
_CLAUSE = re.compile(r"[,;:–—、，；：]$")


@dataclass(frozen=True, slots=True)
class Word:
    """A word as written, with the space before it; seconds of the file. `aside` is no speech but a note (`[Music]`).

    `scores` are those of the piece of sound that it was heard in, `probability` its own (None: not heard but read).
    """

    text: str
    start_s: float
    end_s: float
    probability: float | None = None
    aside: bool = False
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words that belong together, at least one."""

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        return " ".join("".join(word.text for word in self.words).split())

    @property
    def start_s(self) -> float:
        return self.words[0].start_s

    @property
    def end_s(self) -> float:
        return max(word.end_s for word in self.words)

    @property
    def scores(self) -> dict[str, float]:
        """`asr_probability`, the mean of the words', and the worst of the pieces' scores."""
        heard = [word.probability for word in self.words if word.probability is not None]
        found = {"asr_probability": round(sum(heard) / len(heard), 4)} if heard else {}
        for name in sorted({name for word in self.words for name in word.scores}):
            values = [word.scores[name] for word in self.words if name in word.scores]
            found[name] = min(values) if name == "asr_logprob" else max(values)
        return found


def spread(text: str, start_s: float, end_s: float) -> list[Word]:
    """The words of a text said in this time, each as long as its share of the characters."""
    found = re.findall(r"\s*\S+?(?:[。！？]+|(?=\s)|$)", text)
    total = sum(len(word.strip()) for word in found) or 1
    words, said = list[Word](), 0
    for word in found:
        begin, said = said, said + len(word.strip())
        start, end = (start_s + (end_s - start_s) * part / total for part in (begin, said))
        words.append(Word(word, start, end))
    return words


def in_order(words: Sequence[Word]) -> list[Word]:
    """The words by their start, none longer than until the next one starts."""
    ordered = sorted(words, key=lambda word: word.start_s)
    cut = [replace(word, end_s=max(word.start_s, min(word.end_s, after.start_s))) for word, after in pairwise(ordered)]
    return [*cut, *ordered[-1:]]


def sentences(words: Sequence[Word], *, pause_s: float, longest_s: float) -> Iterator[Sentence]:
    """Cuts at ends of sentences and around asides, at pauses of `pause_s`, and where no sentence ends within `longest_s`."""
    piece = list[Word]()
    for word, after in zip(words, [*words[1:], None], strict=False):
        piece.append(word)
        if after is None or _ends(word, after, pause_s):
            yield from _fitting(piece, longest_s)
            piece = []


def _ends(word: Word, after: Word, pause_s: float) -> bool:
    if word.aside or after.aside or after.start_s - word.end_s >= pause_s:
        return True
    bare = word.text.strip()
    return bool(_END.search(bare)) and not _SHORT.match(bare) and not after.text.lstrip(" \"'“‘(").startswith(_SMALL)


_SMALL = tuple("abcdefghijklmnopqrstuvwxyz")


def _fitting(piece: list[Word], longest_s: float) -> Iterator[Sentence]:
    """One too long is halved at a clause or its widest pause, as far as needed."""
    waiting = [piece]
    while waiting:
        words = waiting.pop()
        if len(words) < 2 or words[-1].end_s - words[0].start_s <= longest_s:
            yield Sentence(tuple(words))
            continue
        at = _seam(words, longest_s)
        waiting += [words[at:], words[:at]]


def _seam(words: Sequence[Word], longest_s: float) -> int:
    """Where to cut: the best gap of those in the second half of what fits, else the last gap that fits."""
    start = words[0].start_s
    fits = [n for n in range(1, len(words)) if words[n - 1].end_s - start <= longest_s] or [1]
    late = [n for n in fits if words[n - 1].end_s - start >= longest_s / 2] or fits[-1:]
    gaps = [(words[n].start_s - words[n - 1].end_s + 0.5 * bool(_CLAUSE.search(words[n - 1].text)), n) for n in late]
    return max(gaps)[1]
