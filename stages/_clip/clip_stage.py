"""What stages with a CLIP model share: the parameters of the model, their checks, and the loaded model."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from interloom.pipeline.stage import Stage
from interloom.stages._clip import checkpoints

if TYPE_CHECKING:
    from interloom.stages._clip.towers import Towers


@dataclass(frozen=True, kw_only=True)
class ClipStage(Stage, ABC):
    """A stage with a CLIP model. `stages.score_clip` says what the parameters are."""

    checkpoint: ClassVar[bool] = True
    uses_gpu: ClassVar[bool] = True
    memory_bytes: ClassVar[int] = 900_000_000

    model: str
    pretrained: str | None = None
    batch_size: int = 256
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def check(self) -> Iterable[str]:
        if self.batch_size < 1:
            yield f"batch_size: must be at least 1, not {self.batch_size}"
        yield from checkpoints.problems(self.model, self.pretrained)

    def files(self) -> Iterable[str]:
        return checkpoints.paths(self.model, self.pretrained)

    @cached_property
    def _towers(self) -> Towers:
        from interloom.stages._clip.towers import Towers

        return Towers.open(self.model, self.pretrained, batch_size=self.batch_size, precision=self.precision, device=self.device)

    @cached_property
    def _revision(self) -> str:
        return checkpoints.revision(self.model, self.pretrained)
