"""An expensive step: a second of work for each second of video."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from interloom.pipeline.cost import Cost
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class CostsASecond(Stage):
    """Scores `documents_in_unit`: how many documents came with this one."""

    checkpoint: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(per_second=1.0)

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            yield doc.with_score("documents_in_unit", float(len(docs)))
