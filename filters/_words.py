"""Splits text into words, lines and sentences, in the same way for all filters and in every script.

A word is the text between two spaces without the punctuation at its ends. In scripts that are written without spaces (Chinese,
Japanese, Thai, Lao, Khmer, Burmese, Tibetan) each letter with its combining marks counts as a word; a real word has about 1.5
letters in Chinese and 3 in Thai. Korean, Arabic, Hebrew and the scripts of India are written with spaces and need no special
rule.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable

_LETTERS = (
    "\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf"  # Thai, Lao
    "\u0f40-\u0f6c\u1000-\u102a\u103f\u1050-\u1055\u105a-\u1081\u1780-\u17b3\u17d7\u17dc"  # Tibetan, Burmese, Khmer
    "\u2e80-\u2fd5\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31f0-\u31ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff"  # Han
)
_MARKS = (
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u0f71-\u0f84\u0f90-\u0fbc"
    "\u102b-\u103e\u1056-\u1059\u1082-\u108d\u17b4-\u17d3\u3099\u309a\uff9e\uff9f\ufe00-\ufe0f"
)
_PUNCTUATION = (
    string.punctuation
    + "‐‑‒–—―‘’‚‛“”„‟†‡•‣…‧‹›«»·¡¿§¶©®™°"
    + "、。〃〈〉《》「」『』【】〔〕〜・！＂＃＇（），．：；？［］｛｝～｡｢｣､･"
    + "؟،؛۔।॥՝։་།។៕၊။๏๚๛"
)
UNSPACED = re.compile(f"[{_LETTERS}](?:[\u1039\u17d2][{_LETTERS}]|[{_MARKS}])*")
"""One letter of a script without spaces, with its marks. U+1039 (Burmese) and U+17D2 (Khmer) put the next letter below it."""
_SCRIPTS = {
    "han": re.compile("[\u3041-\u30ff\u3400-\u9fff]"),
    "hangul": re.compile("[\uac00-\ud7a3]"),
    "unstopped": re.compile("[\u0e01-\u0e3a\u0e40-\u0ec6]"),
}
_OTHER = rf"\s{_LETTERS}"
_WORD = re.compile(rf"{UNSPACED.pattern}|[^{_OTHER}]+")

_STOPS = "。！？؟۔।॥։።፧།\u17d4\u104b"
"""The full stops of other scripts; the last two are Khmer and Burmese."""
TERMINAL = (".", "!", "?", '"', "'", "”", "’", "」", "』", *_STOPS)
"""Characters that end a sentence: those of C4, the apostrophe, their typographic forms, and the stops of other scripts."""

# Both patterns begin with a rare character, and the second matches only at the first of several stops, so that the time is
# linear for every text.
_BREAK = re.compile(r"""[.!?](?<!\b[A-Z].)["'”’)\]]*\s+(?=[^\sa-z])""")
_OTHER_BREAK = re.compile(rf"""[{_STOPS}](?<![{_STOPS}]{{2}})[{_STOPS}]*+["'”’」』）]*+\s*+(?=\S)""")


def words(text: str) -> list[str]:
    """Returns the words of a text, in order, as written; punctuation alone is not a word.

    Example: "“Don't panic,” she said -- 3.5 km!" -> `["Don't", "panic", "she", "said", "3.5", "km"]`.
    """
    candidates = text.split() if text.isascii() or not UNSPACED.search(text) else _WORD.findall(text)
    return [bare for word in candidates if (bare := word if word.isalnum() else word.strip(_PUNCTUATION))]


def is_mostly_unspaced(text: str, word_count: int) -> bool:
    """Returns whether more than half of the text's `word_count` words are letters of a script without spaces."""
    return 2 * len(UNSPACED.findall(text)) > word_count


def script_of(text: str) -> str:
    """Returns which of the scripts that need rules of their own most letters of the text are in; "" for all others.

    "han" are Chinese and Japanese, "unstopped" Thai and Lao, whose sentences end without a stop, and "hangul" is Korean.
    """
    if text.isascii():
        return ""
    counts = {name: len(pattern.findall(text)) for name, pattern in _SCRIPTS.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if 2 * counts[best] > sum(map(str.isalpha, text)) else ""


def lines(text: str) -> list[str]:
    """Returns the lines of a text, stripped, without the empty ones."""
    return [bare for line in text.splitlines() if (bare := line.strip())]


def count_sentences(line: str) -> int:
    """Returns the number of sentences in a line that is not empty: the sentence breaks in it, plus one.

    An initial (`J. Smith`) and an abbreviation before a small letter (`e.g. this`) are not breaks; `Dr. Smith` contains one.
    In Thai and Lao a space ends a sentence or a clause. Example: "What?! No... Yes" -> 3.
    """
    breaks = len(_BREAK.findall(line)) + len(_OTHER_BREAK.findall(line))
    if not breaks and script_of(line) == "unstopped":
        return len(line.split())
    return breaks + 1


def count_repeats(parts: Iterable[str]) -> tuple[int, int]:
    """Returns how many parts equal an earlier part, and how many characters these repeats have together.

    Example: `["ab", "c", "ab", "ab", "c"]` -> (3, 5).
    """
    seen: set[str] = set()
    count = characters = 0
    for part in parts:
        if part in seen:
            count, characters = count + 1, characters + len(part)
        seen.add(part)
    return count, characters
