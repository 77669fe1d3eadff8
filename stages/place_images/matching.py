"""The sentences of a document in order, and how similar each of its images is to each of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Document
from interloom.stages._embed.in_documents import Matrix, Span
from interloom.stages.place_images.assignment import Similarities, in_integers

MOST_PAIRS = 1 << 25
"""Pairs of an image and a sentence of one document, such as 1,000 images and 33,000 sentences: they take 1.2 GB and 4 s. Our
choice."""


def in_order(doc: Document, stored: Sequence[Span]) -> list[Span]:
    """The sentences of a document's running text in the order of its elements; texts that describe an image have none.

    Raises DocumentError if there is text but no sentence is stored, or if a text has changed since its sentences were stored.
    """
    texts = [text for text in doc.running_texts if text.of is None and text.text.strip()]
    by_position: dict[int, list[Span]] = {text.position: [] for text in texts}
    for span in stored:
        by_position.get(span.position, []).append(span)
    sentences = [span for spans in by_position.values() for span in spans]
    if texts and not sentences:
        raise DocumentError("no vectors are stored of the sentences; embed_texts above stores them")
    for text in texts:
        if any(span.end > len(text.text) for span in by_position[text.position]):
            raise DocumentError(f"the text at position {text.position} was changed after its sentences were embedded")
    return sentences


def similarities(images: Matrix, sentences: Sequence[Span]) -> Similarities:
    """The similarity of each image to each sentence, the best over its windows, in integers.

    Raises DocumentError for more than MOST_PAIRS. A float64 holds sums of products of such float16 numbers exactly (all are
    multiples of 2**-48 and below 16), so no order of additions, and so no version of BLAS, changes a result.
    """
    if len(images) * len(sentences) > MOST_PAIRS:
        raise DocumentError(f"too large to be matched: {len(images)} images and {len(sentences)} sentences")
    if not sentences:
        return np.zeros((len(images), 0), np.int64)
    windows = np.concatenate([sentence.vectors for sentence in sentences]).astype(np.float64)
    starts = np.cumsum([0, *(len(sentence.vectors) for sentence in sentences[:-1])])
    return in_integers(np.maximum.reduceat(images @ windows.T, starts, axis=1))
