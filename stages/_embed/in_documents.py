"""What is stored about each document: the vectors of its images and of its sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.errors import ConfigError, DocumentError
from interloom.schemas.document import Document
from interloom.schemas.outcome import Quarantined
from interloom.stages._embed.stored import Vectors, stored_rows, vectors_in

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Span:
    """Characters [start, end) of the text at `position`, and the vectors of its windows, a row for each."""

    position: int
    start: int
    end: int
    vectors: Vectors


def image_vectors(docs: Sequence[Document], tables: Sequence[pa.Table], model: str | None) -> dict[str, dict[int, Vectors]]:
    """Id of each document -> position of each of its images with a stored vector -> the vector.

    Parameters: as those of `stored_rows`, which raises ConfigError.
    """
    rows = stored_rows(docs, tables, "image", model)
    vectors: dict[str, dict[int, Vectors]] = {doc.id: {} for doc in docs}
    for id_, position, vector in zip(
        rows["id"].to_pylist(), rows["position"].to_pylist(), vectors_in(rows["vector"]), strict=True
    ):
        vectors[id_].setdefault(position, vector)
    return vectors


def sentence_spans(docs: Sequence[Document], tables: Sequence[pa.Table], model: str | None) -> dict[str, list[Span]]:
    """Id of each document -> its sentences with stored vectors, by position of their text and place in it.

    Parameters: as those of `stored_rows`, which raises ConfigError.
    """
    rows = stored_rows(docs, tables, "sentence", model)
    lengths = {(doc.id, text.position): len(text.text) for doc in docs for text in doc.texts}
    vectors = vectors_in(rows["vector"])
    numbers: dict[str, dict[tuple[int, int, int], list[int]]] = {doc.id: {} for doc in docs}
    places = (rows[name].to_pylist() for name in ("id", "position", "start", "end"))
    for number, (id_, position, start, end) in enumerate(zip(*places, strict=True)):
        span = (position, start or 0, lengths.get((id_, position), 0) if end is None else end)
        numbers[id_].setdefault(span, []).append(number)
    return {id_: [Span(*span, vectors[of]) for span, of in sorted(spans.items())] for id_, spans in numbers.items()}


def vectors_of_images(doc: Document, stored: Mapping[int, Vectors]) -> Matrix:
    """The vectors of the images of a document, a row for each, in order.

    Raises DocumentError if an image has none.
    """
    missing = [image.position for image in doc.images if image.position not in stored]
    if missing:
        raise DocumentError(f"no vector is stored of the image at position {missing[0]}; embed_images above stores it")
    return np.array([stored[image.position] for image in doc.images], np.float64)


def with_image_vectors(
    docs: Sequence[Document], tables: Sequence[pa.Table], model: str | None
) -> Iterator[tuple[Document, Matrix | Quarantined]]:
    """Each document with the vectors of its images, or with its quarantine if an image has none.

    Parameters: as those of `stored_rows`, which raises ConfigError.
    """
    stored = image_vectors(docs, tables, model)
    for doc in docs:
        try:
            yield doc, vectors_of_images(doc, stored[doc.id])
        except DocumentError as error:
            yield doc, Quarantined(doc.id, str(error), url=doc.source.url)


def check_one_model(tables: Sequence[pa.Table], kinds: Sequence[str], model: str | None) -> None:
    """Raises ConfigError if vectors of these kinds are stored of several models or versions, whose similarity means nothing."""
    pairs: set[tuple[str, str]] = set()
    for table in tables:
        rows = table.filter(pc.is_in(table["kind"], pa.array(kinds, pa.string())))
        pairs |= {(row["model"], row["revision"]) for row in rows.group_by(["model", "revision"]).aggregate([]).to_pylist()}
    of_model = sorted(pair for pair in pairs if model in (None, pair[0]))
    if len(of_model) > 1:
        names = ", ".join(f"{name} ({revision})" for name, revision in of_model)
        raise ConfigError(f"vectors of {' and '.join(kinds)} must be of one model, and are stored of several: {names}")


def evenly_spaced(count: int, at_most: int) -> list[int]:
    """Which of so many images are taken: all of 3 for at most 5; [0, 4, 9] of 10 for at most 3."""
    if count <= at_most:
        return list(range(count))
    return [number * (count - 1) // (at_most - 1) for number in range(at_most)]
