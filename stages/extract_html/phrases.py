"""Words that short blocks of boilerplate are made of, in the languages that most pages are written in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

_ANYWHERE: Mapping[str, str] = {
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
_FIRST: Mapping[str, str] = {
    "by": (
        "by von par por text foto fotos photo photos photography credit quelle source bild image autor author written "
        "posted published  updated via veröffentlicht erstellt aktualisiert last edited"
    ),
    "tags": (
        "tag tags category categories filed topic topics schlagwort schlagwörter schlagworte kategorie kategorien in "
        "themen keywords  stichworte labels contents inhalt"
    ),
}
MOST = len(_ANYWHERE) + len(_FIRST)


def _bits(lists: Iterable[str], start: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for n, words in enumerate(lists, start):
        for word in words.split():
            found[word] = found.get(word, 0) | 1 << n
    return found


_ANYWHERE_BITS, _FIRST_BITS = _bits(_ANYWHERE.values(), 0), _bits(_FIRST.values(), len(_ANYWHERE))


def phrases(words: Sequence[str]) -> int:
    """One of `MOST` bits for each kind of boilerplate that the words, in lower case, may be."""
    bits = _FIRST_BITS.get(words[0], 0) if words else 0
    for word in words:
        bits |= _ANYWHERE_BITS.get(word, 0)
    return bits
