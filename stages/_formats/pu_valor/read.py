"""PU-VALOR of AVicuna (arXiv 2403.16276), read only: videos made of clips, with the times of each, and dialogues about them.

`meta.token` gives the start and the end of clip n as `<sn>` and `<en>`, in seconds. A document is a Clip for each, then the
dialogue, a Text for each turn.
"""

from __future__ import annotations

from collections.abc import Iterator

from interloom.pipeline.contents import TEXT, VIDEO, labels, scores
from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import SOURCE_ID, Clip, Document, Text
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.rows import Row, RowOrigin, as_score, given_id, mapping_field, scores_of, string_field
from interloom.stages._input.surrogates import replace_surrogates, text_of_file

_DIALOGUES = ("conversations", "dialogue")


def to_document(row: Row, origin: RowOrigin) -> Document:
    """Converts a record to a document. Raises DocumentError if it has neither clips nor a dialogue."""
    meta = mapping_field(row, "meta")
    clips = list(_clips(row, meta))
    texts = list(_texts(row, len(clips)))
    if not clips and not texts:
        raise DocumentError("neither clips nor a dialogue")
    named = {SOURCE_ID: given_id(row.get("id")), "source": string_field(row, "source")}
    known = {name: value for name, value in named.items() if value}
    return Document(id="", source=origin.source(""), elements=(*clips, *texts), labels=known, scores=scores_of(meta, "duration"))


def _clips(row: Row, meta: Row) -> Iterator[Clip]:
    """Yields a clip for each time span; its URL is the video that it was made of."""
    times, videos = mapping_field(meta, "token"), row.get("sub_videos") or meta.get("sub_videos")
    names = [_name(video) for video in videos] if isinstance(videos, list) else []
    spans = sum(f"<s{n}>" in times for n in range(len(times)))
    for n in range(max(spans, len(names))):
        start, end = as_score(times.get(f"<s{n}>")), as_score(times.get(f"<e{n}>"))
        yield Clip(position=n, start_s=start, end_s=end, url=names[n] if n < len(names) else "")


def _name(video: object) -> str:
    if isinstance(video, dict):
        return next((replace_surrogates(value) for value in video.values() if isinstance(value, str)), "")
    return replace_surrogates(video) if isinstance(video, str) else ""


def _texts(row: Row, first: int) -> Iterator[Text]:
    turns: object = next((row[name] for name in _DIALOGUES if row.get(name)), [])
    for n, turn in enumerate(turns if isinstance(turns, list) else [turns], first):
        text = turn.get("value", turn.get("text")) if isinstance(turn, dict) else turn
        if not isinstance(text, str):
            raise DocumentError("a turn of the dialogue has no text")
        yield Text(position=n, text=text_of_file(text))


FORMAT = RowFormat(
    columns=("id", "source", "meta", "sub_videos", "scale", *_DIALOGUES),
    provides=(*(VIDEO, TEXT), *labels("source"), *scores("document", "duration")),
    matches=lambda fields: "sub_videos" in fields or {"meta.token", "meta.duration"} <= set(fields),
    to_document=to_document,
)
