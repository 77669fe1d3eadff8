from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from interloom.filters._judge import ScoreJudge, drop_if_above, drop_if_below
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Dropped, Outcome


@dataclass(frozen=True, kw_only=True)
class Score(ScoreJudge):
    """Drops documents, images or texts with a score that is too low or too high.

    Published for the CLIP similarity of an image: at least 0.15 with ViT-L/14 (MMC4, arXiv 2304.06939, section 2), at least
    0.28 with ViT-B/32 for English and 0.26 with a multilingual CLIP for other languages (LAION-5B, arXiv 2210.08402, section
    3). Without the score the reason is `not_scored`, and so it is for a document without the label `language` if limits go by
    language.

    Parameters:
        of: Name of the score.
        on: What is judged: "document", "image" or "text". Default "image".
        at_least: Lower scores are dropped (`score_too_low`). Unit of the score; null is off. Default null.
        at_most: Higher scores are dropped (`score_too_high`). Unit of the score; null is off. Default null.
        by_language: Other values of `at_least` for documents of some languages, by their label `language` (an ISO 639-1 code), as
            in {en: 0.28}; it needs `at_least`, which is for all other languages. Default none.
    """

    at_least: float | None = None
    at_most: float | None = None
    by_language: Mapping[str, float] = field(default_factory=dict)

    def check(self) -> Iterable[str]:
        if self.at_least is None and self.at_most is None:
            yield "filters.score: no limit is given; give at_least, at_most or both"
        elif self.at_least is None and self.by_language:
            yield "filters.score: by_language needs at_least, the limit for all other languages"
        for least in sorted({limit for limit in (self.at_least, *self.by_language.values()) if limit is not None}):
            if self.at_most is not None and least > self.at_most:
                yield f"filters.score: at_least {least} is above at_most {self.at_most}; every score would be dropped"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        if not self.by_language:
            yield from super().process(docs)
            return
        for doc in docs:
            limit = self.by_language.get(doc.labels.get("language", ""), self.at_least)
            if "language" in doc.labels:
                yield from replace(self, at_least=limit, by_language={}).process([doc])
            else:
                yield Dropped(doc.id, Drop("not_scored"), url=doc.source.url)

    def judge_score(self, value: float) -> Drop | None:
        return drop_if_below("score_too_low", value, self.at_least) or drop_if_above("score_too_high", value, self.at_most)
