"""As `stops_its_worker`, in a step with a model, whose units run on actors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from stops_its_worker import stops_its_worker

from interloom.pipeline.cost import Cost
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class StopsItsModel(Stage):
    """Stops its worker once."""

    uses_gpu: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(per_document=60)  # so that each document is a unit

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        yield from (doc for doc in docs if stops_its_worker(doc) is None)
