from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from interloom.filters._judge import ScoreJudge, over, under
from interloom.schemas.outcome import Drop


@dataclass(frozen=True, kw_only=True)
class ScoreRange(ScoreJudge):
    """Keeps what has a score from `low` to `high`, both included: for scores where too good is as suspicious as too bad.

    Published: similarity of an image and its synthetic text from 0.51 to 0.61 (RealSyn, arXiv 2502.12513), perplexity from
    30 to 200 (the same).
    """

    low: float
    high: float

    def check(self) -> Iterable[str]:
        if self.low > self.high:
            yield f"filters.score_range: low {self.low} is above high {self.high}; nothing would stay"

    def limit(self, value: float) -> Drop | None:
        return under("below_range", value, self.low) or over("above_range", value, self.high)
