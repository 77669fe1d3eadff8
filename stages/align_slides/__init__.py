"""Puts speech after the slide that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from interloom.pipeline.contents import IMAGES, SPEECH, Content, Need, scores
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Element, Image, Text
from interloom.schemas.outcome import Outcome
from interloom.stages._video.timeline import Screen, end_of, start_of


@dataclass(frozen=True, kw_only=True)
class AlignSlides(Stage):
    """Puts each sentence of speech after the slide it is about: an image, the texts that describe it, its speech.

    Elements keep their positions; those that are neither slides nor their texts nor speech come first. Words are compared with
    each slide's texts (screen text, captions, alt text) in a hidden Markov model in which slides mostly follow one another, see
    `alignment.py`. On the labelled lectures of MaViLS with the text of their PDF files, `by: text` places .67 of the sentences
    right, TF-IDF alone .28.

    Speech gets the scores `slide`, the position of the slide, and `slide_certainty`, the probability of that slide (1 if the
    time decides). Documents without images or speech pass unchanged.

    Parameters:
        by: "time" puts a sentence with the slide that was shown for most of it; only sentences during which no slide was shown
            (the camera is on the speaker) are placed by their words. "text" places all sentences by their words, for slides
            without times: a deck beside a recording. Default "time", our choice.
    """

    by: Literal["time", "text"] = "time"

    def needs(self) -> Iterable[Need]:
        return (IMAGES, SPEECH)

    def provides(self) -> Iterable[Content]:
        return scores("text", "slide", "slide_certainty")

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        return map(self._aligned, docs)

    def _aligned(self, doc: Document) -> Document:
        slides = sorted(doc.images, key=start_of) if self.by == "time" else list(doc.images)
        speech = sorted((text for text in doc.texts if text.origin == "asr" and text.of is None), key=start_of)
        if not slides or not speech:
            return doc
        scored = self._with_slides(doc, slides, speech)
        order: list[Element] = [
            e
            for e in doc.elements
            if not (isinstance(e, Image) or _describes(e, slides) or (isinstance(e, Text) and e in speech))
        ]
        for slide in slides:
            order += [slide, *(text for text in doc.texts if text.of == slide.position)]
            order += [text for text in scored if text.scores["slide"] == slide.position]
        return doc.with_elements(order)

    def _with_slides(self, doc: Document, slides: Sequence[Image], speech: Sequence[Text]) -> list[Text]:
        """The speech with the scores `slide` and `slide_certainty`."""
        from interloom.stages.align_slides.alignment import posteriors

        known = self._known_slides(slides, speech)
        probabilities = posteriors([text.text for text in speech], [_slide_text(doc, slide) for slide in slides], known)
        scored = []
        for text, row, number in zip(speech, probabilities, known, strict=True):
            slide = int(row.argmax()) if number is None else number
            certainty = 1.0 if number is not None else round(float(row[slide]), 4)
            scored.append(text.with_score("slide", float(slides[slide].position)).with_score("slide_certainty", certainty))
        return scored

    def _known_slides(self, slides: Sequence[Image], speech: Sequence[Text]) -> list[int | None]:
        """For each sentence the number of the slide that was shown during it, None where its words must decide."""
        if self.by == "text":
            return [None] * len(speech)
        screen = Screen(slide for slide in slides if slide.start_s is not None)
        number_of = {slide.position: number for number, slide in enumerate(slides)}
        shown = (screen.during(start_of(text), end_of(text)) if text.start_s is not None else None for text in speech)
        return [number_of[keyframe_and_share[0].position] if keyframe_and_share else None for keyframe_and_share in shown]


def _slide_text(doc: Document, slide: Image) -> str:
    """All words on a slide: its alt text and the texts that describe it."""
    return "\n".join([slide.alt, *(text.text for text in doc.texts if text.of == slide.position)])


def _describes(element: Element, slides: Sequence[Image]) -> bool:
    """Whether the element is a text that describes one of the slides."""
    return isinstance(element, Text) and any(element.of == slide.position for slide in slides)
