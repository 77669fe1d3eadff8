"""OpenVid-1M (arXiv 2407.02371), read only: CSV with a video and its caption, scores and the length in seconds.

Rows are recognised by `seconds` or one of the scores, or if they have no other column: others may have their text elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection

from interloom.pipeline.contents import VIDEO
from interloom.schemas.document import Document, Text
from interloom.schemas.text_forms import visible_text
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.kept_columns import parsed
from interloom.stages._input.pictures import to_clip
from interloom.stages._input.rows import Row, RowOrigin, as_score, string_field

_OWN = ("seconds", "aesthetic score", "motion score", "temporal consistency score", "camera motion")


def _matches(fields: Collection[str]) -> bool:
    return {"video", "caption"} <= set(fields) and (not set(_OWN).isdisjoint(fields) or set(fields) <= {"video", "caption", "id"})


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts a row to a clip, which is all of its file, and its caption. Raises DocumentError if `video` is no string."""
    seconds = as_score(parsed(row.get("seconds")))
    clip = to_clip(row.get("video"), 0, origin, 0.0 if seconds else None, seconds)
    caption = Text(position=1, text=visible_text(string_field(row, "caption")), role="caption", origin="generated", of=0)
    return Document(id="", source=origin.source(""), elements=(clip, caption))


FORMAT = RowFormat(
    columns=("video", "caption", "seconds"),
    provides=(VIDEO,),
    matches=_matches,
    fits=lambda fields: {"video", "caption"} <= set(fields),
    to_document=to_document,
)
