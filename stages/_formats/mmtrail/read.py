"""MMTrail (arXiv 2407.20962), read only: clips of trailers with captions of frames, music, voices, and all of them together.

The clip has the times of its frames in the video. Each caption is a Text about it, whose `path` is the field that it is from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from statistics import fmean

from interloom.pipeline.contents import VIDEO, scores
from interloom.schemas.document import SOURCE_ID, Clip, Document, Text
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.pictures import to_clip
from interloom.stages._input.rows import Row, RowOrigin, as_score, given_id, number_field, string_field
from interloom.stages._input.surrogates import text_of_file

_CAPTIONS = (
    *("merge_caption", "polish_caption", "caption", "frame_caption", "vocal_caption", "music_caption"),
    *("music_caption_wo_vocal", "background"),
)


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts a record to a clip and its captions. Raises DocumentError if `clip_path` is no string."""
    clip = _timed(to_clip(row.get("clip_path"), 0, origin), row)
    captions = (
        Text(position=n, text=text, role="caption", origin="generated", of=0, path=field)
        for n, (field, text) in enumerate(_captions(row), 1)
    )
    numbers = [number for value in _listed(row.get("aesthetic_score")) if (number := as_score(value)) is not None]
    given = given_id(row.get("clip_id"))
    video = string_field(row, "video_id")
    known = {name: value for name, value in {SOURCE_ID: given, "video_id": video}.items() if value}
    measured = {"aesthetic_score": fmean(numbers)} if numbers else {}
    return Document(id="", source=origin.source(""), elements=(clip, *captions), labels=known, scores=measured)


def _timed(clip: Clip, row: Row) -> Clip:
    """The clip with the times of its first and last frame, if they and the frame rate are given, and with its size."""
    frames, fps, size = row.get("clip_start_end_idx"), as_score(row.get("video_fps")), row.get("video_resolution")
    bounds = [as_score(frame) for frame in _listed(frames)]
    if len(bounds) == 2 and fps and None not in bounds:
        clip = replace(clip, start_s=(bounds[0] or 0.0) / fps, end_s=(bounds[1] or 0.0) / fps)
    named = dict(zip(("height", "width"), _listed(size), strict=False))
    return replace(clip, width=number_field(named, "width"), height=number_field(named, "height"))


def _captions(row: Row) -> Iterator[tuple[str, str]]:
    for field in _CAPTIONS:
        for value in _listed(row.get(field)):
            text = value.get("text") if isinstance(value, dict) else value
            if isinstance(text, str) and text.strip():
                yield field, text_of_file(text)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


FORMAT = RowFormat(
    columns=(
        *("clip_id", "clip_path", "clip_start_end_idx", "video_id", "video_fps", "video_resolution"),
        *("aesthetic_score", "objects", *_CAPTIONS),
    ),
    provides=(VIDEO, *scores("document", "aesthetic_score")),
    matches=lambda fields: {"clip_id", "clip_path"} <= set(fields),
    to_document=to_document,
)
