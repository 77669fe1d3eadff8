"""Options that several commands have."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import click

from interloom.pipeline.store.local_files import at_home

PATH: Callable[[str], str] = at_home
"""The type of paths, local or `s3://`: shells do not replace `~/` behind `=`."""
RUNNER = "Run on Ray, or in this process (local)."
_LARGEST = 1e9
"""More seconds, CPUs or GB than anybody means."""


class Number(click.FloatRange):
    """The type of numbers: click lets NaN pass, which is within all limits, and infinity, which no clock waits for."""

    name = "number"

    def __init__(self, least: float, *, min_open: bool = False) -> None:
        super().__init__(least, _LARGEST, min_open=min_open)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is no number.", param, ctx)
        return number


def settings(command: Callable[..., Any]) -> Callable[..., Any]:
    text = "Change one value of the recipe, for example steps.3.with.at_least=0.2 (repeatable)."
    return click.option("--set", "settings", multiple=True, metavar="PATH=VALUE", help=text)(command)


def capacity(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--gpus", type=Number(0), help="GPUs of the cluster on which the recipe will run.")(command)
    return click.option("--cpus", type=Number(0, min_open=True), help="CPU cores of the cluster on which the recipe will run.")(
        command
    )


def overwrite(command: Callable[..., Any]) -> Callable[..., Any]:
    text = "Let sinks replace shards in folders that hold data which this run did not write."
    return click.option("--overwrite", is_flag=True, help=text)(command)
