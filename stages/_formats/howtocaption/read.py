"""HowToCaption (arXiv 2310.04900), read only: a pickled mapping from videos to starts, ends and captions of clips.

A document is a video with a clip and its captions for each entry. The score of a caption, where there is one, is
`caption_score`. Pickles are read without running anything that they name.
"""

from __future__ import annotations

from collections.abc import Iterator

from interloom.pipeline.contents import VIDEO, scores
from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import SOURCE_ID, Clip, Document, Element, Text
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.rows import Row, RowOrigin, as_score, list_field, string_field
from interloom.stages._input.surrogates import text_of_file


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts an entry to a document. Raises DocumentError if `start`, `end` and `text` are not lists of one length."""
    video = string_field(row, "key")
    starts, ends, texts = (list_field(row, name) for name in ("start", "end", "text"))
    if not len(starts) == len(ends) == len(texts):
        raise DocumentError(f"{len(starts)} starts, {len(ends)} ends and {len(texts)} texts")
    elements: list[Element] = []
    for start, end, captions in zip(starts, ends, texts, strict=True):
        position = len(elements)
        elements.append(Clip(position=position, url=video, start_s=as_score(start), end_s=as_score(end)))
        elements += _captions(captions, position)
    return Document(id="", source=origin.source(""), elements=tuple(elements), labels={SOURCE_ID: video} if video else {})


def _captions(captions: object, of: int) -> Iterator[Text]:
    for n, caption in enumerate(captions if isinstance(captions, list) else [captions], of + 1):
        text, score = caption if isinstance(caption, tuple | list) and len(caption) == 2 else (caption, None)
        if not isinstance(text, str):
            raise DocumentError(f"a caption is no string but {type(text).__name__}")
        number = as_score(score)
        element = Text(position=n, text=text_of_file(text), role="caption", origin="generated", of=of)
        yield element if number is None else element.with_score("caption_score", number)


FORMAT = RowFormat(
    columns=("key", "start", "end", "text"),
    provides=(VIDEO, *scores("text", "caption_score")),
    matches=lambda fields: {"key", "start", "end", "text"} <= set(fields),
    to_document=to_document,
)
