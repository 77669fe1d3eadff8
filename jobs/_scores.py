"""`scores`: how the scores that steps gave are distributed, to choose thresholds by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from rich.table import Table

from interloom.jobs._show import clean
from interloom.jobs._tables import print_table
from interloom.pipeline.errors import FatalError
from interloom.pipeline.store import run_reader

_QUANTILES = (0, 5, 25, 50, 75, 95, 100)
"""Columns of the table, in percent."""
Place = tuple[str, str, str]
"""The step, the name of the score, and what it is of: "documents" or "elements"."""


def scores(run: str) -> None:
    """Prints a row for each score of each step: how many there are, and their quantiles.

    Only tables of scores are read; in memory they take 8 bytes a score. Raises FatalError if the run has no scores.
    """
    values = _values(run)
    if not values:
        raise FatalError(f"{run} has no scores: no step has given any")
    table = Table(box=None, pad_edge=False)
    for name in ("step", "score", "of"):
        table.add_column(name)
    for name in ("count", *(f"{percent} %" for percent in _QUANTILES)):
        table.add_column(name, justify="right")
    order = {key: number for number, key in enumerate(run_reader.step_order(run))}
    for place in sorted(values, key=lambda place: (order.get(place[0], len(order)), place)):
        numbers = values[place]
        quantiles = np.nanpercentile(numbers, _QUANTILES, method="nearest")
        table.add_row(*map(clean, place), f"{len(numbers):,}", *(f"{value:.4g}" for value in quantiles))
    print_table(table)


def _values(run: str) -> Mapping[Place, npt.NDArray[np.float64]]:
    numbers_at: dict[Place, list[npt.NDArray[np.float64]]] = {}
    for table in run_reader.scores(run):
        for place, numbers in _by_place(table):
            numbers_at.setdefault(place, []).append(numbers)
    return {place: np.concatenate(arrays) for place, arrays in numbers_at.items()}


def _by_place(table: pa.Table) -> Iterator[tuple[Place, Any]]:
    of = pc.if_else(pc.is_null(table["position"]), "documents", "elements")
    rows = table.select(["step", "name", "value"]).append_column("of", of)
    groups = rows.group_by(["step", "name", "of"]).aggregate([("value", "list")])
    for row in range(groups.num_rows):
        step, name, kind = (groups[column][row].as_py() for column in ("step", "name", "of"))
        yield (step, name, kind), groups["value_list"][row].values.to_numpy(zero_copy_only=False)
