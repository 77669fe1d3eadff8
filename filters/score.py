from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from interloom.filters._judge import ScoreJudge, drop_if_above, drop_if_below
from interloom.schemas.outcome import Drop


@dataclass(frozen=True, kw_only=True)
class Score(ScoreJudge):
    """Drops documents, images or texts with a score that is too low or too high.

    Published for the CLIP similarity of an image: at least 0.15 with ViT-L/14 (MMC4, arXiv 2304.06939, section 2), at least
    0.28 with ViT-B/32 (LAION-5B, arXiv 2210.08402, section 3). Without the score the reason is `not_scored`.

    Parameters:
        of: Name of the score.
        on: What is judged: "document", "image" or "text". Default "image".
        at_least: Lower scores are dropped (`score_too_low`). Unit of the score; null is off. Default null.
        at_most: Higher scores are dropped (`score_too_high`). Unit of the score; null is off. Default null.
    """

    at_least: float | None = None
    at_most: float | None = None

    def check(self) -> Iterable[str]:
        if self.at_least is None and self.at_most is None:
            yield "filters.score: no limit is given; give at_least, at_most or both"

    def judge_score(self, value: float) -> Drop | None:
        return drop_if_below("score_too_low", value, self.at_least) or drop_if_above("score_too_high", value, self.at_most)
