"""Reports of global steps: results of exchanges that are of use to people, each as one Parquet file in the run's folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from interloom.pipeline.execution.kinds.exchange import exchange_of, result_files
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.stage import GlobalStage
from interloom.pipeline.store import storage
from interloom.pipeline.store.tables import read_stored
from interloom.pipeline.temporary import temporary_folder

FOLDER = "reports"
"""In the run's folder."""
_ROWS = 64 << 10
"""Rows of a row group, so that the file does not depend on the tables in which the rows were stored. Our choice."""
_MARK = {b"interloom": b"report"}
"""In the metadata of each report, by which a file in the folder is known as one."""


def store(phases: Sequence[Phase], finished: FinishedPhases, allow: Callable[[], object]) -> None:
    """Copies the results of the exchanges that steps name in `reports` to `reports/<step>.<exchange>.parquet`, unless `allow`
    raises.

    An exchange without rows has no report. Reports of other plans are removed, and nothing else in the folder.
    """
    names = set()
    for phase in phases:
        if phase.kind == "exchange" and exchange_of(phase).name in phase.steps[0].build_as(GlobalStage).reports:
            tables = (read_stored(finished.run, file) for file in result_files(phase.name, finished))
            path = storage.join(finished.run, FOLDER, f"{phase.name}.parquet")
            if _store(path, tables, allow):
                names.add(path)
    for file in storage.glob(storage.join(finished.run, FOLDER) + "/"):
        if file.path not in names and _is_report(file.path):
            allow()
            storage.remove(file.path)


def _is_report(path: str) -> bool:
    try:
        with storage.open(path) as file:
            metadata = pq.read_schema(file).metadata or {}
    except (pa.ArrowException, OSError):  # the latter is what pyarrow raises for a footer that is none
        return False
    return _MARK.items() <= metadata.items()


def _store(path: str, tables: Iterable[pa.Table], allow: Callable[[], object]) -> bool:
    """Writes the rows to one file; False if there are none."""
    groups = _even(tables)
    first = next(groups, None)
    if first is None:
        return False
    schema = first.schema.with_metadata(_MARK)
    with temporary_folder() as folder:
        file = Path(folder) / "report.parquet"
        with pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True) as writer:
            writer.write_table(first.cast(schema))
            for group in groups:
                writer.write_table(group.cast(schema))
        storage.write_if(path, file, allow)
    return True


def _even(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows in tables of _ROWS; the last one may have fewer."""
    waiting: list[pa.Table] = []
    count = 0
    for table in tables:
        waiting.append(table)
        count += table.num_rows
        while count >= _ROWS:
            rows = pa.concat_tables(waiting)
            yield rows.slice(0, _ROWS).combine_chunks()
            waiting, count = [rows.slice(_ROWS)], count - _ROWS
    if count:
        yield pa.concat_tables(waiting).combine_chunks()
