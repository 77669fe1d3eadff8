"""What the dataset card says of Parquet shards: what their columns hold, and where to look for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from interloom.pipeline.card_parts import CardParts
from interloom.stages._export.pairs import Captions

_PARALLEL = "parallel to `elements`, null where the element is of another kind"
_RECORD = {
    "source": "where it comes from: URL, file, place in it, date, licence, evidence of an opt-out",
    "labels": "strings about it: list of (name, value)",
    "scores": "numbers about it: list of (name, value)",
}
_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "interleaved": {
        "id": "id of the document, unique in the dataset",
        "texts": f"its texts in order, {_PARALLEL}",
        "images": f"its encoded pictures in order, as {{bytes, path}}, {_PARALLEL}",
        "clips": f"its encoded clips in order, as {{bytes, path}}, {_PARALLEL}",
        **_RECORD,
        "body": "the raw page, if nothing was extracted from it",
        "elements": "of each text, picture and clip: kind, position, role, origin, times, place, size, hashes, scores",
    },
    "pairs": {
        "id": "id of the document that the picture is from",
        "position": "position of the picture in it; (id, position) is unique",
        "image": "the encoded picture, as {bytes, path}",
        "caption": "its text",
        "caption_from": "where the text is from: caption, alt or text",
        "format, width, height": "of the picture, pixels",
        "sha256, phash": "hashes of the picture",
        "url, alt": "where the picture was found, and its alt text",
        "opt_out": "evidence of an opt-out of the picture",
        "scores": "numbers about the picture: list of (name, value)",
        "page_url, licence": "the page, and the licence that it names",
        "document_scores, labels": "of the document",
        "source": _RECORD["source"],
    },
    "text": {"id": "id of the document, unique in the dataset", **_RECORD, "text": "its running text"},
}
_CAPTION = "position of the caption in the document, null for other texts; (id, position, caption_position) is unique"
_ABOUT: Mapping[str, CardParts] = {
    "interleaved": CardParts(
        kind="interleaved",
        columns=_COLUMNS["interleaved"],
        opt_out_in="`source.opt_out` and in `opt_out` of `elements`",
        url_in="`source.url` or in `url` of its `elements`",
        source_in="`source`",
    ),
    "pairs": CardParts(
        kind="pairs",
        columns=_COLUMNS["pairs"],
        opt_out_in="`source.opt_out` (of the page) and in `opt_out` (of the picture)",
        url_in="`page_url` or in `url`",
        source_in="`source`",
    ),
    "text": CardParts(
        kind="texts", columns=_COLUMNS["text"], opt_out_in="`source.opt_out`", url_in="`source.url`", source_in="`source`"
    ),
}
"""By layout."""


def about(layout: str, captions: Captions) -> CardParts:
    """Returns what the card says of a layout in which captions are joined, or a row each."""
    parts = _ABOUT[layout]
    if captions == "joined":
        return parts
    columns = dict[str, str]()
    for name, text in parts.columns.items():
        columns[name] = text.removesuffix("; (id, position) is unique")
        if name == "caption_from":
            columns["caption_position"] = _CAPTION
    return replace(parts, columns=columns)
