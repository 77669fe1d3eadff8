"""A pair that a sink of ours wrote, as a document."""

from __future__ import annotations

import re
from dataclasses import replace

from interloom.schemas.document import Document, Text

_TEXT_FROM = "text_from"
"""The label that documents have which are pairs already."""


def with_caption(bare: Document, text: str, text_from: str, caption_position: int | None) -> Document:
    """Returns the document of a pair, with the id that `stages.split_pairs` would give it: `<id>#<position>`, or
    `<id>#<position>.<position of the caption>` where each caption was a pair. The id of a document that was a pair already stays.

    Parameters:
        bare: The image alone, with the id of the document that it is from.
        text: Its text.
        text_from: Where that is from.
        caption_position: The position of the caption, where each was a pair.
    """
    [image] = bare.elements
    part = f"#{image.position}"
    is_pair = _TEXT_FROM in bare.labels and re.search(rf"{part}(\.\d+)?$", bare.id)
    id_ = bare.id if is_pair else bare.id + part
    position = bare.free_position if caption_position is None else caption_position
    if caption_position is not None and not id_.endswith(f"{part}.{position}"):
        id_ += f".{position}"
    caption = Text(position=position, text=text, role="caption", of=image.position)
    return replace(bare, id=id_, elements=(image, caption)).with_labels(**{_TEXT_FROM: text_from})
