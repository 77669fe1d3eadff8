"""Generates articles from sentence patterns and a vocabulary written for the demo, so that it needs no download."""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ASSETS = Path(__file__).parent / "assets"
_SLOT = re.compile(r"\{([a-z]+?)(_?)(\d?)\}")
_NOUNS = ("thing", "tool", "person", "span")
"""Slots with a plural: `{things}`."""
VOWELS = "aeiou"


@dataclass(frozen=True, slots=True)
class Article:
    """A title, an author and blocks of running text; a block that starts with `# ` is a heading."""

    title: str
    author: str
    blocks: tuple[str, ...]

    @property
    def paragraphs(self) -> tuple[str, ...]:
        return tuple(block for block in self.blocks if not block.startswith("# "))


@functools.cache
def _asset(name: str) -> Any:
    return yaml.safe_load((ASSETS / f"demo_{name}.yaml").read_text("utf-8"))


def topics() -> list[str]:
    """The topics of the vocabulary, in alphabetical order."""
    return sorted(_asset("words")["topics"])


def write_article(rng: random.Random, topic: str, words: int) -> Article:
    """An English article of at least `words` words in paragraphs of two to five sentences; each pattern is used at most once."""
    vocabulary, patterns = _vocabulary(topic), _asset("sentences")
    headings = [f"# {fill(rng, pattern, vocabulary)}" for pattern in rng.sample(patterns["headings"], 3)]
    sentences = iter(rng.sample(patterns["sentences"], len(patterns["sentences"])))
    blocks: list[str] = []
    while sum(len(block.split()) for block in blocks) < words:
        if len(blocks) % 5 == 2 and headings:
            blocks.append(headings.pop())
        blocks.append(" ".join(fill(rng, next(sentences), vocabulary) for _ in range(rng.randint(2, 5))))
    return Article(write_title(rng, topic), rng.choice(vocabulary["name"]), tuple(blocks))


def write_title(rng: random.Random, topic: str) -> str:
    """A headline without a full stop."""
    return fill(rng, rng.choice(_asset("sentences")["titles"]), _vocabulary(topic))


def _vocabulary(topic: str) -> dict[str, list[str]]:
    return {**_asset("words")["general"], **_asset("words")["topics"][topic]}


def write_foreign(rng: random.Random, language: str) -> Article:
    """An article of nine sentences in `language` (de, fr, es, ru, zh, ja)."""
    sentences = rng.sample(_asset("languages")[language], 10)
    separator = "" if language in ("zh", "ja") else " "
    paragraphs = [separator.join(sentences[start : start + 3]) for start in (1, 4, 7)]
    return Article(sentences[0].rstrip(".。"), rng.choice(_asset("words")["general"]["name"]), tuple(paragraphs))


def change_words(rng: random.Random, article: Article, count: int) -> Article:
    """A near duplicate of the article: one word in each of its `count` longest paragraphs is replaced."""
    blocks = list(article.blocks)
    longest = sorted(range(len(blocks)), key=lambda number: -len(blocks[number]))
    for number in longest[:count]:
        words = blocks[number].split(" ")
        words[rng.randrange(3, len(words) - 3)] = rng.choice(("perhaps", "certainly", "usually", "seldom"))
        blocks[number] = " ".join(words)
    return Article(article.title, article.author, tuple(blocks))


def fill(rng: random.Random, pattern: str, vocabulary: Mapping[str, Sequence[str]]) -> str:
    """The pattern with random words in its slots, the right article (a or an) and a capital first letter.

    `"a {thing} needs {things2}"` -> `"An apple tree needs ferns"`, for instance. A slot that is repeated gets the same word.
    """
    chosen: dict[str, str] = {}

    def choose(match: re.Match[str]) -> str:
        slot, _, digit = match.groups()
        stem = next((stem for stem in (*_NOUNS, "verb") if slot.startswith(stem)), slot)
        if stem + digit not in chosen:
            chosen[stem + digit] = rng.choice([word for word in vocabulary[stem] if word not in chosen.values()])
        return _inflect(chosen[stem + digit], slot.removeprefix(stem))

    text = _SLOT.sub(choose, pattern)
    text = re.sub(rf"\b([Aa]) (?=[{VOWELS}]|hour\b)", r"\1n ", text)
    return text[0].upper() + text[1:]


def _inflect(word: str, ending: str) -> str:
    """The word with the ending `s` (plural of a noun), `ing` or `ed` (of a regular verb), or without one.

    `("trim", "ed")` -> `"trimmed"`, `("apply", "ed")` -> `"applied"`, `("bake", "ing")` -> `"baking"`.
    """
    if ending == "s":
        return _plural(word)
    if not ending:
        return word
    if ending == "ed" and word.endswith("y") and word[-2] not in VOWELS:
        return word[:-1] + "ied"
    stem = word[:-1] if word.endswith("e") and not word.endswith("ee") else word
    double = word in ("trim", "thin", "map")
    return stem + (stem[-1] if double else "") + ending


def _plural(word: str) -> str:
    """`"cup of tea"` -> `"cups of tea"`, `"loaf"` -> `"loaves"`, `"box"` -> `"boxes"`, `"galaxy"` -> `"galaxies"`."""
    head, separator, tail = word.partition(" of ")
    if head.endswith("y") and head[-2] not in VOWELS:
        head = head[:-1] + "ie"
    elif head.endswith(("s", "x", "ch", "sh")):
        head += "e"
    elif head.endswith(("leaf", "loaf")):
        head = head[:-1] + "ve"
    return f"{head}s{separator}{tail}"
