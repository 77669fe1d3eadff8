from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from interloom.filters._judge import over, under
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop, Dropped, Outcome

Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class TextArea(Stage):
    """Drops images of which text covers too large (or small) a share: the union of the boxes of their screen text.

    MMTrail (arXiv 2407.20962, section 3) scores this share and publishes no limit; 0.5 is our own. An image on which no
    text was read has the share 0, one without width and height is `not_measured`. Where the reader of screen text gives
    the score `text_area`, that is taken: its boxes of lines are closer than the box around them all.
    """

    at_least: float | None = None
    at_most: float | None = 0.5

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            yield from self._judged(doc)

    def _judged(self, doc: Document) -> Iterator[Outcome]:
        gone = []
        for image in doc.images:
            drop = self._judge(image, [text for text in doc.texts if text.of == image.position and text.origin == "ocr"])
            if drop:
                gone.append(image.position)
                yield Dropped(doc.id, drop, image.position, image.url)
        yield doc.without(gone) if gone else doc

    def _judge(self, image: Image, shown: Sequence[Text]) -> Drop | None:
        share = _said(image, shown)
        if share is None:
            if not image.width or not image.height:
                return Drop("not_measured")
            share = covered([text.bbox for text in shown if text.bbox], image.width, image.height)
        return under("too_little_text", share, self.at_least) or over("too_much_text", share, self.at_most)


def _said(image: Image, shown: Sequence[Text]) -> float | None:
    values = [one.scores["text_area"] for one in (image, *shown) if "text_area" in one.scores]
    return min(1.0, sum(values)) if values else None


def covered(boxes: Sequence[Box], width: int, height: int) -> float:
    """The share of the picture under at least one box; boxes beyond its edges are cut there."""
    inside = [(max(0.0, a), max(0.0, b), min(float(width), c), min(float(height), d)) for a, b, c, d in boxes]
    edges = sorted({x for a, _, c, _ in inside for x in (a, c)})
    area = 0.0
    for left, right in pairwise(edges):
        area += (right - left) * _length([(b, d) for a, b, c, d in inside if a <= left and right <= c])
    return area / (width * height)


def _length(spans: Sequence[tuple[float, float]]) -> float:
    total, reached = 0.0, 0.0
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total
