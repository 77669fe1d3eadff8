"""Reads Parquet files that others wrote: only the columns that are used, and each row that cannot be read costs only itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from interloom.pipeline.errors import Failure, guarded, guarded_reading, until_broken
from interloom.pipeline.stage import Split
from interloom.pipeline.store import storage
from interloom.schemas.outcome import Outcome
from interloom.stages._input.rows import RowOrigin, given_id
from interloom.stages.read_documents.row_groups import grouped

_BATCH_ROWS = 256
"""Rows of a file that are held in memory at once. Our choice."""


@dataclass(frozen=True, slots=True)
class Format:
    """How rows are read: `columns` are the dotted paths of the fields that are used ("text", "image_info.raw_url" for a field of
    the structs in a list), and `convert` makes a document of each row of a table, whose first row has this origin, or says why
    there is none. With `group_by` it gets the rows that follow each other with the same value of this column, and makes one."""

    columns: Sequence[str]
    convert: Callable[[pa.Table, RowOrigin], Sequence[Outcome]]
    group_by: str = ""


def read_parquet(whole: RowOrigin, choose: Callable[[pa.Schema], Format]) -> Iterator[Outcome]:
    """Yields the documents of a file.

    Quarantined are a row that cannot be read or converted, the rest of a row group that is broken, and a file that is broken or
    has other columns than its format.

    Parameters:
        whole: The file.
        choose: Returns the format of a file with this schema. Raises DocumentError if the schema fits none.
    """
    with storage.open(whole.split.path) as file:
        parquet = guarded_reading(lambda: pq.ParquetFile(file, page_checksum_verification=True))
        if isinstance(parquet, Failure):
            yield whole.quarantined(f"broken Parquet: {parquet.message}")
            return
        schema = parquet.schema_arrow
        format_ = guarded(lambda: choose(schema))
        if isinstance(format_, Failure):
            yield whole.quarantined(format_.message)
            return
        batches = _batches(parquet, used_columns(parquet, format_.columns))
        for first, rows in grouped(batches, format_.group_by) if format_.group_by else batches:
            if isinstance(rows, Failure):
                yield whole.quarantined(f"broken Parquet from row {first} on: {rows.message}")
            elif format_.group_by:
                yield from _together(rows, whole.at(first), format_)
            else:
                yield from _outcomes(rows, whole.at(first), format_)


def rows_of(split: Split, choose: Callable[[pa.Schema], Format]) -> int | None:
    """How many rows a file has, by its footer; None if that cannot be read, or if a document is made of several rows.

    Parameters:
        split: The file.
        choose: As for `read_parquet`.
    """
    with storage.open(split.path) as file:
        parquet = guarded_reading(lambda: pq.ParquetFile(file))
        if isinstance(parquet, Failure):
            return None
        format_ = guarded(lambda: choose(parquet.schema_arrow))
        return None if isinstance(format_, Failure) or format_.group_by else parquet.metadata.num_rows


def _batches(parquet: pq.ParquetFile, columns: list[str]) -> Iterator[tuple[int, pa.Table | Failure]]:
    """Yields tables with the number of their first row; of a row group that is broken, what can be read before a Failure."""
    first = 0
    for number in range(parquet.num_row_groups):
        at = first
        for batch in until_broken(parquet.iter_batches(_BATCH_ROWS, [number], columns)):
            yield at, batch if isinstance(batch, Failure) else pa.Table.from_batches([batch])
            at += 0 if isinstance(batch, Failure) else batch.num_rows
        first += parquet.metadata.row_group(number).num_rows


def _outcomes(rows: pa.Table, origin: RowOrigin, format_: Format) -> Sequence[Outcome]:
    """The documents of the rows; if one of them cannot be read, each row by itself, so that only the culprit is quarantined."""
    together = guarded(lambda: format_.convert(rows, origin))
    if not isinstance(together, Failure):
        return together
    return [outcome for n in range(rows.num_rows) for outcome in _alone(rows, n, origin, format_)]


def _together(rows: pa.Table, origin: RowOrigin, format_: Format) -> Sequence[Outcome]:
    """The document of all rows."""
    converted = guarded(lambda: format_.convert(rows, origin))
    return [origin.quarantined(converted.message)] if isinstance(converted, Failure) else converted


def _alone(rows: pa.Table, number: int, first: RowOrigin, format_: Format) -> Sequence[Outcome]:
    origin = first.next(number)
    row = rows.take([number])  # a slice would share the values of its neighbours
    alone = guarded(lambda: format_.convert(row, origin))
    if not isinstance(alone, Failure):
        return alone
    named = guarded(lambda: given_id(row["id"][0].as_py()) if "id" in row.column_names else "")
    return [origin.quarantined(alone.message, "" if isinstance(named, Failure) else named)]


def used_columns(parquet: pq.ParquetFile, used: Sequence[str]) -> list[str]:
    """Returns the columns (leaves) of a file that lie at or below dotted paths. Nothing of the others is read.

    Example: in a file with `image_info: list<struct<raw_url, size>>` the path "image_info.raw_url" is the column
    "image_info.list.element.raw_url".
    """
    columns = [parquet.schema.column(n).path for n in range(len(parquet.schema.names))]
    paths = [leaf for field in parquet.schema_arrow for leaf in leaves(field.type, field.name)]
    if len(paths) != len(columns):  # a type whose columns we do not know
        paths = [column.partition(".")[0] for column in columns]
    return [
        column
        for column, leaf in zip(columns, paths, strict=True)
        if any(leaf == path or leaf.startswith(f"{path}.") or path.startswith(f"{leaf}.") for path in used)
    ]


def leaves(kind: pa.DataType, path: str) -> Iterator[str]:
    """Yields the paths of the columns of a type in their order, without the levels of lists."""
    if isinstance(kind, pa.BaseExtensionType):
        yield from leaves(kind.storage_type, path)
    elif pa.types.is_struct(kind):
        for field in kind:
            yield from leaves(field.type, f"{path}.{field.name}")
    elif pa.types.is_map(kind):
        yield from leaves(kind.key_type, path)
        yield from leaves(kind.item_type, path)
    elif is_list(kind):
        yield from leaves(kind.value_type, path)
    else:
        yield path


def is_list(kind: pa.DataType) -> bool:
    """Returns whether a type is a list of any kind, but no map."""
    checks = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list, pa.types.is_list_view)
    return any(check(kind) for check in checks) or pa.types.is_large_list_view(kind)
