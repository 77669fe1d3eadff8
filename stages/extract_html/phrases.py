"""Words that are typical of short boilerplate blocks, in English, German, French and a few other languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

_ANY_WORD: Mapping[str, str] = {
    "share": (
        "share sharing teilen facebook twitter tweet whatsapp pinterest linkedin email mail print drucken partager "
        "instagram follow"
    ),
    "comment": (
        "comment comments kommentar kommentare kommentieren reply replies antworten leave commentaire commentaires "
        "discuss  discussion responses response comentarios"
    ),
    "legal": (
        "copyright rights rechte datenschutz datenschutzerklärung impressum privacy terms cookie cookies agb disclaimer policy"
    ),
    "more": (
        "more weiterlesen mehr related also lesen latest popular next previous weiter zurück vorheriger nächster "
        "recommended recent  similar suivant précédent most trending top continue weitere auch read siehe"
    ),
    "sign": (
        "subscribe subscription subscriber subscribers newsletter sign login log anmelden abonnieren abo register "
        "registrieren advertisement  advertising anzeige sponsored werbung donate spenden click download app search suche "
        "membership free join"
    ),
    "date": (
        "january february march april june july august september october november december januar februar märz juni juli "
        "oktober  dezember jan feb mar apr jun jul aug sep sept oct nov dec ago uhr min minutes hours monday tuesday "
        "wednesday thursday friday saturday  sunday montag dienstag mittwoch donnerstag freitag samstag sonntag"
    ),
}
_FIRST_WORD: Mapping[str, str] = {
    "by": (
        "by von par por text foto fotos photo photos photography credit quelle source bild image autor author written "
        "posted published  updated via veröffentlicht erstellt aktualisiert last edited"
    ),
    "tags": (
        "tag tags category categories filed topic topics schlagwort schlagwörter schlagworte kategorie kategorien in "
        "themen keywords  stichworte labels contents inhalt"
    ),
}
PHRASE_KINDS = len(_ANY_WORD) + len(_FIRST_WORD)


def _bits_by_word(lists: Iterable[str], first_bit: int) -> dict[str, int]:
    """Each word with the bits of the lists it is in: `["a b", "b"]` and first bit 0 -> `{"a": 1, "b": 3}`."""
    bits: dict[str, int] = {}
    for n, words in enumerate(lists, first_bit):
        for word in words.split():
            bits[word] = bits.get(word, 0) | 1 << n
    return bits


_ANY_WORD_BITS = _bits_by_word(_ANY_WORD.values(), 0)
_FIRST_WORD_BITS = _bits_by_word(_FIRST_WORD.values(), len(_ANY_WORD))
_ANY_WORDS = frozenset(_ANY_WORD_BITS)


def phrase_bits(words: Sequence[str]) -> int:
    """The kinds of boilerplate phrase that lower-case words may be, one of `PHRASE_KINDS` bits each.

    `["share", "on", "twitter"]` -> bit 0 (share). Any word counts, for bylines and tags the first word only.
    """
    bits = _FIRST_WORD_BITS.get(words[0], 0) if words else 0
    for word in _ANY_WORDS.intersection(words):
        bits |= _ANY_WORD_BITS[word]
    return bits
