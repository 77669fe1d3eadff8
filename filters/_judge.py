"""Filters with more parameters than a function should have: fields instead of arguments, one method that judges."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from interloom.pipeline.filter import Filter, LiftedFilter
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop, Outcome

Level = Literal["document", "image", "text"]
Judged = Document | Image | Text


def under(reason: str, value: float, at_least: float | None) -> Drop | None:
    """A Drop when the value is less than the limit; no limit, no Drop."""
    return Drop(reason, value, at_least) if at_least is not None and value < at_least else None


def over(reason: str, value: float, at_most: float | None) -> Drop | None:
    """A Drop when the value is more than the limit; no limit, no Drop."""
    return Drop(reason, value, at_most) if at_most is not None and value > at_most else None


class DocumentJudge(Stage):
    """Drops the documents for which `judge` gives a Drop."""

    @abstractmethod
    def judge(self, doc: Document) -> Drop | None:
        """Why the document goes, or None."""

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        return LiftedFilter(Filter(self.judge, "document"), {}).process(docs)


@dataclass(frozen=True, kw_only=True)
class ScoreJudge(Stage):
    """Decides on the score `of` of documents, images or texts, whichever `on` says; what lacks it is `not_scored`."""

    of: str
    on: Level = "image"

    @abstractmethod
    def limit(self, value: float) -> Drop | None:
        """Why what has this score goes, or None."""

    def judge(self, judged: Judged) -> Drop | None:
        value = judged.scores.get(self.of)
        return Drop("not_scored") if value is None or math.isnan(value) else self.limit(value)

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        return LiftedFilter(Filter(self.judge, self.on), {}).process(docs)
