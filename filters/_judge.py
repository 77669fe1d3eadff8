"""Base classes for filters that have more parameters than a function should: the parameters are fields of a class.

Also the two comparisons with a limit that every filter uses.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from interloom.pipeline.contents import TEXT, Content, Need, scores
from interloom.pipeline.filter import Filter, LiftedFilter
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop, Outcome

Level = Literal["document", "image", "text"]
Judged = Document | Image | Text


def drop_if_below(reason: str, value: float, minimum: float | None) -> Drop | None:
    """Returns a Drop with this reason if the value is below the minimum. A minimum of None drops nothing."""
    return Drop(reason, value, minimum) if minimum is not None and value < minimum else None


def drop_if_above(reason: str, value: float, maximum: float | None) -> Drop | None:
    """Returns a Drop with this reason if the value is above the maximum. A maximum of None drops nothing."""
    return Drop(reason, value, maximum) if maximum is not None and value > maximum else None


class DocumentJudge(Stage):
    """Drops the documents for which `judge` returns a Drop."""

    def needs(self) -> Iterable[Need]:
        return (TEXT,)

    def provides(self) -> Iterable[Content]:
        return ()

    @abstractmethod
    def judge(self, doc: Document) -> Drop | None:
        """Returns the reason to drop the document, or None to keep it."""

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        return LiftedFilter(Filter(self.judge, "document"), {}).process(docs)


@dataclass(frozen=True, kw_only=True)
class ScoreJudge(Stage):
    """Judges documents, images or texts (as `on` says) by their score `of`. Without that score the reason is `not_scored`."""

    of: str
    on: Level = "image"

    def needs(self) -> Iterable[Need]:
        return scores(self.on, self.of)

    def provides(self) -> Iterable[Content]:
        return ()

    @abstractmethod
    def judge_score(self, value: float) -> Drop | None:
        """Returns the reason to drop what has this score, or None to keep it."""

    def judge(self, judged: Judged) -> Drop | None:
        value = judged.scores.get(self.of)
        return Drop("not_scored") if value is None or math.isnan(value) else self.judge_score(value)

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        return LiftedFilter(Filter(self.judge, self.on), {}).process(docs)
