"""The models of a recipe, which a user writes in YAML. Unknown keys are errors."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

_MOST_OF_ANYTHING = 1_000_000
"""CPUs, GPUs and workers, of which no cluster has as many."""
_MOST_MEMORY_BYTES = 1 << 50


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)


def _is_no_truth_value(value: Any) -> Any:
    """The value. `true` would else be taken for the number 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("no_truth_value", "Input should be another value than true or false")
    return value


NUMBER = BeforeValidator(_is_no_truth_value)
_LEAST_SHARE = 0.0001
"""Of a CPU or a GPU, as Ray counts them."""


def _can_be_counted(value: float) -> float:
    """The CPUs or GPUs of a worker. Ray counts them in ten thousandths."""
    if 0 < value < _LEAST_SHARE:
        raise PydanticCustomError("too_small_a_share", "Input should be at least 0.0001, the least that Ray counts")
    return value


def _is_whole_beyond_one(value: float) -> float:
    """The GPUs of a worker: part of one GPU, or whole ones."""
    if value > 1 and value != int(value):
        raise PydanticCustomError("no_whole_gpus", "Input should be at most 1 or a whole number, because Ray shares one GPU only")
    return value


COUNTED = AfterValidator(_can_be_counted)
WHOLE_BEYOND_ONE = AfterValidator(_is_whole_beyond_one)


class Resources(_Strict):
    """The resources of a step. They are not part of its fingerprint: changing them recomputes nothing."""

    cpus: Annotated[float, NUMBER, Field(gt=0, le=_MOST_OF_ANYTHING, description="CPU cores of one worker"), COUNTED] = 1.0
    gpus: Annotated[
        float, NUMBER, Field(ge=0, le=_MOST_OF_ANYTHING, description="GPUs of one worker"), COUNTED, WHOLE_BEYOND_ONE
    ] = 0.0
    workers: Annotated[
        int | None, NUMBER, Field(ge=1, le=_MOST_OF_ANYTHING, description="Number of workers; by default as many as fit")
    ] = None
    memory_bytes: Annotated[
        int | None, NUMBER, Field(ge=1, le=_MOST_MEMORY_BYTES, description="What Ray reserves for one worker; see `list NAME`")
    ] = None
    batch_size: Annotated[
        int | None, NUMBER, Field(ge=1, le=_MOST_OF_ANYTHING, description="How many documents the step gets at a time")
    ] = None


class Brings(_Strict):
    """Scores and labels that the input already has, by name. Not part of the fingerprint."""

    scores: Annotated[list[str], Field(description="Scores of documents")] = []
    image_scores: Annotated[list[str], Field(description="Scores of images")] = []
    text_scores: Annotated[list[str], Field(description="Scores of texts")] = []
    labels: Annotated[list[str], Field(description="Labels of documents")] = []


class StepLine(_Strict):
    """A step of the recipe: its plug-in (`use`), its parameters (`with`), and the steps that it reads from (`from`)."""

    use: Annotated[str, Field(description="stages.<file>, filters.<file>, or your_package.your_file")]
    with_: Annotated[dict[str, Any], Field(alias="with", description="Parameters; part of the fingerprint")] = {}
    id: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9_-]+$", description="The name that other steps use in `from`; by default the last part of `use`"
        ),
    ] = None
    from_: Annotated[
        str | list[str] | None, Field(alias="from", description="Ids of the steps that it reads from; by default the step above")
    ] = None
    brings: Annotated[
        Brings | None,
        Field(
            description="Scores and labels that the documents of a source already have; "
            "a step that needs a score or label which nothing above provides or brings is refused"
        ),
    ] = None
    resources: Resources = Resources()
    checkpoint: Annotated[bool | None, Field(description="Store the results for later runs; by default for expensive steps")] = (
        None
    )


class Recipe(_Strict):
    """A run: its steps (a directed acyclic graph), its seed, and the folder that it writes to."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
    run: Annotated[
        str, Field(min_length=1, description="The run's folder: a directory, or a prefix in object storage (s3://, gs://, az://)")
    ]
    seed: Annotated[int, NUMBER, Field(ge=-(1 << 63), le=(1 << 63) - 1)] = 0
    max_error_rate: Annotated[
        float, NUMBER, Field(ge=0, le=1, description="The run fails when a larger share of documents or images is quarantined")
    ] = 0.05
    steps: Annotated[list[StepLine], Field(min_length=1)]
