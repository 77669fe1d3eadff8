"""Reads finished documents: rows of our own shards, of published formats, or with fields that the recipe names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar

import pyarrow as pa

from interloom.pipeline.contents import Content
from interloom.pipeline.errors import DocumentError, Failure, guarded, guarded_reading
from interloom.pipeline.ranges import Positive
from interloom.pipeline.stage import Source, Split
from interloom.pipeline.store import storage
from interloom.schemas.outcome import Outcome
from interloom.stages._formats.lpm.read import read_lecture
from interloom.stages._formats.row_format import RowFormat
from interloom.stages._input.dates import with_dates_as_text
from interloom.stages._input.json_lines import Line
from interloom.stages._input.kept_columns import KeptColumns, with_facts
from interloom.stages._input.own_targets import finished_target, keeps_ids, target_problems
from interloom.stages._input.pictures import with_files
from interloom.stages._input.rows import RowOrigin, given_id, value_at
from interloom.stages._input.samples import MEDIA_ENDINGS
from interloom.stages._input.splits import as_list, path_notes, path_problems
from interloom.stages.read_documents import columns_there, files, overlooked
from interloom.stages.read_documents.formats import FormatName, fields_of_row, fields_of_schema, format_of
from interloom.stages.read_documents.named_fields import Field
from interloom.stages.read_documents.own_pairs import own_pairs_format
from interloom.stages.read_documents.own_rows import is_ours, own_format
from interloom.stages.read_documents.parquet import Format, read_parquet, rows_of


@dataclass(frozen=True, kw_only=True)
class ReadDocuments(Source):
    """Reads one document per row of Parquet, JSON lines, JSON arrays, CSV and TSV, in our format and in published ones.

    Of Parquet only the columns that are used are read. Texts are UTF-8, with or without a byte order mark. A row that is
    broken, is not UTF-8 or does not have its format is quarantined, and so is a broken file, or the broken row groups of
    one. The id of a document is a hash of its file's name and its row; the id that the row gives becomes the label
    `source_id`. Of a folder to which a run of ours has written, the shards of its manifest are read. Documents of our own
    format keep their ids if the manifest beside their shard (or above its folder `data`) names it. Parquet files below
    folders whose names begin with `_` or `.` are not read, as in Spark and pyarrow; folders like `lang=de` become labels.

    Parameters:
        paths: Parquet files, JSON lines, `.json`, CSV and TSV files (`.gz` and `.zst`, too), shards of MDS, folders or glob
            patterns, local or `s3://`; one or a list. Pickles (`.pkl`, `.pt`) are read if they are named, or if `format` is one
            of pickles, and nothing in them is run.
        format: The format of the rows. "interloom" is our own Parquet, with its media; "text" has a text, an image or a caption
            in the fields of `fields`. Published formats: "obelics", "omnicorpus", "mmc4", "mint_html", "pin", "textbook",
            "realsyn", "img2dataset" (and LAION's tables), "datacomp", "nemo_curator", "data_juicer", "mds", "comm" and
            "howtocaption" (pickles), "openvid", "mmtrail", "pu_valor", "lpm" (folders of slides);
            `stages/_formats/<format>/read.py` says what becomes of their fields. "auto" chooses by the fields of each row, and
            is "text" if `fields` are given. Default "auto".
        fields: Where the text, the image, its caption, the id, the URL, the date and the language of a row are, if not in
            fields of these names: `{text: content, url: meta.link}`. A dot leads into a struct, or those of a list. An image
            may be bytes, a struct of `bytes` and `path`, a URL, a path, base64 or a `data:` URI; it and the text may be
            lists. What has no scheme (`https:`) is a path, relative to the file or to the input's folder; an image whose file
            is not there is dropped as `missing_file`, one whose file may not be read as `outside_folder`, and so is a
            document with nothing else. Rows of images without a field of a text or caption are refused if another field looks
            like a text, unless `keep` is given. Default: none.
        keep: The other fields whose strings become labels and whose numbers become scores of the document. Default: all that
            are neither lists nor structs, without strings of more than 1,000 characters.
        media_root: A folder, local or `s3://`, in which paths of images and videos are looked for, besides that of their file and
            the input's; an absolute path is read only if it leads into one of them, because whoever wrote the rows may not be
            one to trust. Default: none.
        split_size_bytes: Uncompressed JSON lines are cut into splits of this size. Bytes. Default 8 MiB, our choice.
        max_line_bytes: Longer lines are quarantined. Bytes. Default 64 MiB, our choice.
    """

    endings: ClassVar[tuple[str, ...]] = files.ENDINGS
    causes: ClassVar[Mapping[str, str | None]] = {
        "missing_file": "their files are not there; `media_root` names another folder to look in",
        "outside_folder": "their files lie outside of the input's folder; `media_root` names a folder to look in, too",
    }

    paths: str | list[str]
    format: FormatName = "auto"
    fields: dict[Field, str] = field(default_factory=dict)
    keep: list[str] | None = None
    media_root: str = ""
    split_size_bytes: Positive = 8 << 20
    max_line_bytes: Positive = 64 << 20

    def provides(self) -> Iterable[Content]:
        return columns_there.provided(as_list(self.paths), self.format, self.fields, self.keep)

    def notes(self) -> Iterable[str]:
        others = [path for path in as_list(self.paths) if not finished_target(path, files.ENDINGS)]
        yield from path_notes(others, files.endings(self.format), (*files.ENDINGS, *MEDIA_ENDINGS, ".svg"))
        yield from columns_there.empty(as_list(self.paths), self.format, self.fields)

    def check(self) -> Iterable[str]:
        if self.fields and self.format not in ("auto", "text"):
            yield f"fields: the format {self.format} has fields of its own; leave out one of the two"
        if self.format == "interloom" and not any(map(storage.is_remote, as_list(self.paths))):
            lines = [split.path for split in files.listed(self.paths) if not files.is_parquet(split.path)]
            yield from (f"{path}: format interloom is Parquet only" for path in lines)
        yield from path_problems(self.paths, files.endings(self.format))
        yield from target_problems(self.paths, files.ENDINGS, "stages.read_webdataset")
        yield from columns_there.missing(as_list(self.paths), {**self.fields}, self.keep)
        yield from columns_there.unknown(as_list(self.paths), self.format, self.fields, self.keep)
        if self.media_root and not storage.is_remote(self.media_root) and not storage.exists(self.media_root):
            yield f"media_root: {self.media_root} does not exist"

    def inputs(self) -> Iterable[str]:
        yield from [self.media_root] if self.media_root else ()

    def splits(self) -> Sequence[Split]:
        return files.splits(self.paths, self.split_size_bytes, self.format)

    def records(self, split: Split) -> int | None:
        """How many rows a Parquet file has; None if several may be one document."""
        return rows_of(split, partial(self._format, split)) if files.is_parquet(split.path) and self.format != "lpm" else None

    def read(self, split: Split) -> Iterator[Outcome]:
        if self.format == "lpm":
            return iter([_lecture(split)])
        if files.is_parquet(split.path):
            whole = RowOrigin(split, -1, "row", keeps_ids(split.path), self.media_root)
            return read_parquet(whole, partial(self._format, split))
        return self._read_lines(split)

    def _read_lines(self, split: Split) -> Iterator[Outcome]:
        reading = files.reading_of(split, self.max_line_bytes)
        for line in reading.lines:
            origin = RowOrigin(split, line.offset, reading.unit, media_root=self.media_root)
            given = given_id(value_at(line.value, self.fields.get("id", "id")))
            outcomes = guarded(partial(self._outcomes, line, origin, given, reading.written))
            yield from [origin.quarantined(outcomes.message, given)] if isinstance(outcomes, Failure) else outcomes

    def _outcomes(self, line: Line, origin: RowOrigin, given: str, written: bool) -> Sequence[Outcome]:
        """The document of a line. Raises DocumentError and what a wrong value raises."""
        if line.error:
            raise DocumentError(line.error)
        if self.format == "interloom":
            raise DocumentError("format interloom is Parquet only")
        fields = fields_of_row(line.value)
        kind = format_of(self.format, self.fields, fields, [line.value])
        if kind.group_by:
            raise DocumentError("rows that are parts of a document are read from Parquet only")
        if self.keep is None and overlooked.has_no_text_column(kind, self.fields, fields):
            overlooked.refuse(kind, line.value)
        doc = self._kept(kind, written).with_facts_of(line.value, kind.to_document(line.value, origin))
        named = origin.named(with_facts(doc, (files.partition_labels(origin.split), {})), given)
        return list(with_files(named, origin)) if kind.names_files else [named]

    def _format(self, split: Split, schema: pa.Schema) -> Format:
        """How to read a Parquet file with this schema. Raises DocumentError if that is not known."""
        if self.format in ("auto", "interloom") and not self.fields and (pairs := own_pairs_format(schema)):
            return pairs
        if self.format == "interloom" or (self.format == "auto" and not self.fields and is_ours(schema)):
            return own_format(schema)
        kind = format_of(self.format, self.fields, fields_of_schema(schema))
        kept = self._kept(kind)
        columns = [] if kind.group_by else kept.in_schema(schema)
        return Format((*kind.columns, *columns), partial(self._documents, kind, kept, columns), kind.group_by)

    def _documents(
        self, kind: RowFormat, kept: KeptColumns, columns: Sequence[str], rows: pa.Table, first: RowOrigin
    ) -> Sequence[Outcome]:
        """The documents of rows of a foreign format. Raises what a wrong cell raises."""
        first = replace(first, keeps_ids=False)  # only the ids of our own format are known to be unique
        if kind.group_by:
            whole = {"rows": rows.to_pylist()}
            return [first.named(kind.to_document(whole, first), given_id(whole["rows"][0].get(kind.group_by)))]
        if self.keep is None and overlooked.has_no_text_column(kind, self.fields, rows.column_names):
            overlooked.refuse_cells(kind, rows, columns)
        facts = kept.of_table(rows, columns)
        labels = files.partition_labels(first.split)
        docs = list[Outcome]()
        used = with_dates_as_text(rows.select([name for name in rows.column_names if name in kind.used]))
        for n, row in enumerate(used.to_pylist()):
            origin = first.next(n)
            doc = with_facts(with_facts(kind.to_document(row, origin), facts[n]), (labels, {}))
            named = origin.named(doc, given_id(value_at(row, self.fields.get("id", "id"))))
            docs += with_files(named, origin) if kind.names_files else [named]
        return docs

    def _kept(self, kind: RowFormat, written: bool = False) -> KeptColumns:
        return KeptColumns(None if self.keep is None else tuple(self.keep), kind.used, written)


def _lecture(split: Split) -> Outcome:
    read = guarded_reading(partial(read_lecture, split))
    return RowOrigin(split, -1).quarantined(read.message) if isinstance(read, Failure) else read
