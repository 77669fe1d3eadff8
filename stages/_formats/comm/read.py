"""CoMM (arXiv 2406.10462), read only: a summary and steps, each a list of texts and images, in a pickled list.

Pickles are read without running anything that they name (`stages/_input/pickled.py`). The label `steps` lists the position at
which each step begins (JSON), so that the two levels can be told apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from interloom.pipeline.contents import IMAGE_BYTES, IMAGE_FORMAT, IMAGES, TEXT, labels
from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Document, Element, Image, Text
from interloom.schemas.text_forms import visible_text
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.pictures import to_image
from interloom.stages._input.rows import Row, RowOrigin, string_field


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts a record to a document. Raises DocumentError if it has no list of steps, or a part of it is no object."""
    steps = row.get("step_info")
    if not isinstance(steps, list):
        raise DocumentError("no list in field 'step_info'")
    elements: list[Element] = []
    begins: list[int] = []
    for step in [row.get("summary_info") or [], *steps]:
        begins.append(len(elements))
        elements += [replace(part, position=len(elements) + n) for n, part in enumerate(_parts(step, origin))]
    return Document(
        id="",
        source=origin.source(string_field(row, "url")),
        elements=tuple(elements),
        labels={"steps": json.dumps(begins[1:])},
    )


def _parts(step: object, origin: RowOrigin) -> Iterator[Element]:
    """The elements of a step, whose positions are given later."""
    for part in step if isinstance(step, list) else [step]:
        if not isinstance(part, dict):
            raise DocumentError("a part of a step is not an object")
        if part.get("type") == "text":
            yield Text(position=0, text=visible_text(string_field(part, "text")))
        elif part.get("type") == "image":
            url, path = string_field(part, "url"), string_field(part, "image_path")
            image = to_image(path or url, 0, origin) or Image(position=0)
            yield replace(image, url=url or path)


FORMAT = RowFormat(
    columns=("summary_info", "step_info", "url"),
    provides=(*(TEXT, IMAGES, IMAGE_BYTES, IMAGE_FORMAT), *labels("steps")),
    matches=lambda fields: "step_info" in fields,
    to_document=to_document,
)
