"""What one worker of a phase takes."""

from __future__ import annotations

from dataclasses import dataclass

from interloom.pipeline.stage import Step


@dataclass(frozen=True, slots=True)
class Needs:
    """What one worker of a phase takes, and how many workers the recipe allows (None: as many as fit). `memory_bytes` is what the
    recipe asks for; `usual_bytes` is what the phase's steps take on usual documents."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int | None = None
    workers: int | None = None
    usual_bytes: int = Step.memory_bytes
