"""MMC4 (arXiv 2304.06939): `text_list` holds sentences, `image_info` images with the sentence that each was matched to."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from interloom.pipeline.contents import IMAGES, TEXT, labels, scores
from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Document, Image, Text
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.rows import Row, RowOrigin, as_score, list_field, number_field, string_field
from interloom.stages._input.surrogates import text_of_file


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts a row to a document in which each image stands before the sentence `matched_text_index`.

    Images without that index, or with one beyond the last sentence, stand at the end. Example: the sentences "A.", "B." and
    an image matched to sentence 1 -> Text "A.", Image, Text "B.". The similarity matrix becomes the label `similarities`, as
    `stages.place_images` writes it: JSON, position of the image -> number of the sentence -> similarity.
    Raises DocumentError if `text_list` or `image_info` is not a list, or if an entry of `image_info` is not an object.
    """
    texts = list_field(row, "text_list")
    images_before = _images_by_sentence(row, len(texts))
    parts: list[Row | str] = []
    for n, text in enumerate([*texts, ""]):
        parts += images_before[n]
        if isinstance(text, str) and n < len(texts):
            parts.append(text_of_file(text))
    url = string_field(row, "url")
    elements = (Text(position=n, text=part) if isinstance(part, str) else _image(n, part) for n, part in enumerate(parts))
    return Document(id="", source=origin.source(url), elements=tuple(elements), labels=_similarities(row, parts))


def _similarities(row: Row, parts: Sequence[Row | str]) -> dict[str, str]:
    """The similarity matrix as a label; none without a matrix."""
    matrix = row.get("similarity_matrix")
    if not isinstance(matrix, list):
        return {}
    rows = {id(image): numbers for image, numbers in zip(list_field(row, "image_info"), matrix, strict=False)}
    similarities = {
        position: {n: number for n, value in enumerate(numbers) if (number := as_score(value)) is not None}
        for position, part in enumerate(parts)
        if isinstance(numbers := rows.get(id(part)), list)
    }
    return {"similarities": json.dumps(similarities)} if similarities else {}


def _images_by_sentence(row: Row, sentences: int) -> dict[int, list[Row]]:
    """Returns the entries of `image_info` by the sentence that they stand before; `sentences` is the end of the text."""
    images: dict[int, list[Row]] = defaultdict(list)
    for image in list_field(row, "image_info"):
        if not isinstance(image, dict):
            raise DocumentError("an entry of 'image_info' is not an object")
        index = number_field(image, "matched_text_index")
        images[sentences if index is None else min(index, sentences)].append(image)
    return images


def _image(position: int, row: Row) -> Image:
    similarity = row.get("matched_sim")
    image = Image(position=position, url=string_field(row, "raw_url"))
    return image.with_score("mmc4_sim", float(similarity)) if isinstance(similarity, int | float) else image


FORMAT = RowFormat(
    columns=(
        "id",
        "url",
        "text_list",
        "image_info.raw_url",
        "image_info.matched_text_index",
        "image_info.matched_sim",
        "similarity_matrix",
    ),
    provides=(TEXT, IMAGES, *labels("similarities"), *scores("image", "mmc4_sim")),
    matches=lambda fields: "text_list" in fields,
    to_document=to_document,
)
