"""One unit: which document goes to which shard of a sink. A global order by hash, cut by bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.execution import units as any_units
from interloom.pipeline.execution.shuffle import cut_shards
from interloom.pipeline.execution.step import Record
from interloom.pipeline.execution.units import FinishedPhases, share_tables, shared_tables
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.stage import Sink
from interloom.pipeline.store.parts import TableRef, UnitFolder
from interloom.pipeline.store.tables import StoredRows

_ROWS_PER_GROUP = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit(any_units.Unit):
    """`tables` is the path of the list of shuffle sketches."""

    tables: str


def units(phase: Phase, finished: FinishedPhases) -> Iterator[Unit]:
    sketches = TableRef.of(finished.files(phase.sketched, f"sketch:{phase.steps[0].key}"))
    yield Unit(tables=share_tables(phase, finished, {"sketches": sketches})).identified(phase)


def run(phase: Phase, unit: Unit, folder: UnitFolder, record: Record) -> Mapping[str, Any]:
    """Sorts all documents by (key, id) and cuts shards by bytes. Stores (shard, part, row) in that order."""
    sketches = StoredRows(folder.run, shared_tables(folder.run, unit.tables)["sketches"])
    pieces = [_with_row_numbers(table) for table in sketches.read()]
    empty = pa.table({"id": pa.array([], pa.string())})
    whole = pa.concat_tables(pieces).sort_by([("key", "ascending"), ("id", "ascending")]) if pieces else empty
    sizes = whole["size_bytes"].to_numpy() if pieces else np.zeros(0, np.int64)
    shard = cut_shards(sizes, phase.steps[0].build_as(Sink).shard_size_bytes)
    count = int(shard[-1]) + 1 if len(shard) else 0
    table = pa.table(
        {
            "shard": pa.array(shard, pa.int32()),
            "part": whole["part"] if pieces else pa.array([], pa.int32()),
            "row": whole["row"] if pieces else pa.array([], pa.int32()),
        }
    )
    folder.store_table("assignment", "assignment.parquet", table, rows_per_group=_ROWS_PER_GROUP)
    images = int(pc.sum(whole["images"]).as_py() or 0) if pieces else 0
    return {"shards": count, "documents": len(shard), "images": images}


def _with_row_numbers(table: pa.Table) -> pa.Table:
    return table.append_column("row", pa.array(np.arange(table.num_rows, dtype=np.int32)))
