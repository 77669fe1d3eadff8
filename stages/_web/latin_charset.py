"""Tells the charset of a text in Latin script that names none, by the letters of languages.

In the right charset all letters beyond ASCII are of one language: French has è, ç and ô, and no language has č, ç and ô.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from itertools import pairwise

_LETTERS = {
    "cp1252": (
        "àâæçéèêëîïôœùûüÿ", "äöüßéà", "áéíñóúüçïàèò¿¡ªº", "àáâãçéêíóôúüºª", "àèéêìíîòóôùúº°", "åäöéàüæøèêòôó", "áðéíóúýþæö",
        "áâäåçéèêëíïñóôöúûüïœæø", "äõöüšž",
    ),
    "cp1250": ("ąćęłńóśźż", "áčďéěíňóřšťúůýžöüäô", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüűä", "ăâîșşțţ", "čćđšž"),
    "cp1254": ("çğıöşüâîû",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūžōŗ", "äõöüšž"),
    "iso8859_2": ("ąćęłńóśźż", "áčďéěíňóřšťúůýžöüäô", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüűä", "ăâîşţ", "čćđšž"),
}  # fmt: skip
"""Small letters of languages that are written in a charset, and what stands in the same texts. The first charset goes before
others in which a text is as good: French, German, Spanish, Portuguese, Italian, those of Scandinavia, Icelandic, Dutch and
English, Estonian; Polish, Czech, Slovak, Hungarian, Romanian, Croatian and Slovene; Turkish; Lithuanian, Latvian, Estonian."""
_MARKS = frozenset("“”‘’„–—…«»‹›•·°§©®™€£½¼¾×´\xa0\xad")
"""Marks in texts of any language."""
_HEAD_BYTES = 64 << 10
_PORTUGUESE = re.compile("õe|ÕE|Õe")
"""The only place of õ in Portuguese; elsewhere it is what a Hungarian ő looks like in the wrong charset."""
_LONG_RUN = re.compile(rb"[\x80-\xff]{4,}")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_MAX_IN_LONG_RUNS = 0.05
"""Share of the bytes beyond ASCII that may stand four and more in a row: in Latin script, most stand alone; our choice."""
_MIN_SHARE = 0.95
"""Share of the characters beyond ASCII that must be those of one language; our choice."""


def latin_charset(body: bytes) -> str:
    """The charset of a text in Latin script, of one byte a character; "" if the text is of another kind, or if it is unsure.

    "d\\xe9j\\xe0" -> "cp1252" (déjà), "\\xfeimdi \\xe7ok" -> "cp1254" (şimdi çok)
    """
    head = body[:_HEAD_BYTES]
    beyond = len(_BEYOND_ASCII.findall(head))
    if not beyond or sum(map(len, _LONG_RUN.findall(head))) > _MAX_IN_LONG_RUNS * beyond:
        return ""
    shares = {charset: _share(head, charset) for charset in _LETTERS}
    best = max(shares, key=lambda charset: shares[charset])
    return best if shares[best] >= _MIN_SHARE else ""


def _share(head: bytes, charset: str) -> float:
    """The share of the characters beyond ASCII that are of the language that has most of them; 0 if some byte is no character."""
    try:
        text = head.decode(charset)
    except UnicodeError:
        return 0.0
    counts = Counter(character for character in text if not character.isascii())
    misplaced = sum(_is_misplaced(first, second) for first, second in pairwise(text) if not (first + second).isascii())
    marks = sum(count for character, count in counts.items() if character in _MARKS) + len(_PORTUGUESE.findall(text))
    of_languages = (sum(counts[letter] for letter in letters) for letters in _both_cases(charset))
    return min(1.0, (max(of_languages) + marks - misplaced) / counts.total())


def _is_misplaced(first: str, second: str) -> bool:
    """Whether a capital stands behind a small letter, as where a letter is mistaken for another."""
    return first.islower() and second.isupper()


@cache
def _both_cases(charset: str) -> list[frozenset[str]]:
    return [
        frozenset(letters + letters.upper().replace("SS", "") + ("İ" if "ı" in letters else "")) for letters in _LETTERS[charset]
    ]
