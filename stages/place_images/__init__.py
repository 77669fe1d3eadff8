"""Places images beside the sentences that they match, by stored vectors of both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import ClassVar, Literal

import pyarrow as pa

from interloom.pipeline.contents import IMAGES, OF_TEXTS, Content, Need, embeddings, labels, scores
from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Element, Image
from interloom.schemas.outcome import Drop, Dropped, Outcome, Quarantined
from interloom.stages._embed.in_documents import Span, check_one_model, image_vectors, sentence_spans, vectors_of_images
from interloom.stages._embed.stored import Vectors
from interloom.stages.place_images import assignment, matching
from interloom.stages.place_images.assignment import SCALE, Similarities
from interloom.stages.place_images.layout import Layout, Sentence, moved_to


@dataclass(frozen=True, kw_only=True)
class PlaceImages(Stage):
    """Matches each image with a sentence of its document by the similarity of their stored CLIP vectors, and puts it beside it.

    `stages.embed_images` and `stages.embed_texts` store the vectors. An image gets the scores
    `matched_sim`, its similarity to its sentence, and `matched_text`, the number of that sentence, counted from 0 over the body
    text and speech. The document gets the mean as `matched_sim`, the number of its sentences as `sentences`, and the label
    `sentences`, a JSON list of [position of the text, first character, last character + 1]. An image whose best sentence is less
    similar than `at_least` is dropped as `matches_no_sentence`. Documents without images pass unchanged; a document with an
    image or a text of which nothing is stored is quarantined.

    A text is cut where an image comes to stand inside it. Its parts get new positions, because what is on record of the old
    position is about the whole; their `offset` says where in the extracted text they begin. All other positions and offsets stay,
    so those of an image still say where the page had it. Texts that describe an image go with it.

    OmniCorpus (arXiv 2406.08418, section 5) finds that the order of the page suits autoregressive models, and placement by
    similarity models with cross-attention.

    Parameters:
        layout: "assignment" gives a sentence one image at most, so that the total similarity is greatest, and surplus images
            their best sentences (MMC4, arXiv 2304.06939, section 2); "best" gives each image its best sentence; "dom" matches as
            "assignment" does and leaves the images where the page has them. Default "assignment".
        side: Whether images come "before" or "after" their sentences; those of one sentence keep their order. Default "before",
            our choice.
        at_least: Images whose best sentence is less similar are dropped. Cosine similarity, -1 to 1; null is off. Default 0.15
            (MMC4, for ViT-L/14).
        matrix_from: Similarities of at least this are kept in the label `similarities`, as JSON: position of the image -> number
            of the sentence -> similarity. Cosine similarity; null keeps none. Default null, our choice.
        model: The model whose vectors are compared, as the steps that stored them name it; null: the only one. Default null.
    """

    side_tables: ClassVar[tuple[str, ...]] = ("embeddings",)

    layout: Literal["dom", "assignment", "best"] = "assignment"
    side: Literal["before", "after"] = "before"
    at_least: float | None = 0.15
    matrix_from: float | None = None
    model: str | None = None

    def needs(self) -> Iterable[Need]:
        return (embeddings("image", self.model), embeddings("sentence", self.model), IMAGES)

    def provides(self) -> Iterable[Content]:
        yield from (*scores("image", "matched_sim", "matched_text"), *scores("document", "matched_sim", "sentences"))
        yield from labels("sentences", *([] if self.matrix_from is None else ["similarities"]))

    def outdates(self) -> Iterable[str]:
        return () if self.layout == "dom" else OF_TEXTS

    def check(self) -> Iterable[str]:
        if find_spec("scipy") is None:
            yield "needs scipy, not installed here; pip install 'interloom[embed]'"
        for name in ("at_least", "matrix_from"):
            value = getattr(self, name)
            if value is not None and not -1 <= value <= 1:
                yield f"{name}: a cosine similarity is between -1 and 1, not {value}"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        return self.process_with(docs, {})

    def process_with(self, docs: Sequence[Document], sides: Mapping[str, Sequence[pa.Table]]) -> Iterator[Outcome]:
        tables = sides.get("embeddings", ())
        check_one_model(tables, ("image", "sentence"), self.model)
        images, sentences = image_vectors(docs, tables, self.model), sentence_spans(docs, tables, self.model)
        for doc in docs:
            try:
                yield from self._outcomes(doc, images[doc.id], sentences[doc.id]) if doc.images else (doc,)
            except DocumentError as error:
                yield Quarantined(doc.id, str(error), url=doc.source.url)

    def _outcomes(self, doc: Document, images: Mapping[int, Vectors], stored: Sequence[Span]) -> list[Outcome]:
        vectors, sentences = vectors_of_images(doc, images), matching.in_order(doc, stored)
        similarities = matching.similarities(vectors, sentences)
        drops = [self._drop(row) for row in similarities]
        dropped = [(image, drop) for image, drop in zip(doc.images, drops, strict=True) if drop]
        kept = doc.without([image.position for image, _ in dropped]).with_score("sentences", len(sentences))
        if kept.images and sentences:
            kept = self._placed(kept, sentences, similarities[[drop is None for drop in drops]])
        return [*(Dropped(doc.id, drop, image.position, image.url) for image, drop in dropped), kept]

    def _drop(self, similarities: Similarities) -> Drop | None:
        """The reason to drop an image with these similarities to the sentences, or None."""
        if self.at_least is None:
            return None
        if not len(similarities):
            return Drop("matches_no_sentence", threshold=self.at_least)
        best = int(similarities.max())
        return Drop("matches_no_sentence", best / SCALE, self.at_least) if best < round(self.at_least * SCALE) else None

    def _placed(self, doc: Document, spans: Sequence[Span], similarities: Similarities) -> Document:
        """The document with its images where they belong, with their scores; each image has a row of similarities."""
        assign = assignment.best_sentences if self.layout == "best" else assignment.assigned_sentences
        chosen = assign(similarities).tolist()
        positions = [image.position for image in doc.images]
        layout = Layout(doc.elements, tuple(Sentence(span.position, span.start, span.end) for span in spans))
        if self.layout != "dom":
            sentence_of = dict(zip(positions, chosen, strict=True))
            layout = moved_to(layout, sentence_of, after=self.side == "after", free_position=doc.free_position)
        matched = [int(row[sentence]) for row, sentence in zip(similarities, chosen, strict=True)]
        match_of = dict(zip(positions, zip(matched, chosen, strict=True), strict=True))
        doc = doc.with_elements(_with_match(element, match_of) for element in layout.elements)
        doc = doc.with_score("matched_sim", round(sum(matched) / len(matched) / SCALE, 4))
        doc = doc.with_labels(sentences=_json([[s.position, s.start, s.end] for s in layout.sentences]))
        return doc if self.matrix_from is None else doc.with_labels(similarities=self._matrix(positions, similarities))

    def _matrix(self, positions: Sequence[int], similarities: Similarities) -> str:
        """The label `similarities`: [[2436, 3176]] from 0.3, of the image at position 5 -> {"5":{"1":0.3176}}."""
        least = round((self.matrix_from or 0.0) * SCALE)
        rows = [{n: value / SCALE for n, value in enumerate(row) if value >= least} for row in similarities.tolist()]
        return _json(dict(zip(positions, rows, strict=True)))


def _with_match(element: Element, match_of: Mapping[int, tuple[int, int]]) -> Element:
    if not isinstance(element, Image):
        return element
    matched, sentence = match_of[element.position]
    return element.with_score("matched_sim", matched / SCALE).with_score("matched_text", float(sentence))


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
