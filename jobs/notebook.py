"""Runs and shards for notebooks: `interloom.open` and `interloom.run`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from os import PathLike
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from interloom.loader import Access, Sample, StreamingDocuments
from interloom.loader.shards import ShardFolder
from interloom.pipeline.errors import ConfigError, FatalError, did_you_mean
from interloom.pipeline.store import run_reader, sink_location, storage
from interloom.pipeline.store.local_files import at_home
from interloom.pipeline.store.targets import MANIFEST
from interloom.schemas.columns import DECISIONS, LABELS, SCORE_ROWS, SCORES, SOURCE
from interloom.schemas.document import Document
from interloom.schemas.media_table import MEDIA_SCHEMA, SHARD_ELEMENT, to_media_table

_ROWS_AT_ONCE = 256
_RUNNERS = ("ray", "local")
_OPTIONS = ("address", "workers", "ray_logs", "wait_for_nodes_s")
_ROW = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.string()),
        ("image", pa.large_binary()),
        ("caption_from", pa.string()),
        ("element", SHARD_ELEMENT),
        ("source", SOURCE),
        ("labels", LABELS),
        ("scores", SCORES),
    ]
)
"""The columns of a pair or text; `element` is the image of a pair, by whose position and id it has its key."""
_MEDIA = ("images", "clips", "media", "image")
"""Columns that hold bytes of media, in all layouts and versions of Parquet shards."""


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
        """The documents of a sink: the columns of `stages.write_parquet`, whatever wrote them.

        Parameters:
            sink: The step that wrote them; it may be left out if there is one.
            media: Whether the bytes of media are read.
        """
        tables = list(self.document_tables(sink, media=media)) or [MEDIA_SCHEMA.empty_table()]
        return pa.concat_tables(tables, promote_options="default")

    def document_tables(self, sink: str | None = None, *, media: bool = False) -> Iterator[pa.Table]:
        """The same, some documents at a time."""
        folder = self._folder(sink)
        shards = json.loads(storage.read(storage.join(folder, MANIFEST)))["shards"]
        names = [shard["files"][0]["name"] for shard in shards]
        if names and not names[0].endswith(".parquet"):
            yield from _of_tars(folder, media)
            return
        for name in names:
            with storage.open(storage.join(folder, name)) as file:
                parquet = pq.ParquetFile(file)
                columns = [column for column in parquet.schema_arrow.names if media or column not in _MEDIA]
                for group in range(parquet.num_row_groups):
                    yield parquet.read_row_group(group, columns)

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


def _of_tars(folder: str, media: bool) -> Iterator[pa.Table]:
    """All samples, in order, whichever rank asks. Raises FatalError if one cannot be read."""
    if not ShardFolder(folder).counts.sum():
        return
    view, access = _of_sample if media else _Record(), Access(most_errors=0)
    samples = StreamingDocuments(folder, shuffle=False, view=view, access=access, rank=0, ranks=1)
    try:
        yield from _tables_of(iter(samples), media)
    except FatalError as error:
        damaged = samples.errors[-1]
        raise FatalError(f"{damaged.shard}, sample {damaged.row}: it cannot be read: {damaged.message}") from error


def _tables_of(rows: Iterator[Any], media: bool) -> Iterator[pa.Table]:
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        if not isinstance(batch[0], Document):
            table = pa.Table.from_pylist(batch, _ROW)
            yield table if media else table.drop_columns(["image"])
            continue
        table = to_media_table(batch)
        yield table if media else table.drop_columns([name for name in table.column_names if name in _MEDIA])


class _Record:
    """What is stored of a sample but for its media; those are not read."""

    def wants(self, suffix: str) -> bool:
        return suffix in ("json", "txt")

    def __call__(self, sample: Sample) -> Any:
        return _of_sample(sample)


def _of_sample(sample: Sample) -> Any:
    """The document, or the row of a pair or text."""
    record = sample.record
    if "elements" in record:
        return _without_lost(sample)
    element = record.get("image")
    row = {**record, "text": sample.members["txt"].decode("utf-8", "replace")}
    row |= {"labels": _named(record.get("labels", {})), "scores": _named(_floats(record.get("scores", {})))}
    if element is None:
        return row
    image = sample.members.get(element["member"])
    return {**row, "image": image, "element": {**element, "scores": _named(_floats(element.get("scores", {})))}}


def _named(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _floats(values: Mapping[str, Any]) -> dict[str, float]:
    """As JSON has no nan, it is a string there."""
    return {name: float(value) for name, value in values.items()}


def _without_lost(sample: Sample) -> Document:
    """The document; members that were not read are left out."""
    elements = [e if e.get("member") in (None, *sample.members) else {**e, "member": None} for e in sample.record["elements"]]
    members = {**sample.members, "json": json.dumps({**sample.record, "elements": elements}).encode()}
    return Sample(members, {}).document()
