"""Reads folders of pictures, with captions beside them or in a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from hashlib import blake2b
from typing import Any, ClassVar

from interloom.pipeline.contents import IMAGE_BYTES, IMAGE_FORMAT, IMAGES, TEXT, Content, labels
from interloom.pipeline.errors import DocumentError, Failure, guarded_reading
from interloom.pipeline.stage import Source, Split
from interloom.pipeline.store import storage
from interloom.schemas import document
from interloom.schemas.document import SOURCE_ID, Document, Element, Image
from interloom.schemas.outcome import Drop, Dropped, Outcome, Quarantined
from interloom.schemas.validity import problem
from interloom.stages._images.formats import image_media_type, looks_like_svg
from interloom.stages._input import samples
from interloom.stages._input.contents_of import contents_of
from interloom.stages._input.files_beside import whole_file
from interloom.stages._input.ids import document_id
from interloom.stages._input.pictures import format_of_media_type
from interloom.stages._input.rows import RowOrigin
from interloom.stages._input.splits import as_list, files_in_folders, path_notes, path_problems, whole_files
from interloom.stages._input.surrogates import replace_surrogates
from interloom.stages._input.tar_members import TarMember
from interloom.stages.read_images.beside import SIDECARS, names_in, sidecar_contents
from interloom.stages.read_images.table import NAMES, joined, more_captions, rows_of, table_of, tables_above, without_picture

_ENDINGS = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".jp2")
_FIRST_BYTES = 64
"""Bytes in which all image formats that we know show themselves."""
_PICTURES_PER_SPLIT = 256
"""Pictures of one split. Our choice."""
_LOOKED_AT = 20
"""Pictures that are looked at before a run. Our choice."""


@dataclass(frozen=True, kw_only=True)
class ReadImages(Source):
    """Reads one document per picture: an image that refers to its file, and its caption.

    The caption is the text in the file of the same name that ends in `.txt`, `.caption` or `.text`, else a field of the one that
    ends in `.json`, else of the picture's row in a table: `metadata.csv`, `.tsv`, `.jsonl` or `.parquet` in its folder or
    above, as Hugging Face `datasets` has them, with a column `file_name` (or `filename`) that is relative to the table. Other
    fields become labels (strings) and scores (numbers). The folder of a picture is the label `folder`, its name in the input
    `source_id`.

    A picture with several rows, as in COCO, has a text for each caption; what else differs between the rows is a list as JSON.
    A file whose first bytes are those of no image, or beside which a broken JSON lies, is quarantined; so is a broken table.
    A row without a picture among the files is dropped as `no_picture`, and so is a `.txt`, `.caption`, `.text` or `.json` in a
    folder without the picture that it would lie beside. For tables with many millions of rows use `stages.read_documents`,
    which streams them.

    Parameters:
        paths: Pictures, folders or glob patterns, local or `s3://`; one or a list.
        table: A table for all pictures instead of those in their folders, local or `s3://`; names in it are relative to it.
            Default: none.
        caption: The field that holds the caption, or a list of captions. Default: `caption` or `text`.
        keep: The other fields that become labels and scores. Default: all that are neither lists nor objects, without strings of
            more than 1,000 characters.
    """

    endings: ClassVar[tuple[str, ...]] = _ENDINGS
    causes: ClassVar[Mapping[str, str | None]] = {
        "no_picture": "rows of the table, or files with captions, whose pictures are not among the files"
    }

    paths: str | list[str]
    table: str = ""
    caption: str = ""
    keep: list[str] | None = None

    def provides(self) -> Iterable[Content]:
        yield from (TEXT, IMAGES, IMAGE_BYTES, IMAGE_FORMAT, *labels(SOURCE_ID, "folder"))
        if not any(storage.is_remote(path) for path in as_list(self.paths)):
            for file in whole_files(self.paths, _ENDINGS)[:_LOOKED_AT]:
                outcome = self._outcome(file)
                yield from contents_of(outcome) if isinstance(outcome, Document) else ()

    def notes(self) -> Iterable[str]:
        return path_notes(self.paths, _ENDINGS, (*SIDECARS, *NAMES.endings))

    def check(self) -> Iterable[str]:
        yield from path_problems(self.paths, _ENDINGS)
        if self.table:
            wrong = storage.credentials_problem(self.table)
            if wrong:
                yield wrong
            elif not self.table.lower().endswith(NAMES.endings):
                yield f"table: {self.table}: a table ends in {', '.join(NAMES.endings)}"
            elif not storage.is_remote(self.table) and not storage.exists(self.table):
                yield f"table: {self.table} does not exist"

    def inputs(self) -> Iterable[str]:
        yield from [self.table] if self.table else ()

    def splits(self) -> Sequence[Split]:
        for remembered in (_listed, _names, _firsts):
            remembered.cache_clear()
        files = _listed(tuple(as_list(self.paths)))
        alone = [f"{file.name} {file.identity}" for file in self._captions_without_picture()]
        groups = (files[start : start + _PICTURES_PER_SPLIT] for start in range(0, len(files), _PICTURES_PER_SPLIT))
        starts = range(0, len(files), _PICTURES_PER_SPLIT)
        return [
            replace(group[0], start=start, stop=start + len(group), identity=_identity(group, [] if start else alone))
            for start, group in zip(starts, groups, strict=True)
        ]

    def read(self, split: Split) -> Iterator[Outcome]:
        files = _listed(tuple(as_list(self.paths)))[split.start : split.stop]
        yield from map(self._outcome, files)
        for table in self._begun_tables(files, split.start):
            yield from self._rows_without_picture(table, split.root)
        for file in () if split.start else self._captions_without_picture():
            yield Dropped(document_id(file.name), Drop("no_picture"), url=replace_surrogates(file.path))

    def _captions_without_picture(self) -> list[Split]:
        """The files with captions or facts in the folders that lie beside no picture; those of the first split."""
        pictures = {path.rpartition(".")[0] for path in _names(tuple(as_list(self.paths)))}
        files = files_in_folders(self.paths, SIDECARS)
        return [file for file in files if file.path != self.table and file.path.rpartition(".")[0] not in pictures]

    def _begun_tables(self, files: Sequence[Split], start: int) -> Sequence[str]:
        """The tables whose first picture is among these files, which begin at number `start`: each is of one split alone."""
        if self.table:
            return [self.table] if start == 0 else []
        firsts = _firsts(tuple(as_list(self.paths)))
        roots = {file.path.rpartition("/")[0]: file.root for file in files}
        tables = sorted({table for folder, root in roots.items() for table in tables_above(folder, root)})
        return [table for table in tables if start <= firsts[table.rpartition("/")[0]] < start + len(files)]

    def _rows_without_picture(self, table: str, root: str) -> Iterator[Outcome]:
        rows = guarded_reading(lambda: table_of(table))
        pictures = _names(tuple(as_list(self.paths)))
        for n, path in enumerate(() if isinstance(rows, Failure) else without_picture(rows, table, pictures)):
            yield Dropped(document_id(Split(table, root).name, n), Drop("no_picture"), url=replace_surrogates(path))

    def _outcome(self, file: Split) -> Outcome:
        id_ = document_id(file.name)
        read = guarded_reading(partial(self._document, file, id_))
        if isinstance(read, Failure):
            return Quarantined(id_, f"{read.message} ({replace_surrogates(file.name)})", url=file.path, source_id=file.name)
        return read

    def _document(self, file: Split, id_: str) -> Document:
        """The document of a picture. Raises DocumentError if the picture or what lies beside it is broken."""
        folder, _, name = file.path.rpartition("/")
        blob = whole_file(file.path)
        if blob is None:
            raise DocumentError("no such file any more")
        first = storage.read_range(file.path, 0, min(blob.size, _FIRST_BYTES))
        format_ = format_of_media_type(image_media_type(first)) or ("svg" if looks_like_svg(first) else "")
        if not format_:
            raise DocumentError("not an image" if first else "empty")
        ending = name.rpartition(".")[2].lower()
        picture = TarMember(file.name, 0, blob.size, blob=blob)
        members = {**sidecar_contents(folder, name), ending: picture}
        row, captions = self._row(file, folder)
        record = {**row, **samples.record_of(members)}
        doc, given = samples.to_document(members, record, RowOrigin(file, 0), (self.caption, self.keep))
        above = file.name.rpartition("/")[0].rpartition("/")[2]
        facts = {"folder": replace_surrogates(above), SOURCE_ID: given or replace_surrogates(file.name)}
        source = document.Source(path=file.path, url=doc.source.url, date=doc.source.date, licence=doc.source.licence)
        parts: list[Element] = [replace(e, format=format_) if isinstance(e, Image) else e for e in doc.elements]
        parts += more_captions(doc, captions)
        known = {name: value for name, value in facts.items() if value}
        whole = replace(doc, id=id_, source=source, elements=tuple(parts), labels={**doc.labels, **known})
        if wrong := problem(whole):
            raise DocumentError(wrong)
        return whole

    def _row(self, file: Split, folder: str) -> tuple[dict[str, Any], list[str]]:
        """What the table says of a picture, and the captions of its rows."""
        tables = [self.table] if self.table else tables_above(folder, file.root)
        rows = next((rows for table in tables if (rows := rows_of(table_of(table), table, file.path))), ())
        return joined(rows, self.caption or samples.caption_field(rows))


@lru_cache(maxsize=1)
def _listed(paths: tuple[str, ...]) -> list[Split]:
    """The pictures. A process lists them once, because a folder may hold millions; `splits` lists them anew."""
    return whole_files(list(paths), _ENDINGS)


@lru_cache(maxsize=1)
def _names(paths: tuple[str, ...]) -> frozenset[str]:
    return frozenset(file.path for file in _listed(paths))


@lru_cache(maxsize=1)
def _firsts(paths: tuple[str, ...]) -> Mapping[str, int]:
    """The number of the first picture in or below each folder."""
    firsts: dict[str, int] = {}
    for n, file in enumerate(_listed(paths)):
        folder = file.path.rpartition("/")[0]
        while folder not in firsts:
            firsts[folder] = n
            folder = folder.rpartition("/")[0]
    return firsts


def _identity(group: Sequence[Split], alone: Sequence[str]) -> str:
    """Changes when a picture does, or what lies beside it, or what lies `alone`."""
    known = sorted({f"{file.name} {file.identity}" for file in group}) + sorted(alone)
    folders = sorted({file.path.rpartition("/")[0] for file in group})
    stems = {file.path.rpartition(".")[0] for file in group}
    for folder in folders:
        beside = [sidecar for sidecar in names_in(folder) if sidecar.path.lower().endswith(SIDECARS)]
        known += [
            f"{sidecar.path[len(folder) :]} {sidecar.identity}" for sidecar in beside if sidecar.path.rpartition(".")[0] in stems
        ]
    tables = {table for folder in folders for table in tables_above(folder, group[0].root)}
    known += [f"{table[len(group[0].root) :]} {file.identity}" for table in sorted(tables) for file in storage.glob(table)]
    return blake2b("\n".join(known).encode(errors="surrogatepass"), digest_size=16).hexdigest()
