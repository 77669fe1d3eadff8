from __future__ import annotations

from dataclasses import dataclass

from interloom.filters._judge import ScoreJudge, drop_if_above, drop_if_below
from interloom.schemas.outcome import Drop


@dataclass(frozen=True, kw_only=True)
class ScoreRange(ScoreJudge):
    """Drops documents, images or texts whose score is outside a range.

    For scores of which a high value is as suspicious as a low one. Published (RealSyn, arXiv 2502.12513): similarity of an
    image and its synthetic text from 0.51 to 0.61, perplexity from 30 to 200. Without the score the reason is `not_scored`.

    Parameters:
        of: Name of the score.
        on: What is judged: "document", "image" or "text". Default "image".
        low: Lower scores are dropped (`below_range`). Unit of the score. No default.
        high: Higher scores are dropped (`above_range`). Unit of the score. No default.
    """

    low: float
    high: float

    def judge_score(self, value: float) -> Drop | None:
        return drop_if_below("below_range", value, self.low) or drop_if_above("above_range", value, self.high)
