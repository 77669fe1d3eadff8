"""The cues of SAMI: a paragraph of a class is shown from its SYNC until the next one of that class; a class is a language."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from interloom.stages.transcribe_speech.subtitles.raw_cue import RawCue, in_language, until_next

_HEAD_CHARS = 1 << 16
"""A file is told by so much of it; our choice."""
_SYNC = re.compile(r"<sync\b[^<>]{0,200}?\bstart\s*=\s*[\"']?\s*(-?)(\d{1,10})[^<>]{0,200}>", re.IGNORECASE)
_PARAGRAPH = re.compile(r"<p\b([^<>]{0,300})>", re.IGNORECASE)
_CLASS = re.compile(r"\bclass\s*=\s*[\"']?\s*([\w-]{1,50})", re.IGNORECASE)
_IS_SOURCE = re.compile(r"\bid\s*=\s*[\"']?\s*source\b", re.IGNORECASE)
"""A paragraph that names who speaks."""
_STYLE = re.compile(r"\.([\w-]{1,50})\s*\{([^{}]{0,1000})\}")
_LANGUAGE = re.compile(r"\blang\s*:\s*[\"']?\s*([\w-]{2,20})", re.IGNORECASE)
_NAMED_AFTER_LANGUAGE = re.compile(r"^([a-z]{2})(?:[a-z]{2})?cc$")
_CUT_OFF = re.compile(r"(?:<[a-z/!][^<>]{0,300}|<|&\w{0,6})$", re.IGNORECASE)
"""What is left of a tag or a reference where a file was cut off."""
_CUT_OFF_CHARS = 400
_OTHER_CODES = {"kr": "ko", "jp": "ja", "cn": "zh", "eg": "en"}
"""What names of classes have in place of the language's code: KRCC is Korean."""


def is_sami(text: str) -> bool:
    return bool(_SYNC.search(text, 0, _HEAD_CHARS))


def sami(text: str, language: str) -> Iterator[RawCue]:
    """Yields the cues in this language, else those of the class that the file has first."""
    languages = {name.lower(): stated[1] for name, style in _STYLE.findall(text) if (stated := _LANGUAGE.search(style))}
    tracks: dict[str, list[RawCue]] = {}
    for start_s, name, words in _paragraphs(_body(text)):
        cue = RawCue(start_s, 0.0, [words], languages.get(name) or _language_of_name(name))
        tracks.setdefault(name, []).append(cue)
    yield from in_language({name: tuple(until_next(cues)) for name, cues in tracks.items()}, language)


def _paragraphs(text: str) -> Iterator[tuple[float, str, str]]:
    """Start in seconds, class ("" if none is named) and markup of each paragraph, "" if it says nothing, as `&nbsp;`."""
    syncs = list(_SYNC.finditer(text))
    for sync, end in zip(syncs, [*(after.start() for after in syncs[1:]), len(text)], strict=True):
        start_s = 0.0 if sync[1] else int(sync[2]) / 1000
        opened = list(_PARAGRAPH.finditer(text, sync.end(), end))
        starts = [("", sync.end()), *((paragraph[1], paragraph.end()) for paragraph in opened)]
        for (attributes, begin), stop in zip(starts, [*(paragraph.start() for paragraph in opened), end], strict=True):
            named, words = _CLASS.search(attributes), " ".join(text[begin:stop].split())
            is_written = not _IS_SOURCE.search(attributes) and (attributes or words or not opened)
            if is_written:
                yield start_s, named[1].lower() if named else "", words if html.unescape(words).strip() else ""


def _language_of_name(name: str) -> str:
    """The language that a class is named after: "krcc" -> "ko", "enuscc" -> "en", "subtitles" -> ""."""
    named = _NAMED_AFTER_LANGUAGE.match(name)
    return _OTHER_CODES.get(named[1], named[1]) if named else ""


def _body(text: str) -> str:
    """What is behind the head, without comments; one without an end goes up to the end of the file, as in HTML."""
    first = _SYNC.search(text)
    parts, at = list[str](), first.start() if first else len(text)
    while (start := text.find("<!--", at)) >= 0:
        parts.append(text[at:start])
        end = text.find("-->", start + 4)
        at = end + 3 if end >= 0 else len(text)
    body = "".join([*parts, text[at:]])
    return body[:-_CUT_OFF_CHARS] + _CUT_OFF.sub("", body[-_CUT_OFF_CHARS:])
