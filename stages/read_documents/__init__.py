"""Finished documents: our own Parquet, OBELICS, MMC4, or plain text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Source, Split
from interloom.pipeline.store import storage
from interloom.schemas.outcome import Outcome, Quarantined
from interloom.schemas.table import from_table
from interloom.stages._input.json_lines import JSON_ENDINGS, json_lines, line_splits
from interloom.stages._input.splits import missing, whole_files
from interloom.stages.read_documents.foreign_rows import Origin, Row, reader_of

_PARQUET = (".parquet", ".parq")
_ENDINGS = (*_PARQUET, *JSON_ENDINGS)
_ROWS = 256


@dataclass(frozen=True, kw_only=True)
class ReadDocuments(Source):
    """Documents from Parquet or JSON lines (`.jsonl`, `.gz` and `.zst` too), in the `format` of their makers.

    `interloom` is our own Parquet; `obelics` rows have parallel `texts` and `images`; `mmc4` rows `text_list` and
    `image_info`, where an image goes before the sentence it was matched to and keeps its similarity as score
    `mmc4_sim`; `text` rows have `text` and may have `url`, `id` and `date`. `auto` tells by the fields. Plain JSON
    lines are read in shares of `split_size_bytes`.
    """

    paths: str | list[str]
    format: Literal["auto", "interloom", "obelics", "mmc4", "text"] = "auto"
    split_size_bytes: int = 8 << 20
    max_line_bytes: int = 64 << 20

    def check(self) -> Iterable[str]:
        if self.split_size_bytes < 1 or self.max_line_bytes < 1:
            yield "split_size_bytes and max_line_bytes must be at least 1"
        yield from missing(self.paths, _ENDINGS)

    def splits(self) -> Sequence[Split]:
        return line_splits(whole_files(self.paths, _ENDINGS), self.split_size_bytes)

    def read(self, split: Split) -> Iterator[Outcome]:
        if not split.path.lower().endswith(_PARQUET):
            yield from self._read_lines(split)
            return
        with storage.open(split.path) as file:
            try:
                yield from self._read_parquet(split, pq.ParquetFile(file))
            except (pa.ArrowException, OSError) as error:
                yield Quarantined(Origin(split, -1).id(), f"broken Parquet: {error}"[:300])

    def _read_lines(self, split: Split) -> Iterator[Outcome]:
        for line in json_lines(split, self.max_line_bytes):
            origin = Origin(split, line.offset)
            yield (
                Quarantined(origin.id(), f"{line.error} (offset {line.offset})")
                if line.error
                else self._document(line.value, origin)
            )

    def _read_parquet(self, split: Split, parquet: pq.ParquetFile) -> Iterator[Outcome]:
        ours = self.format == "interloom" or (self.format == "auto" and "elements" in parquet.schema_arrow.names)
        row = 0
        for batch in parquet.iter_batches(_ROWS):
            table = pa.Table.from_batches([batch])
            if ours:
                yield from from_table(table)
                continue
            for value in table.to_pylist():
                yield self._document(value, Origin(split, row))
                row += 1

    def _document(self, row: Row, origin: Origin) -> Outcome:
        try:
            return reader_of(self.format, row)(row, origin)
        except DocumentError as error:
            return Quarantined(origin.id(), f"{error} (offset {origin.offset})")
