"""The columns that local files have: to tell misspelt names before a run, and what documents will hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

from interloom.pipeline.contents import IMAGE_BYTES, IMAGE_FORMAT, IMAGES, PARTS, TEXT, Content, labels, scores
from interloom.pipeline.errors import DocumentError, Failure, did_you_mean, guarded
from interloom.pipeline.stage import Split
from interloom.pipeline.store import storage
from interloom.schemas.document import SOURCE_ID
from interloom.stages._formats.lpm import read as lpm
from interloom.stages._input.delimited import is_delimited
from interloom.stages._input.kept_columns import KeptColumns, is_uuid, parsed
from interloom.stages.read_documents import files
from interloom.stages.read_documents.formats import FOREIGN, fields_of_row, fields_of_schema, format_of
from interloom.stages.read_documents.named_fields import Field
from interloom.stages.read_documents.named_fields import provided as named_provided
from interloom.stages.read_documents.overlooked import captions_alone, empty_text, has_no_text_column, overlooked_text
from interloom.stages.read_documents.own_pairs import own_pairs_format
from interloom.stages.read_documents.own_rows import is_ours

_FILES = 20
"""Paths of which a file is looked at. Our choice."""
_LINES = 100
"""Lines of a file that are looked at. Our choice."""
_LINE_BYTES = 1 << 20
"""Longer lines are not looked at. Our choice."""
_MOST_NAMED = 12
_MOST_WORDS = 4
"""The name of a column with more words is rather a cell. Our choice."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What a file has: `fields` are dotted paths, `rows` its first rows; of Parquet one with a value of each type."""

    path: str
    fields: tuple[str, ...]
    rows: tuple[Mapping[str, object], ...]
    written: bool = False
    is_table: bool = False
    is_own: bool = False


def provided(paths: Sequence[str], format_: str, names: Mapping[Field, str], keep: Sequence[str] | None) -> Iterator[Content]:
    """Yields what documents may hold: by the columns of local files where `format` is "auto" and for the kept ones."""
    yield from labels(SOURCE_ID)
    if format_ == "lpm":
        yield from lpm.PROVIDES
        return
    there = _columns(paths)
    yield TEXT
    if format_ != "text" or "image" in names:
        yield IMAGES
    if format_ in FOREIGN:
        yield from FOREIGN[format_].provides
    elif format_ == "interloom" or (format_ == "auto" and not names and any(columns.is_own for columns in there)):
        yield from PARTS
    if not there or len(paths) > len(there):
        yield from PARTS
        yield from (content for kind in FOREIGN.values() for content in kind.provides if format_ == "auto" and not names)
    for columns in there:
        yield from _of_columns(columns, format_, names, keep)


def _of_columns(columns: Columns, format_: str, names: Mapping[Field, str], keep: Sequence[str] | None) -> Iterator[Content]:
    if columns.is_own and not names and format_ in ("auto", "interloom"):
        return
    kind = guarded(lambda: format_of(format_, names, columns.fields))
    if isinstance(kind, Failure):
        return
    is_published = any(kind is other for other in FOREIGN.values())
    yield from kind.provides if is_published else named_provided(names, columns.fields)
    yield from (IMAGE_BYTES, IMAGE_FORMAT) if "images.bytes" in columns.fields else ()
    kept = KeptColumns(None if keep is None else tuple(keep), kind.used, columns.written)
    for row in columns.rows if columns.is_table else filter(lambda row: kind.matches(fields_of_row(row)), columns.rows):
        named, numbers = kept.facts_of(row)
        yield from labels(*named)
        yield from scores("document", *numbers)


def missing(paths: Sequence[str], names: Mapping[Field, str], keep: Sequence[str] | None) -> Iterator[str]:
    """Yields a problem for each named column that no local file has."""
    there = _columns(paths)
    if not there or len(paths) > len(there) or any(columns.is_own for columns in there):
        return
    known = list(dict.fromkeys(field for columns in there for field in columns.fields))
    wanted = [(f"fields: {field}", name) for field, name in names.items()] + [("keep", name) for name in keep or ()]
    for parameter, name in wanted:
        if name not in known:
            near = did_you_mean(name, known) or f"; there is {', '.join(known[:_MOST_NAMED])}"
            yield f"{parameter}: {there[0].path} has no column '{name}'{near}"


def unknown(paths: Sequence[str], format_: str, names: Mapping[Field, str], keep: Sequence[str] | None) -> Iterator[str]:
    """Yields a problem for each local path if the first of its files are of no known format, or if their texts would be lost."""
    if format_ not in ("auto", "text"):
        return
    for path in filter(_is_local, paths[:_FILES]):
        told = [_unknown(split, format_, names, keep is None) for split in files.listed(path)[:_FILES]]
        if told and all(told):
            yield f"paths: {told[0]}"


