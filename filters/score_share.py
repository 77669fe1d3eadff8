from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from interloom.filters._judge import DocumentJudge, drop_if_below
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop


@dataclass(frozen=True, kw_only=True)
class ScoreShare(DocumentJudge):
    """Drops documents of which too small a share of images or texts has a score above a limit.

    MMC4's core subset keeps documents of which at least 75 % of the images have a similarity to their sentence above 0.25
    (`matched_sim` of `stages.place_images`; arXiv 2304.06939, section 3). The reason is `too_few_above`; an element without the
    score is not above the limit. A document in which no element has the score is dropped as `not_scored`.

    Parameters:
        of: Name of the score.
        above: Scores above this limit count; one that is equal does not. Unit of the score. No default.
        at_least: Documents with a smaller share are dropped. 0 to 1. Default 0.75 (MMC4 core).
        on: What has the score: "image" or "text". Default "image".
    """

    of: str
    above: float
    at_least: float = 0.75
    on: Literal["image", "text"] = "image"

    def check(self) -> Iterable[str]:
        if not 0 <= self.at_least <= 1:
            yield f"at_least: must be between 0 and 1, not {self.at_least}"

    def judge(self, doc: Document) -> Drop | None:
        elements = doc.images if self.on == "image" else doc.texts
        scores = [element.scores[self.of] for element in elements if self.of in element.scores]
        if not scores:
            return Drop("not_scored")
        return drop_if_below("too_few_above", sum(score > self.above for score in scores) / len(elements), self.at_least)
