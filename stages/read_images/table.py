"""Tables with a row for each picture, as Hugging Face `datasets` has them beside image folders."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow.parquet as pq

from interloom.pipeline.errors import DocumentError, Failure, guarded_reading
from interloom.pipeline.stage import Split
from interloom.pipeline.store import storage
from interloom.schemas.document import Document, Text
from interloom.stages._input.delimited import is_delimited, read_delimited
from interloom.stages._input.json_lines import read_json_lines
from interloom.stages._input.kept_columns import parsed
from interloom.stages._input.rows import value_at
from interloom.stages._input.samples import caption_texts
from interloom.stages._input.surrogates import text_of_file
from interloom.stages.read_images.beside import names_in

_MAX_LINE_BYTES = 64 << 20
_FILE = "file_name"
_ALSO_FILE = "filename"
Row = Mapping[str, Any]
Rows = Mapping[str, Sequence[Row]]


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


def rows_of(rows: Rows, table: str, picture: str) -> Sequence[Row]:
    """Returns the rows of a picture, whose name is relative to the table's folder; none without one."""
    return rows.get(picture.removeprefix(table.rpartition("/")[0]).lstrip("/"), ())


def without_picture(rows: Rows, table: str, pictures: Collection[str]) -> Iterator[str]:
    """Yields for each row that is about none of these pictures the path that it names; that of the table if it names none."""
    folder = table.rpartition("/")[0]
    for name, about in rows.items():
        path = storage.join(folder, name) if name and folder else name or table
        if path not in pictures:
            yield from [path] * len(about)


def joined(rows: Sequence[Row], caption: str) -> tuple[dict[str, Any], list[str]]:
    """Returns one row for several about one picture, and their captions, each once. What else differs is a list as JSON.

    Parameters:
        rows: The rows.
        caption: The field of the caption.
    """
    row = dict(rows[0]) if rows else {}
    for name in dict.fromkeys(name for other in rows[1:] for name in other):
        values = list({repr(other.get(name)): other.get(name) for other in rows}.values())
        if name != caption:
            row[name] = values[0] if len(values) == 1 else json.dumps(values, ensure_ascii=False, default=str)
    captions = dict.fromkeys(text for other in rows for text in caption_texts(value_at(other, caption)))
    return {**row, caption: next(iter(captions), row.get(caption))}, list(captions)


def more_captions(doc: Document, captions: Sequence[str]) -> list[Text]:
    """Returns the texts of a picture's other captions, if the first of them is what its document has."""
    texts = [text_of_file(caption) for caption in captions]
    if [text.text for text in doc.texts] != texts[:1]:
        return []
    return [Text(position=n, text=text, role="caption", of=0) for n, text in enumerate(texts[1:], len(doc.elements))]


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
    """The rows by the names of their pictures; those without a name have the name ""."""
    rows: dict[str, list[Row]] = {}
    for row in _rows(path):
        rows.setdefault(str(row[_FILE] or "").removeprefix("./"), []).append(_without(row, _FILE))
    return rows


def _without(row: Mapping[str, Any], column: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != column}


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
    if rows and _FILE not in rows[0] and _ALSO_FILE in rows[0]:
        rows = [{_FILE: row.get(_ALSO_FILE, ""), **_without(row, _ALSO_FILE)} for row in rows]
    if rows and _FILE not in rows[0]:
        raise DocumentError(f"no column '{_FILE}'; there is {', '.join(rows[0])}")
    yield from ({**row, _FILE: row.get(_FILE, "")} for row in rows)
