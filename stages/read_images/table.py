"""Tables with a row for each picture, as Hugging Face `datasets` has them beside image folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow.parquet as pq

from interloom.pipeline.errors import DocumentError, Failure, guarded_reading
from interloom.pipeline.stage import Split
from interloom.pipeline.store import storage
from interloom.stages._input.delimited import is_delimited, read_delimited
from interloom.stages._input.json_lines import read_json_lines
from interloom.stages._input.kept_columns import parsed
from interloom.stages.read_images.beside import names_in

_MAX_LINE_BYTES = 64 << 20
_FILE = "file_name"
Rows = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Names:
    stem: str
    endings: tuple[str, ...]


NAMES = _Names("metadata", (".csv", ".tsv", ".jsonl", ".parquet"))
"""What tables in folders are called."""


def tables_above(folder: str, root: str) -> list[str]:
    """Returns the tables in a folder and in those above it up to the input's root, the nearest first."""
    tables = []
    while True:
        there = {file.path.rpartition("/")[2]: file.path for file in names_in(folder)}
        tables += [there[NAMES.stem + ending] for ending in NAMES.endings if NAMES.stem + ending in there]
        if folder == root.rstrip("/") or not folder.startswith(root.rstrip("/")) or "/" not in folder:
            return tables
        folder = folder.rpartition("/")[0]


def row_of(rows: Rows, table: str, picture: str) -> Mapping[str, Any] | None:
    """Returns the row of a picture, whose name is relative to the table's folder; None without one."""
    return rows.get(picture.removeprefix(table.rpartition("/")[0]).lstrip("/"))


def table_of(path: str) -> Rows:
    """Returns the rows of a table by the names of their pictures. Raises DocumentError if it is broken."""
    files = storage.glob(path)
    rows = _read(path, files[0].identity if files else "")
    if isinstance(rows, Failure):
        raise DocumentError(f"broken table {path.rpartition('/')[2]}: {rows.message}")
    return rows


@lru_cache(maxsize=4)
def _read(path: str, identity: str) -> Rows | Failure:
    return guarded_reading(lambda: _by_picture(path))


def _by_picture(path: str) -> Rows:
    """The rows by the names of their pictures. Raises DocumentError if two rows say different things about one."""
    rows: dict[str, Mapping[str, Any]] = {}
    for row in _rows(path):
        name, facts = str(row[_FILE]).removeprefix("./"), _without_name(row)
        if rows.setdefault(name, facts) != facts and name:
            raise DocumentError(f"two different rows for {name}")
    return rows


def _without_name(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != _FILE}


def _rows(path: str) -> Iterator[Mapping[str, Any]]:
    if path.lower().endswith(".parquet"):
        with storage.open(path) as file:
            rows = pq.read_table(file).to_pylist()
    else:
        split = Split(path)
        is_text = is_delimited(path)
        lines = list(read_delimited(split, _MAX_LINE_BYTES) if is_text else read_json_lines(split, _MAX_LINE_BYTES))
        if wrong := next((line for line in lines if line.error), None):
            raise DocumentError(wrong.error)
        rows = [{name: parsed(value) if is_text else value for name, value in line.value.items()} for line in lines]
    if rows and _FILE not in rows[0]:
        raise DocumentError(f"no column '{_FILE}'; there is {', '.join(rows[0])}")
    yield from ({**row, _FILE: row.get(_FILE, "")} for row in rows)
