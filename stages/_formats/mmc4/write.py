"""Writes documents as MMC4 (arXiv 2304.06939) publishes them: sentences, and images with the sentence of each.

Sentences are those of the label `sentences` (`stages.place_images`); without it each text is one. An image goes with the
sentence of its score `matched_text`, else with the next one. `similarity_matrix` is the label `similarities`, with 0 where it
has no number; without it, it holds the similarity of each image to its own sentence only. MMC4 has no place for the bytes and
sizes of images, alt texts, labels, other scores, roles and origins of texts, and images without a URL.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from interloom.pipeline.card_parts import CardParts
from interloom.schemas.document import Document, Image
from interloom.schemas.media_names import extension_of
from interloom.stages._formats.row_export import Row, RowExport, score

_NAME_DIGITS = 12
"""Length of the names of images in MMC4."""
_Sentence = tuple[int, int | None, str]
"""A sentence: the position of its Text, its number in the label `sentences` (None without one), and its text."""


def _rows(doc: Document) -> Iterator[Row]:
    sentences, images = _sentences(doc), [image for image in doc.images if image.url]
    matched = [_matched(doc, image, sentences) for image in images]
    yield {
        "image_info": [_info(image, index) for image, index in zip(images, matched, strict=True)],
        "similarity_matrix": _matrix(doc, sentences, list(zip(images, matched, strict=True))),
        "text_list": [text for _, _, text in sentences],
        "url": doc.source.url,
        "could_have_url_duplicate": round(score(doc.scores, "could_have_url_duplicate") or 0),
    }


def _sentences(doc: Document) -> list[_Sentence]:
    whole: list[_Sentence] = [(text.position, None, text.text) for text in doc.texts]
    spans = _parsed(doc, "sentences")
    if not isinstance(spans, list):
        return whole
    texts = {text.position: text.text for text in doc.texts}
    named = ((position, number, start, end) for number, (position, start, end) in enumerate(spans))
    return [(position, number, texts[position][start:end]) for position, number, start, end in named if position in texts]


def _without_sentence(doc: Document) -> list[int]:
    held = {position for position, _, _ in _sentences(doc)}
    return [e.position for e in doc.elements if not isinstance(e, Image) and e.position not in held]


def _parsed(doc: Document, label: str) -> Any:
    """The label of the document as JSON; None if it has none, or one that another step wrote."""
    try:
        return json.loads(doc.labels.get(label, "null"))
    except ValueError:
        return None


def _matched(doc: Document, image: Image, sentences: Sequence[_Sentence]) -> int:
    """The index of the sentence that an image goes with; the last one, if none follows it."""
    number = score(image.scores, "matched_text")
    for index, sentence in enumerate(sentences):
        if number is not None and sentence[1] == round(number):
            return index
    order = {element.position: index for index, element in enumerate(doc.elements)}
    later = (n for n, (position, _, _) in enumerate(sentences) if order[position] > order[image.position])
    return next(later, max(len(sentences) - 1, 0))


def _info(image: Image, index: int) -> dict[str, Any]:
    name = hashlib.sha256(image.url.encode("utf-8", "replace")).hexdigest()[:_NAME_DIGITS]
    return {
        "face_detections": None,
        "image_name": f"{name}.{extension_of(image.format or 'jpeg')}",
        "matched_sim": _similarity(image),
        "matched_text_index": index,
        "raw_url": image.url,
    }


def _similarity(image: Image) -> float | None:
    return score(image.scores, "matched_sim", "mmc4_sim", "clip")


def _matrix(doc: Document, sentences: Sequence[_Sentence], matched: Sequence[tuple[Image, int]]) -> list[list[float]]:
    """A row for each image with its similarity to each sentence."""
    stored = _parsed(doc, "similarities")
    matrix = []
    for image, index in matched:
        row = stored.get(str(image.position)) if isinstance(stored, dict) else None
        if isinstance(row, dict):
            numbers = [n if number is None else number for n, (_, number, _) in enumerate(sentences)]
            matrix.append([float(row.get(str(number), 0.0)) for number in numbers])
        else:
            similarity = _similarity(image) or 0.0
            matrix.append([similarity if n == index else 0.0 for n in range(len(sentences))])
    return matrix


_IMAGE_FEATURES = (
    {"name": "face_detections", "dtype": "json"},
    {"name": "image_name", "dtype": "string"},
    {"name": "matched_sim", "dtype": "float64"},
    {"name": "matched_text_index", "dtype": "int64"},
    {"name": "raw_url", "dtype": "string"},
)
_ABOUT = CardParts(
    kind="interleaved",
    columns={
        "image_info": "of each image: URL, number of its sentence, similarity to it",
        "similarity_matrix": "a row for each image with its similarity to each sentence",
        "text_list": "the sentences in order",
        "url": "URL of the page",
        "could_have_url_duplicate": "the score of this name",
    },
    features=(
        {"name": "text_list", "list": "string"},
        {"name": "url", "dtype": "string"},
        {"name": "image_info", "list": list(_IMAGE_FEATURES)},
        {"name": "similarity_matrix", "list": {"list": "float64"}},
        {"name": "could_have_url_duplicate", "dtype": "int64"},
    ),
    url_in="`url` or in `raw_url` of `image_info`",
)
EXPORT = RowExport(to_rows=_rows, lacking_texts=_without_sentence, about=_ABOUT)
