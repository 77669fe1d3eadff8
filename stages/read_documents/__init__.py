"""Reads finished documents: our own Parquet, OBELICS, MMC4, or plain text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Source, Split
from interloom.pipeline.store import storage
from interloom.schemas.document import Document
from interloom.schemas.media_table import from_media_table
from interloom.schemas.outcome import Outcome, Quarantined
from interloom.stages._input.json_lines import JSON_ENDINGS, line_splits, read_json_lines
from interloom.stages._input.splits import as_list, path_problems, whole_files
from interloom.stages.read_documents import mmc4, obelics, plain_text
from interloom.stages.read_documents.rows import Row, RowOrigin

_Converter = Callable[[Row, RowOrigin], Document]
_PARQUET = (".parquet", ".parq")
_ENDINGS = (*_PARQUET, *JSON_ENDINGS)
_BATCH_ROWS = 256
"""Rows of a Parquet file that are held in memory at once. Our choice."""
_MAX_ERROR_CHARS = 300
_MAX_FIELDS_NAMED = 8


@dataclass(frozen=True, kw_only=True)
class ReadDocuments(Source):
    """Reads one document per row of Parquet files or per line of JSON lines.

    A row or line that does not have its format, a broken line and a broken file are quarantined.

    Parameters:
        paths: Parquet files, JSON lines (`.gz` and `.zst`, too), folders or glob patterns, local or `s3://`; one or a list.
        format: The format of the rows: "interloom" is our own Parquet, with its media; "obelics" has the parallel lists
            `texts` and `images`; "mmc4" has `text_list` and `image_info`, and the similarity of an image becomes its score
            `mmc4_sim`; "text" has `text` and may have `url`, `id` and `date`; "auto" chooses by the fields of each row. Default
            "auto".
        split_size_bytes: Uncompressed JSON lines are cut into splits of this size. Bytes. Default 8 MiB, our choice.
        max_line_bytes: Longer lines are quarantined. Bytes. Default 64 MiB, our choice.
    """

    paths: str | list[str]
    format: Literal["auto", "interloom", "obelics", "mmc4", "text"] = "auto"
    split_size_bytes: int = 8 << 20
    max_line_bytes: int = 64 << 20

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
        if not _is_parquet(split.path):
            yield from self._read_lines(split)
            return
        with storage.open(split.path) as file:
            try:
                yield from self._read_parquet(split, pq.ParquetFile(file))
            except (pa.ArrowException, OSError) as error:
                yield Quarantined(RowOrigin(split, -1).document_id(), f"broken Parquet: {error}"[:_MAX_ERROR_CHARS])

    def _read_lines(self, split: Split) -> Iterator[Outcome]:
        for line in read_json_lines(split, self.max_line_bytes):
            origin = RowOrigin(split, line.offset)
            if line.error:
                yield Quarantined(origin.document_id(), f"{line.error} (offset {line.offset})")
            else:
                yield self._outcome(line.value, origin)

    def _read_parquet(self, split: Split, parquet: pq.ParquetFile) -> Iterator[Outcome]:
        is_ours = self.format == "interloom" or (self.format == "auto" and "elements" in parquet.schema_arrow.names)
        row = 0
        for batch in parquet.iter_batches(_BATCH_ROWS):
            table = pa.Table.from_batches([batch])
            if is_ours:
                yield from from_media_table(table)
                continue
            for value in table.to_pylist():
                yield self._outcome(value, RowOrigin(split, row))
                row += 1

    def _outcome(self, row: Row, origin: RowOrigin) -> Outcome:
        try:
            return _converter(self.format, row)(row, origin)
        except DocumentError as error:
            return Quarantined(origin.document_id(), f"{error} (offset {origin.offset})")


def _is_parquet(path: str) -> bool:
    return path.lower().endswith(_PARQUET)


def _converter(format_: str, row: Row) -> _Converter:
    """Returns the function that converts rows of this format; for "auto", of the first format that the row matches.

    Raises DocumentError if "auto" knows no format with the row's fields.
    """
    if format_ == "interloom":
        raise DocumentError("format interloom is Parquet only")
    if format_ != "auto":
        return _CONVERTERS[format_]
    for matches, to_document in _DETECTORS:
        if matches(row):
            return to_document
    fields = ", ".join(map(str, list(row)[:_MAX_FIELDS_NAMED])) or "no fields"
    raise DocumentError(f"a row of an unknown format; it has {fields}")


_CONVERTERS: Mapping[str, _Converter] = {
    "obelics": obelics.to_document,
    "mmc4": mmc4.to_document,
    "text": plain_text.to_document,
}
_DETECTORS: Sequence[tuple[Callable[[Row], bool], _Converter]] = (
    (mmc4.matches, mmc4.to_document),
    (obelics.matches, obelics.to_document),
    (plain_text.matches, plain_text.to_document),
)
"""The formats that "auto" knows, the first that matches wins: whether a row has the format, and its conversion."""
