"""What becomes of words: texts with times, rows of the side table `words`; and videos in groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from interloom.schemas.document import Clip, Document, Text
from interloom.schemas.outcome import Side
from interloom.stages.transcribe_speech.speech import Sentence

_HOURS_AT_ONCE = 4.0
"""Hours of video whose chunks share batches; their decoded audio takes 115 MB an hour on disk. Our choice."""


def groups(docs: Sequence[Document]) -> Iterator[list[Document]]:
    """Consecutive documents whose videos together last `_HOURS_AT_ONCE` or, for the last group, less."""
    group, hours = list[Document](), 0.0
    for doc in docs:
        clip = clip_of(doc)
        group.append(doc)
        hours += (clip.end_s or 0.0) / 3600 if clip else 0.0
        if hours >= _HOURS_AT_ONCE:
            yield group
            group, hours = [], 0.0
    yield group


def clip_of(doc: Document) -> Clip | None:
    """The clip of a video or of sound; None for other documents."""
    return next((element for element in doc.elements if isinstance(element, Clip)), None)


def with_language(doc: Document, languages: Mapping[str, tuple[str, float]]) -> Document:
    """The document with label and score `speech_language`, unchanged without speech."""
    if doc.id not in languages:
        return doc
    language, probability = languages[doc.id]
    return doc.with_labels(speech_language=language).with_score("speech_language", round(probability, 4))


def text_of(position: int, sentence: Sentence) -> Text:
    """The Text of a sentence, with its times."""
    text = Text(position=position, text=sentence.text, origin="asr", role="speech", scores=sentence.scores)
    return replace(text, start_s=round(sentence.start_s, 3), end_s=round(sentence.end_s, 3))


def rows_of(id_: str, position: int, sentence: Sentence) -> Iterator[Side]:
    """Rows of the side table `words` for the Text at this position."""
    for number, word in enumerate(sentence.words):
        times = {"start_s": round(word.start_s, 3), "end_s": round(word.end_s, 3), "probability": word.probability}
        yield Side("words", {"id": id_, "position": position, "number": number, "word": word.text.strip(), **times})
