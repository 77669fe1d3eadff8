"""Runs and shards for notebooks: `interloom.open` and `interloom.run`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any

import pyarrow as pa

from interloom.jobs import _shard_tables
from interloom.pipeline.errors import ConfigError, did_you_mean
from interloom.pipeline.store import run_reader, sink_location, storage
from interloom.pipeline.store.local_files import at_home
from interloom.pipeline.store.targets import MANIFEST
from interloom.schemas.columns import DECISIONS, SCORE_ROWS
from interloom.schemas.media_table import MEDIA_SCHEMA

_RUNNERS = ("ray", "local")
_OPTIONS = ("address", "workers", "ray_logs", "wait_for_nodes_s")


@dataclass(frozen=True)
class Opened:
    """A run, or a folder of finished shards, as Arrow tables; these have `to_pandas()`, and duckdb and polars read them.

    `location` is the folder of the run or of the shards.
    """

    location: str

    @cached_property
    def is_run(self) -> bool:
        """Whether it is a run rather than a folder of shards."""
        return storage.exists(storage.join(self.location, "plan.json"))

    @cached_property
    def sinks(self) -> dict[str, str]:
        """The folders of finished shards by the step that wrote them."""
        folders = sink_location.by_step(self.location) if self.is_run else {"": self.location}
        return {key: folder for key, folder in folders.items() if storage.exists(storage.join(folder, MANIFEST))}

    def documents(self, sink: str | None = None, *, media: bool = False) -> pa.Table:
        """The documents of a sink: the columns of `stages.write_parquet`, whatever wrote them. Raises an error that names the
        file if one is not as it was written.

        Parameters:
            sink: The step that wrote them; it may be left out if there is one.
            media: Whether the bytes of media are read.
        """
        tables = list(self.document_tables(sink, media=media)) or [MEDIA_SCHEMA.empty_table()]
        return pa.concat_tables(tables, promote_options="default")

    def document_tables(self, sink: str | None = None, *, media: bool = False) -> Iterator[pa.Table]:
        """The same, some documents at a time."""
        yield from _shard_tables.tables_of(self._folder(sink), media)

    def decisions(self) -> pa.Table:
        """What was dropped or quarantined, and why: a row for each document, image or text."""
        return pa.concat_tables([DECISIONS.empty_table(), *run_reader.decision_tables(self._run)], promote_options="default")

    def scores(self) -> pa.Table:
        """The scores that steps gave: a row for each."""
        return pa.concat_tables([SCORE_ROWS.empty_table(), *run_reader.scores(self._run)], promote_options="default")

    def sql(self, query: str) -> Any:
        """The relation of a query of duckdb over `documents` (without media), `decisions` and `scores`."""
        import duckdb

        connection = duckdb.connect()
        named = {name.lower() for name in connection.get_table_names(query)}
        for name in ("documents", "decisions", "scores"):
            if name in named:
                connection.register(name, getattr(self, name)())
        return connection.sql(query)

    @property
    def _run(self) -> str:
        if not self.is_run:
            raise ConfigError(f"{self.location}: no run here (it has no plan.json); decisions and scores are in the run's folder")
        return self.location

    def _folder(self, sink: str | None) -> str:
        if not self.sinks:
            raise ConfigError(f"{self.location}: no finished shards here")
        if sink is None and len(self.sinks) > 1:
            raise ConfigError(f"{self.location}: it has several sinks; name one of {', '.join(self.sinks)}")
        key = next(iter(self.sinks)) if sink is None else sink
        if key not in self.sinks:
            raise ConfigError(f"{self.location}: no finished sink '{key}'; there is {', '.join(self.sinks)}")
        return self.sinks[key]


def open_(location: str | PathLike[str]) -> Opened:
    """A run, or a folder of finished shards, for a notebook.

    Parameters:
        location: The folder of a run or of shards, local or `s3://`.
    """
    opened = Opened(at_home(str(location)).rstrip("/"))
    if not opened.is_run and not opened.sinks:
        raise ConfigError(f"{opened.location}: neither a run (no plan.json) nor finished shards (no {MANIFEST})")
    if not opened.is_run:
        _shard_tables.listed(opened.location)
    return opened


def run(
    recipe: str | PathLike[str],
    settings: str | Sequence[str] = (),
    *,
    runner: str = "ray",
    overwrite: bool = False,
    **options: Any,
) -> Opened:
    """Runs a recipe, as `interloom run` does, and opens the run.

    Parameters:
        recipe: The path of the recipe.
        settings: Values instead of those of the recipe, as `--set`: "run=out", or some of them.
        runner: "ray" or "local".
        overwrite: Whether sinks may replace data of others.
        options: `address` of a Ray cluster, `workers`, `ray_logs`, `wait_for_nodes_s`.
    """
    from interloom.jobs import _plan, _run

    if runner not in _RUNNERS:
        raise ConfigError(f"runner: 'ray' or 'local', not {runner!r}{did_you_mean(str(runner), _RUNNERS)}")
    for name in options:
        if name not in _OPTIONS:
            raise ConfigError(f"run: no option '{name}'{did_you_mean(name, _OPTIONS)}; there is {', '.join(_OPTIONS)}")
    path, values = at_home(str(recipe)), [settings] if isinstance(settings, str) else list(settings)
    _run.run(path, values, runner, overwrite=overwrite, **options)
    plan, _ = _plan.planned(path, values, None)
    return Opened(plan.run)
