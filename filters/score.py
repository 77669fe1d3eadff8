from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from interloom.filters._judge import ScoreJudge, over, under
from interloom.schemas.outcome import Drop


@dataclass(frozen=True, kw_only=True)
class Score(ScoreJudge):
    """Keeps what has a score of at least `at_least` and at most `at_most`; no limit, no rule on that side.

    Published for CLIP similarity of an image: 0.15 with ViT-L/14 (MMC4, arXiv 2304.06939, section 2), 0.28 with ViT-B/32
    (LAION-5B, arXiv 2210.08402, section 3).
    """

    at_least: float | None = None
    at_most: float | None = None

    def check(self) -> Iterable[str]:
        if self.at_least is None and self.at_most is None:
            yield "filters.score: it has no limit; give at_least, at_most or both"
        elif self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            yield f"filters.score: at_least {self.at_least} is above at_most {self.at_most}; nothing would stay"

    def limit(self, value: float) -> Drop | None:
        return under("score_too_low", value, self.at_least) or over("score_too_high", value, self.at_most)