def empty(paths: Sequence[str], format_: str, names: Mapping[Field, str]) -> Iterator[str]:
    """Yields a note for each local path in whose first file the text is always empty beside a column that looks like one."""
    if format_ not in ("auto", "text"):
        return
    for split in filter(None, (next(iter(files.listed(path)), None) for path in paths[:_FILES] if _is_local(path))):
        columns = _read(split)
        if isinstance(columns, Failure) or columns.is_own:
            continue
        kind = guarded(partial(format_of, format_, names, columns.fields))
        if not isinstance(kind, Failure) and (note := empty_text(names, kind, _first_rows(split, columns))):
            yield f"{split.path}: {note}"


def _unknown(split: Split, format_: str, names: Mapping[Field, str], tells_overlooked: bool) -> str:
    """Why a file is of no known format, or its texts are overlooked; "" if neither, or if that is not known."""
    columns = _read(split)
    if isinstance(columns, Failure) or columns.is_own or not columns.fields:
        return ""
    rows = _first_rows(split, columns)
    each = [columns.fields] if columns.is_table else [fields_of_row(row) for row in columns.rows]
    kinds = [guarded(partial(format_of, format_, names, fields, rows)) for fields in each]
    problems = [kind.message for kind in kinds if isinstance(kind, Failure)]
    if len(problems) == len(kinds):
        no_header = "; is there no header? Its first line is read as one" if _is_headless(split, columns) else ""
        return "" if names or format_ != "auto" else f"{split.path} is {problems[0]}{no_header}"
    known = next(kind for kind in kinds if not isinstance(kind, Failure))
    overlooks = tells_overlooked and has_no_text_column(known, names, columns.fields)
    problem = overlooked_text(known, rows) if overlooks else captions_alone(known, names, columns.fields, rows)
    return f"{split.path}: {problem}" if problem else ""


def _is_headless(split: Split, columns: Columns) -> bool:
    """Whether the names of the columns of a CSV are rather a row: numbers, or texts of several words."""
    names = columns.fields if is_delimited(split.path) else ()
    return any(not isinstance(parsed(name), str) or len(name.split()) > _MOST_WORDS for name in names)


def _first_rows(split: Split, columns: Columns) -> Sequence[Mapping[str, object]]:
    if not columns.is_table:
        return columns.rows
    with storage.open(split.path) as file:
        batches = pq.ParquetFile(file).iter_batches(_LINES)
        read = guarded(lambda: next(batches).to_pylist())
    return () if isinstance(read, Failure) else read


def _columns(paths: Sequence[str]) -> list[Columns]:
    """The columns of the first file of each local path; of those that cannot be read nothing is known."""
    firsts = (next(iter(files.listed(path)), None) for path in paths[:_FILES] if _is_local(path))
    read = [_read(first) for first in firsts if first is not None]
    return [columns for columns in read if not isinstance(columns, Failure)]


def _is_local(path: str) -> bool:
    return not storage.is_remote(path) and "://" not in path


def _read(split: Split) -> Columns | Failure:
    return guarded(lambda: _of_parquet(split) if files.is_parquet(split.path) else _of_lines(split))


def _of_parquet(split: Split) -> Columns:
    with storage.open(split.path) as file:
        schema = pq.read_schema(file)
    is_own = is_ours(schema) or own_pairs_format(schema) is not None
    partitions = files.partition_labels(split)
    row = {**{field.name: _example(field.type) for field in schema}, **partitions}
    return Columns(
        split.path,
        (*fields_of_schema(schema), *partitions),
        (row,),
        is_table=True,
        is_own=is_own,
    )


def _example(kind: pa.DataType) -> object:
    """A value as a cell of this type gives it: a number, a string, or None for what is neither."""
    if is_uuid(kind):
        return "x"
    if isinstance(kind, pa.BaseExtensionType):
        return _example(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _example(kind.value_type)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return 0
    return None if pa.types.is_nested(kind) or "binary" in str(kind) else "x"


def _of_lines(split: Split) -> Columns:
    reading = files.reading_of(split, _LINE_BYTES)
    rows = [line.value for line in islice(reading.lines, _LINES) if not line.error]
    if not rows:
        raise DocumentError("no rows")
    partitions = files.partition_labels(split)
    known: Iterable[str] = dict.fromkeys(field for row in rows for field in fields_of_row(row))
    return Columns(split.path, (*known, *partitions), tuple({**partitions, **row} for row in rows), reading.written)
