"""Rules for the parameters of all plug-ins, besides the types that a plug-in gives them."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from interloom.pipeline.ranges import STATED

_TOO_LARGE = 1 << 63
_PAIRS = (("at_least", "at_most"), ("shortest", "longest"), ("low", "high"), ("min_s", "max_s"))
"""Parts of the names of two limits: with the first above the second, nothing is within them."""


def _fits_64_bits(cls: type[BaseModel], value: Any) -> Any:
    """The value of a parameter. A whole number that no column holds would fail in the middle of a run."""
    if isinstance(value, int) and not -_TOO_LARGE <= value < _TOO_LARGE:
        raise PydanticCustomError("too_large", "Input should be a whole number of at most 64 bits")
    return value


def _is_no_truth_value(cls: type[BaseModel], value: Any, info: ValidationInfo) -> Any:
    """The value as written. `true` would else be taken for the number 1, and a number that is none, also one that is written as
    text (`--set eps=nan`), compares with nothing."""
    named = set(_named_types(cls.model_fields[info.field_name or ""].annotation))
    if bool not in named and any(isinstance(single, bool) for single in _single_values(value)):
        raise PydanticCustomError("no_truth_value", "Input should be another value than true or false")
    if any(_is_no_number(single, named) for single in _single_values(value)):
        raise PydanticCustomError("not_finite", "Input should be a finite number")
    return value


def _is_no_number(value: Any, named: set[Any]) -> bool:
    """Whether a number is NaN or infinite; text counts as a number where a parameter takes numbers and no text."""
    if isinstance(value, str) and float in named and str not in named:
        with suppress(ValueError):
            value = float(value)
    return isinstance(value, float) and not math.isfinite(value)


def _named_types(annotation: Any) -> Iterator[Any]:
    """The types in an annotation: `tuple[int, ...] | None` -> tuple[int, ...], int, Ellipsis, NoneType."""
    yield annotation
    if typing.get_origin(annotation) is typing.Literal:
        yield from map(type, typing.get_args(annotation))
    elif not isinstance(annotation, type) or isinstance(annotation, types.GenericAlias):
        for inner in typing.get_args(annotation):
            yield from _named_types(inner)


def _single_values(value: Any) -> Iterator[Any]:
    """The value, or those in a list or mapping."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else None
    if inside is None:
        yield value
        return
    for item in inside:
        yield from _single_values(item)


def _leaves_something(model: BaseModel) -> BaseModel:
    """The parameters. Raises if one limit is above another, so that nothing could be within them."""
    values = dict(model)
    for low, high in _PAIRS:
        for name in values:
            other = name.replace(low, high)
            least, most = values[name], values.get(other)
            if low in name and _is_number(least) and _is_number(most) and least > most:
                first, second = (_as_set(model, key) for key in (name, other))
                message = f"{first} is above {second}; nothing is within these limits"
                raise PydanticCustomError(STATED, "{message}", {"message": message})
    return model


def _as_set(model: BaseModel, name: str) -> str:
    """`at_most 2000 (its default)`"""
    return f"{name} {getattr(model, name):g}{'' if name in model.model_fields_set else ' (its default)'}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


VALIDATORS: dict[str, Any] = {
    "fits_64_bits": field_validator("*")(_fits_64_bits),
    "is_no_truth_value": field_validator("*", mode="before")(_is_no_truth_value),
    "leaves_something": model_validator(mode="after")(_leaves_something),
}
"""The rules, for `pydantic.create_model`."""
