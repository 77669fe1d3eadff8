"""Words with times, and the sentences that they are grouped into."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise

_SENTENCE_END = re.compile(r"[.!?…。！？؟۔।॥։።။។｡．⁇⁈⁉‼]+[\"'”’»」』)\]\u200e\u200f\u202a-\u202e\u2066-\u2069]*$")
_ABBREVIATION = re.compile(r"^\W*(?:[A-Z]|[MmDd]r|[Mm]rs|Ms|ms|[Pp]rof|St|Sr|Jr|vs|etc|[eE]\.g|[iI]\.e|cf|Fig|fig|Eq|No|pp?)\.$")
"""Words whose full stop does not end a sentence, initials among them."""
_CLAUSE_END = re.compile(r"[,;:–—、，；：]$")
_CLAUSE_BONUS_S = 0.5
"""A long sentence is cut at the end of a clause as if the pause there were this much longer; our choice."""
_OPENING_MARKS = " \"'“‘("
_I = re.compile(r"^I(?:['’]|\W*$)")
_ENOUGH_STOPS = 3
"""So many full stops tell whether sentences begin with capitals; with fewer, any capital counts. Our choice."""
_LOWER_CASE_SHARE = 0.8
"""In a lower-case transcript at least this share of the sentences begins with a small letter; our choice."""
_WORD = re.compile(r"\s*\S+?(?:[。！？]+|(?=\s)|$)")
"""A word with the space before it. Chinese and Japanese have no spaces: there, a sentence is one word."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word with the space before it, and its times in seconds of the file.

    `probability` is the model's (None for subtitles), and `scores` are those of the chunk of audio that the word is from. An
    `is_note` is not speech but a note on a sound, as `[Music]`.
    """

    text: str
    start_s: float
    end_s: float
    probability: float | None = None
    is_note: bool = False
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sentence:
    """The words of a sentence, at least one."""

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
        """`asr_probability`, the mean over the words, and of each other score the worst value of the words' chunks."""
        probabilities = [word.probability for word in self.words if word.probability is not None]
        scores = {"asr_probability": round(sum(probabilities) / len(probabilities), 4)} if probabilities else {}
        for name in sorted({name for word in self.words for name in word.scores}):
            values = [word.scores[name] for word in self.words if name in word.scores]
            scores[name] = min(values) if name == "asr_logprob" else max(values)
        return scores


def spread_words(text: str, start_s: float, end_s: float) -> list[Word]:
    """Splits a text into words, and the time into parts in proportion to the words' characters.

    "to begin", 0.0, 7.0 -> "to" 0.0 to 2.0, " begin" 2.0 to 7.0
    """
    return in_turn([Word(part, start_s, end_s) for part in _WORD.findall(text)], start_s, end_s)


def in_turn(words: Sequence[Word], start_s: float, end_s: float) -> list[Word]:
    """The words one after the other from `start_s` to `end_s`, each for as long as it has characters."""
    lengths = [len(word.text.strip()) for word in words]
    total = sum(lengths) or 1
    times = [start_s + (end_s - start_s) * count / total for count in accumulate(lengths, initial=0)]
    return [replace(word, start_s=times[n], end_s=times[n + 1]) for n, word in enumerate(words)]


def sort_words(words: Sequence[Word]) -> list[Word]:
    """Sorts words by their start, and ends each at the latest when the next one starts."""
    ordered = sorted(words, key=lambda word: word.start_s)
    cut = [replace(word, end_s=max(word.start_s, min(word.end_s, after.start_s))) for word, after in pairwise(ordered)]
    return [*cut, *ordered[-1:]]


def split_sentences(words: Sequence[Word], *, pause_s: float, longest_s: float) -> Iterator[Sentence]:
    """Groups words into sentences.

    A sentence ends at punctuation, at a pause of `pause_s`, and before and after a note. One that is longer than `longest_s`
    is cut further.
    """
    sentence = list[Word]()
    is_cased = _has_capitals(words)
    for word, after in zip(words, [*words[1:], None], strict=False):
        sentence.append(word)
        if after is None or _is_sentence_end(word, after, pause_s, is_cased):
            yield from _split_long(sentence, longest_s)
            sentence = []


def _has_capitals(words: Sequence[Word]) -> bool:
    """Whether sentences of the transcript begin with capitals, so that a small letter behind a full stop goes on with one.

    "It ends. Then it begins." -> True; "it ends. then it begins." -> False
    """
    after_stops = [
        after.text.lstrip(_OPENING_MARKS) for word, after in pairwise(words) if _SENTENCE_END.search(word.text.strip())
    ]
    small = sum(text[:1].islower() for text in after_stops)
    if len(after_stops) < _ENOUGH_STOPS:
        return any(word.text.strip()[:1].isupper() and not _I.match(word.text.strip()) for word in words)
    return small < _LOWER_CASE_SHARE * len(after_stops)


def _is_sentence_end(word: Word, after: Word, pause_s: float, is_cased: bool) -> bool:
    """Whether a sentence ends between two words: "ends." "Then" -> True; "Dr." "Smith", "approx." "half" -> False."""
    if word.is_note or after.is_note or after.start_s - word.end_s >= pause_s:
        return True
    bare = word.text.strip()
    goes_on = is_cased and after.text.lstrip(_OPENING_MARKS)[:1].islower()
    is_abbreviation = bool(_ABBREVIATION.match(bare)) or goes_on
    return bool(_SENTENCE_END.search(bare)) and not is_abbreviation


def _split_long(sentence: list[Word], longest_s: float) -> Iterator[Sentence]:
    """Cuts a sentence that is too long in two, and the parts again, until all fit."""
    pending = [sentence]
    while pending:
        words = pending.pop()
        if len(words) < 2 or words[-1].end_s - words[0].start_s <= longest_s:
            yield Sentence(tuple(words))
            continue
        index = _cut_index(words, longest_s)
        pending += [words[index:], words[:index]]


def _cut_index(words: Sequence[Word], longest_s: float) -> int:
    """The index of the word before which a long sentence is cut: after the longest pause in the second half of `longest_s`.

    The end of a clause counts as a longer pause. Without a word end in that half, the cut is as late as it can be.
    """
    start = words[0].start_s
    fitting = [n for n in range(1, len(words)) if words[n - 1].end_s - start <= longest_s] or [1]
    late = [n for n in fitting if words[n - 1].end_s - start >= longest_s / 2] or fitting[-1:]
    pauses = [
        (words[n].start_s - words[n - 1].end_s + _CLAUSE_BONUS_S * bool(_CLAUSE_END.search(words[n - 1].text)), n) for n in late
    ]
    return max(pauses)[1]
