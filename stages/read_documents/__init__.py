"""Reads finished documents: our own Parquet, OBELICS, MMC4, or plain text."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal, Protocol

import pyarrow as pa

from interloom.pipeline.contents import IMAGES, PARTS, TEXT, Content, labels, scores
from interloom.pipeline.errors import DocumentError, Failure, guarded
from interloom.pipeline.stage import Source, Split
from interloom.pipeline.store import storage
from interloom.schemas.document import SOURCE_ID, Document
from interloom.schemas.outcome import Outcome
from interloom.stages._input.json_lines import JSON_ENDINGS, Line, line_splits, read_json_lines
from interloom.stages._input.splits import as_list, path_notes, path_problems, whole_files
from interloom.stages.read_documents import mmc4, obelics, plain_text
from interloom.stages.read_documents.own_rows import is_ours, own_format
from interloom.stages.read_documents.parquet import Format, read_parquet
from interloom.stages.read_documents.rows import Row, RowOrigin, given_id

_PARQUET = (".parquet", ".parq")
_ENDINGS = (*_PARQUET, *JSON_ENDINGS)
_MAX_FIELDS_NAMED = 8


class _ForeignFormat(Protocol):
    """A module that converts rows of a foreign format."""

    COLUMNS: tuple[str, ...]
    """The dotted paths of the fields that it reads."""

    def matches(self, fields: Collection[str]) -> bool:
        """Returns whether rows with these fields have the format."""
        ...

    def to_document(self, row: Row, origin: RowOrigin) -> Document:
        """Converts a row. Raises DocumentError if it does not have the format."""
        ...


@dataclass(frozen=True, kw_only=True)
class ReadDocuments(Source):
    """Reads one document per row of Parquet files or per line of JSON lines.

    Of Parquet only the columns that the format uses are read. A row or line that is broken or does not have its format is
    quarantined, and so is a broken file, or the broken row groups of one. The id of a document is a hash of its file's name
    and its row; the id that the row gives (`id`) becomes the label `source_id`.

    Parameters:
        paths: Parquet files, JSON lines (`.gz` and `.zst`, too), folders or glob patterns, local or `s3://`; one or a list.
        format: The format of the rows: "interloom" is our own Parquet, with its media; "obelics" has the parallel lists
            `texts` and `images`; "mmc4" has `text_list` and `image_info`, and the similarity of an image becomes its score
            `mmc4_sim`; "text" has `text` and may have `url`, `id` and `date`; "auto" chooses by the fields of each row. Default
            "auto".
        split_size_bytes: Uncompressed JSON lines are cut into splits of this size. Bytes. Default 8 MiB, our choice.
        max_line_bytes: Longer lines are quarantined. Bytes. Default 64 MiB, our choice.
    """

    endings: ClassVar[tuple[str, ...]] = _ENDINGS

    paths: str | list[str]
    format: Literal["auto", "interloom", "obelics", "mmc4", "text"] = "auto"
    split_size_bytes: int = 8 << 20
    max_line_bytes: int = 64 << 20

    def provides(self) -> Iterable[Content]:
        yield from labels(SOURCE_ID)
        yield from (TEXT, IMAGES) if self.format != "text" else (TEXT,)
        yield from scores("image", "mmc4_sim") if self.format in ("auto", "mmc4") else ()
        if self.format in ("auto", "interloom") and not all(path.endswith(JSON_ENDINGS) for path in as_list(self.paths)):
            yield from PARTS

    def notes(self) -> Iterable[str]:
        return path_notes(self.paths)

    def check(self) -> Iterable[str]:
        if self.split_size_bytes < 1 or self.max_line_bytes < 1:
            yield "split_size_bytes and max_line_bytes must be at least 1"
        if self.format == "interloom" and not any(map(storage.is_remote, as_list(self.paths))):
            lines = [split.path for split in whole_files(self.paths, _ENDINGS) if not _is_parquet(split.path)]
            yield from (f"{path}: format interloom is Parquet only" for path in lines)
        yield from path_problems(self.paths, _ENDINGS)

    def splits(self) -> Sequence[Split]:
        return line_splits(whole_files(self.paths, _ENDINGS), self.split_size_bytes)

    def read(self, split: Split) -> Iterator[Outcome]:
        return read_parquet(split, self._format) if _is_parquet(split.path) else self._read_lines(split)

    def _read_lines(self, split: Split) -> Iterator[Outcome]:
        for line in read_json_lines(split, self.max_line_bytes):
            origin = RowOrigin(split, line.offset)
            given = given_id(line.value.get("id"))
            outcome = guarded(partial(_document, self.format, line, origin, given))
            yield origin.quarantined(outcome.message, given) if isinstance(outcome, Failure) else outcome

    def _format(self, schema: pa.Schema) -> Format:
        """How to read a Parquet file with this schema. Raises DocumentError if that is not known."""
        if self.format == "interloom" or (self.format == "auto" and is_ours(schema)):
            return own_format(schema)
        kind = _kind(self.format, schema.names)
        return Format(kind.COLUMNS, partial(_documents, kind))


def _is_parquet(path: str) -> bool:
    return path.lower().endswith(_PARQUET)


def _documents(kind: _ForeignFormat, rows: pa.Table, first: RowOrigin) -> Sequence[Document]:
    """The documents of rows of a foreign format. Raises what a wrong cell raises."""
    pairs = ((first.next(n), row) for n, row in enumerate(rows.to_pylist()))
    return [origin.named(kind.to_document(row, origin), given_id(row.get("id"))) for origin, row in pairs]


def _document(format_: str, line: Line, origin: RowOrigin, given: str) -> Document:
    """The document of a line. Raises DocumentError and what a wrong value raises."""
    if line.error:
        raise DocumentError(line.error)
    if format_ == "interloom":
        raise DocumentError("format interloom is Parquet only")
    return origin.named(_kind(format_, line.value).to_document(line.value, origin), given)


def _kind(format_: str, fields: Collection[str]) -> _ForeignFormat:
    """Returns the foreign format of this name; for "auto", the first that rows with these fields have.

    Raises DocumentError if they do not have it.
    """
    for name, kind in _FOREIGN.items():
        if format_ in (name, "auto") and kind.matches(fields):
            return kind
    wanted = "of an unknown format" if format_ == "auto" else f"not of the format {format_}"
    named = ", ".join(map(str, list(fields)[:_MAX_FIELDS_NAMED])) or "nothing"
    raise DocumentError(f"{wanted}; there is {named}")


_FOREIGN: Mapping[str, _ForeignFormat] = {"mmc4": mmc4, "obelics": obelics, "text": plain_text}
"""The foreign formats in the order in which "auto" tries them."""
