"""What the user pays for: a file of rates, in dollars or any other unit. There are no rates of our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from interloom.pipeline.errors import ConfigError, did_you_mean, in_a_line
from interloom.pipeline.store import storage
from interloom.schemas.recipe import NUMBER

_Rate = Annotated[float, NUMBER, Field(ge=0, allow_inf_nan=False)]
_HOUR_S, _GB, _THOUSAND = 3600, 1e9, 1000


class Rates(BaseModel):
    """Rates for an hour of a CPU and of a GPU, a GB (10**9 bytes) read, a GB written and kept for a month, and 1000 requests that
    read (`gets`), that write, and that list. What is not given costs nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpu_hour: _Rate = 0.0
    gpu_hour: _Rate = 0.0
    gb_read: _Rate = 0.0
    gb_month: _Rate = 0.0
    per_1000_gets: _Rate = 0.0
    per_1000_puts: _Rate = 0.0
    per_1000_lists: _Rate = 0.0

    def parts(self, amounts: Mapping[str, float], gpu_s: float | None) -> dict[str, float]:
        """What each rate that is given comes to."""
        sums = {
            "cpu_hour": amounts["cpu_s"] / _HOUR_S,
            "gpu_hour": (gpu_s or 0.0) / _HOUR_S,
            "gb_read": amounts["read_bytes"] / _GB,
            "gb_month": amounts["written_bytes"] / _GB,
            "per_1000_gets": amounts["gets"] / _THOUSAND,
            "per_1000_puts": amounts["puts"] / _THOUSAND,
            "per_1000_lists": amounts["lists"] / _THOUSAND,
        }
        return {name: sums[name] * getattr(self, name) for name in sums if name in self.model_fields_set}

    def total(self, amounts: Mapping[str, float], gpu_s: float | None) -> float:
        """What all comes to."""
        return sum(self.parts(amounts, gpu_s).values())


def read_rates(path: str) -> Rates:
    """The rates in a YAML file. Raises ConfigError with what is wrong with it."""
    try:
        values = yaml.safe_load(storage.read(path))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; it holds rates such as `cpu_hour: 0.04`") from error
    except IsADirectoryError as error:
        raise ConfigError(f"{path}: this is a folder; name the file of the rates") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: it is not valid YAML: {_fault(error)}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: it holds no rates; they are {', '.join(Rates.model_fields)}")
    try:
        return Rates.model_validate(values)
    except ValidationError as error:
        raise ConfigError(*(f"{path}: {_problem(finding['loc'], finding['msg'])}" for finding in error.errors())) from error


def _fault(error: yaml.YAMLError | UnicodeDecodeError) -> str:
    """What is wrong, and in which line and column, if that is known."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem and (mark := error.problem_mark):
        return f"{error.problem} in line {mark.line + 1}, column {mark.column + 1}"
    return in_a_line(error).replace('"<byte string>"', "it")


def _problem(place: tuple[int | str, ...], message: str) -> str:
    name = ".".join(map(str, place))
    if name not in Rates.model_fields:
        return f"no rate '{name}'{did_you_mean(name, Rates.model_fields)}; there is {', '.join(Rates.model_fields)}"
    return f"{name}: {message[0].lower() + message[1:]}"
