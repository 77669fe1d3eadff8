"""`report`: what selections and balances left of clusters, entries and labels, as steps wrote it into the run's reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click
import pyarrow as pa
from rich.table import Table

from interloom.jobs._show import clean
from interloom.jobs._tables import print_table
from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution.reports import FOLDER
from interloom.pipeline.store import run_reader, storage
from interloom.pipeline.store.tables import read_table

_EVENNESS, _EXTREMES, _EXAMPLES = "evenness", "extremes", "examples"
_MOST_SHOWN = 20
"""Rows of a report that are printed, besides those of the largest and smallest groups. Our choice."""

Reports = Mapping[str, pa.Table]
"""The reports of a step by name."""


def report(run: str, step: str | None) -> None:
    """Prints the reports of each step, or of one. Raises ConfigError for a step that the run does not have, and FatalError if
    there are no reports."""
    if step is not None:
        run_reader.check_step(run, step)
    reports = {key: tables for key, tables in _by_step(run) if step in (None, key)}
    if not reports:
        raise FatalError(f"{run} has no reports" + (f" of '{step}'" if step else ": no step has written any"))
    for key, tables in reports.items():
        click.echo(f"{clean(key)}")
        for name, table in tables.items():
            if name == _EVENNESS:
                _show_evenness(table)
            elif name == _EXTREMES:
                _show_extremes(table, tables.get(_EXAMPLES))
            elif name != _EXAMPLES:
                _show_rows(name, table, has_extremes=_EXTREMES in tables)


def _by_step(run: str) -> Iterator[tuple[str, Reports]]:
    """Each step, in the order of the plan, with its reports."""
    order = run_reader.step_order(run)
    folder = storage.join(run, FOLDER)
    names = [name.removesuffix(".parquet") for name in storage.list_names(folder) if name.endswith(".parquet")]
    for key in order:
        own = [name for name in names if name.rpartition(".")[0] == key]
        tables = {name.rpartition(".")[2]: read_table(storage.join(folder, f"{name}.parquet")) for name in own}
        if tables:
            yield key, tables


def _show_evenness(table: pa.Table) -> None:
    shown = _table("", "groups", "items", "entropy (bits)", "Gini")
    for row in table.to_pylist():
        shown.add_row(row["when"], f"{row['groups']:,}", f"{row['items']:,}", f"{row['entropy']:.3f}", f"{row['gini']:.3f}")
    print_table(shown)


def _show_extremes(table: pa.Table, examples: pa.Table | None) -> None:
    """Prints the largest and smallest groups with the ids of some documents."""
    ids: dict[int, list[str]] = {}
    for row in examples.to_pylist() if examples is not None else ():
        ids.setdefault(row["group"], []).append(row["id"])
    for place, title in (("top", "largest"), ("bottom", "smallest")):
        shown = _table(title, "before", "after", examples="left")
        for row in table.to_pylist():
            if row["place"] == place:
                named = ", ".join(dict.fromkeys(ids.get(row["group"], ())))
                shown.add_row(clean(row["name"] or "(none)"), f"{row['before']:,}", f"{row['after']:,}", clean(named))
        if shown.row_count:
            print_table(shown)


def _show_rows(name: str, table: pa.Table, has_extremes: bool) -> None:
    """Prints another report: all rows of a short one; of a longer one their number and, without extremes, the first."""
    click.echo(f"{name}: {table.num_rows:,} rows")
    if table.num_rows > _MOST_SHOWN and has_extremes:
        return
    columns = [column for column in table.column_names if column != "group"]
    shown = _table(*columns)
    for row in table.select(columns).slice(0, _MOST_SHOWN).to_pylist():
        shown.add_row(*(clean(_written(row[column])) for column in columns))
    print_table(shown)


def _written(value: Any) -> str:
    """A value for people: 1234567 -> "1,234,567", 0.25 -> "0.25"."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _table(first: str, *numbers: str, **texts: Any) -> Table:
    """A table without lines whose first column, and those named by keyword, are texts."""
    shown = Table(box=None, pad_edge=False)
    shown.add_column(first)
    for name in numbers:
        shown.add_column(name, justify="right")
    for name, justify in texts.items():
        shown.add_column(name, justify=justify, overflow="fold")
    return shown
