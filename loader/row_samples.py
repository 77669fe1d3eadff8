"""Converts rows of Parquet shards to the members of the samples that `stages.write_webdataset` writes of the same documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from interloom.pipeline.errors import ConfigError
from interloom.schemas.columns import SCHEMA
from interloom.schemas.document import Document, Element, Image, Media
from interloom.schemas.media_table import from_media_table
from interloom.schemas.sample_members import Sample, pair_sample, text_sample, to_sample
from interloom.schemas.table import check_version, from_table

WITHOUT_MEDIA = ("json", "txt")
"""Members that are made without the columns of media."""
_BODY = "body"
_PARALLEL = ("images", "clips")
_IMAGE = "image"
_FACTS = ("id", "source", "labels", "scores")
_TEXT_FACTS = ("caption_from", "caption_position")
_IMAGE_FACTS = ("position", "format", "width", "height", "sha256", "phash", "url", "alt", "opt_out")

pa.array([0])  # pyarrow imports pandas, if it is there, with its first array: here, not while the first sample is waited for

_NEEDED = ({"elements", "media"}, {"elements", "texts"}, {_IMAGE, "caption", "caption_from", *_FACTS}, {"text", *_FACTS})
"""The columns that tell each layout: those of schemas 1 and 2, and "interleaved", "pairs" and "text"."""

Samples = Callable[[int], Sample]
"""The sample in a row; without the columns of media its media are empty."""


def is_media(path: str) -> bool:
    """Whether a leaf column holds the bytes of media or of a raw page. Names of media are always read, as records have them."""
    column, _, leaf = path.partition(".")
    return column == _BODY or (column in (*_PARALLEL, _IMAGE) and leaf.endswith("bytes"))


def check_columns(names: Iterable[str]) -> None:
    """Raises ValueError for the columns of a table that `stages.write_parquet` has not written."""
    columns = list(names)
    if not any(needed <= set(columns) for needed in _NEEDED):
        raise ValueError(f"its columns are {', '.join(columns)}, not those that stages.write_parquet writes")


def samples_of(table: pa.Table, path: str) -> Samples:
    """The samples of a row group. Raises ConfigError for a table that `stages.write_parquet` has not written; `path` is where it
    is from."""
    try:
        check_version(table.schema)
        check_columns(table.column_names)
        return _samples(table)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error


def _samples(table: pa.Table) -> Samples:
    columns = set(table.column_names)
    if {"elements", "media"} <= columns:
        docs = from_media_table(table)
        return lambda row: to_sample(docs[row])
    if "elements" in columns:
        return _interleaved(table)
    if _IMAGE in columns:
        return _pairs(table)
    docs, texts = _documents(table, _FACTS), table["text"].to_pylist()
    return lambda row: text_sample(docs[row], texts[row])


def _interleaved(table: pa.Table) -> Samples:
    docs = from_media_table(table.select([name for name in table.column_names if name not in _PARALLEL]))
    media = [_cells(_whole(table[name])) for name in _PARALLEL if name in table.column_names]

    def sample(row: int) -> Sample:
        contents = [cells(row) for cells in media]
        return to_sample(docs[row].with_elements(_filled(docs[row].elements, contents)))

    return sample


def _filled(elements: Sequence[Element], contents: Sequence[Sequence[bytes | None]]) -> Iterator[Element]:
    for element, *cells in zip(elements, *contents, strict=True):
        content = next((cell for cell in cells if cell is not None), None)
        yield replace(element, data=content) if isinstance(element, Media) and content is not None else element


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array, which is not copied if it is one."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _cells(lists: pa.ListArray) -> Callable[[int], Sequence[bytes | None]]:
    """What gives the contents in a row of a column that is parallel to the elements: empty if they have not been read."""
    bounds, values = lists.offsets.to_pylist(), lists.values
    is_there, content = values.is_valid().to_pylist(), _content(values)
    return lambda row: [content(n) if is_there[n] else None for n in range(bounds[row], bounds[row + 1])]


def _content(values: pa.StructArray) -> Callable[[int], bytes]:
    if values.type.get_field_index("bytes") < 0:
        return lambda row: b""
    data = values.field("bytes")
    return lambda row: data[row].as_py()


def _pairs(table: pa.Table) -> Samples:
    docs = _documents(table, ("id", "source", "labels", "document_scores"))
    scores = [doc.scores for doc in _documents(table, _FACTS)]
    facts: Sequence[Mapping[str, Any]] = table.select(list(_IMAGE_FACTS)).to_pylist()
    texts = table["caption"].to_pylist()
    text_facts = table.select([name for name in _TEXT_FACTS if name in table.column_names]).to_pylist()
    content = _content(_whole(table[_IMAGE]))

    def sample(row: int) -> Sample:
        image = Image(**facts[row], scores=scores[row], data=content(row))
        return pair_sample(docs[row], image, texts[row], text_facts[row])

    return sample


def _documents(table: pa.Table, columns: tuple[str, str, str, str]) -> list[Document]:
    """Documents without elements: their ids, sources, labels and scores are in these columns."""
    facts = table.select(list(columns)).rename_columns(list(_FACTS))
    elements = SCHEMA.field("elements")
    return from_table(facts.append_column(elements, pa.array([[]] * table.num_rows, elements.type)))
