from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from interloom.filters._judge import drop_if_above, drop_if_below
from interloom.pipeline.contents import IMAGES, SCREEN_TEXT, Content, Need, scores
from interloom.pipeline.ranges import Share
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop, Dropped, Outcome

Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class TextArea(Stage):
    """Drops images of which screen text covers too large or too small a share.

    The share is the score `text_area` of the OCR step if the image or its screen texts have it (it is measured line by line);
    otherwise the union of the boxes of the screen texts. An image without screen text has the share 0; an image without width
    and height is dropped as `not_measured`.

    MMTrail (arXiv 2407.20962, section 3) scores this share and publishes no limit.

    Parameters:
        at_least: Minimum share of the image's area under text (`too_little_text`). 0 to 1; null is off. Default null.
        at_most: Maximum share of the image's area under text (`too_much_text`). 0 to 1; null is off. Default 0.5, our choice.
    """

    at_least: Share | None = None
    at_most: Share | None = 0.5

    def needs(self) -> Iterable[Need]:
        return (IMAGES, (SCREEN_TEXT, *scores("image", "text_area")))

    def provides(self) -> Iterable[Content]:
        return ()

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            yield from self._judge_images(doc)

    def _judge_images(self, doc: Document) -> Iterator[Outcome]:
        dropped = []
        for image in doc.images:
            drop = self._judge(image, [text for text in doc.texts if text.of == image.position and text.origin == "ocr"])
            if drop:
                dropped.append(image.position)
                yield Dropped(doc.id, drop, image.position, image.url)
        yield doc.without(dropped) if dropped else doc

    def _judge(self, image: Image, screen_texts: Sequence[Text]) -> Drop | None:
        share = _scored_share(image, screen_texts)
        if share is None:
            if not image.width or not image.height:
                return Drop("not_measured")
            share = covered_share([text.bbox for text in screen_texts if text.bbox], image.width, image.height)
        return drop_if_below("too_little_text", share, self.at_least) or drop_if_above("too_much_text", share, self.at_most)


def _scored_share(image: Image, screen_texts: Sequence[Text]) -> float | None:
    """Returns the sum of the scores `text_area` of the image and its texts, at most 1; None if none of them has the score."""
    values = [element.scores["text_area"] for element in (image, *screen_texts) if "text_area" in element.scores]
    return min(1.0, sum(values)) if values else None


def covered_share(boxes: Sequence[Box], width: int, height: int) -> float:
    """Returns the share of the image under at least one box; boxes are clipped to the image.

    The image is cut into vertical strips at the edges of the boxes, and in each strip the union of spans is measured.
    Example: boxes (0, 0, 50, 50) and (25, 25, 75, 75) in 100 x 100 pixels -> 0.4375.
    """
    clipped = [(max(0.0, a), max(0.0, b), min(float(width), c), min(float(height), d)) for a, b, c, d in boxes]
    edges = sorted({x for a, _, c, _ in clipped for x in (a, c)})
    area = 0.0
    for left, right in pairwise(edges):
        area += (right - left) * _union_length([(b, d) for a, b, c, d in clipped if a <= left and right <= c])
    return area / (width * height)


def _union_length(spans: Sequence[tuple[float, float]]) -> float:
    """Returns the length that the spans cover together. Example: (0, 2), (1, 3) -> 3.0."""
    total, covered_until = 0.0, 0.0
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, covered_until))
        covered_until = max(covered_until, end)
    return total
