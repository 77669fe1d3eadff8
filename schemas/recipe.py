"""The recipe: what a person writes (YAML), held to these models; unknown keys are refused."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)


class Resources(_Strict):
    """What a step costs; never part of a fingerprint, so changing it recomputes nothing."""

    cpus: Annotated[float, Field(gt=0, description="CPU cores of one worker")] = 1.0
    gpus: Annotated[float, Field(ge=0, description="GPUs of one worker")] = 0.0
    workers: Annotated[int | None, Field(ge=1, description="How many workers; as many as fit if left out")] = None
    memory_bytes: Annotated[int | None, Field(ge=1, description="Memory that Ray reserves for one worker")] = None
    batch_size: Annotated[int | None, Field(ge=1, description="Documents given to the step at a time")] = None


class StepLine(_Strict):
    """A line of the recipe: which file does it (`use`), with what parameters, fed by which steps."""

    use: Annotated[str, Field(description="stages.<file>, filters.<file>, or your_package.your_file")]
    with_: Annotated[dict[str, Any], Field(alias="with", description="Parameters; part of the fingerprint")] = {}
    id: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9_-]+$", description="A name for `from`; the file's if left out")] = None
    from_: Annotated[str | list[str] | None, Field(alias="from", description="Ids of the steps it reads; the one above")] = None
    resources: Resources = Resources()
    checkpoint: Annotated[bool | None, Field(description="Keep results for later runs; on for expensive steps")] = None


class Recipe(_Strict):
    """A run: a directed acyclic graph of steps, its seed, and where it writes."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
    run: Annotated[str, Field(min_length=1, description="A directory or s3:// prefix")]
    seed: int = 0
    max_error_rate: Annotated[
        float, Field(ge=0, le=1, description="The run fails when a larger share of documents or images is quarantined")
    ] = 0.05
    steps: Annotated[list[StepLine], Field(min_length=1)]
