"""Writes documents to a Parquet file in row groups of bounded size. The bytes depend on the rows and the version of pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from interloom.schemas.document import Document, Media

ROW_GROUP_BYTES = 64 << 20
"""Size of a row group, which is held in memory. Our choice."""
_DOCUMENTS_AT_ONCE = 64
"""Documents that are held beside the rows of their group."""
_DOCUMENT_BYTES = 500
"""Estimated size of the fields of a document, without text and media."""
_ELEMENT_BYTES = 200
"""Estimated size of the fields of an element, without text and media."""

ToRows = Callable[[Sequence[Document]], pa.Table]


def write_row_groups(path: Path, schema: pa.Schema, docs: Iterable[Document], to_rows: ToRows) -> list[int]:
    """Writes the rows of documents to a file in row groups of about 64 MB; a larger document has its own. Returns the number of
    rows of each.

    Parameters:
        path: The file; its folder is there.
        schema: The schema of the rows.
        docs: The documents; few are held at a time.
        to_rows: Gives the rows of some documents.
    """
    rows = list[int]()
    with _open_writer(path, schema) as writer:
        for _, group in groupby(_with_group_numbers(docs), itemgetter(0)):
            table = _to_row_group((doc for _, doc in group), to_rows)
            if table.num_rows:  # readers trip over a row group without rows
                writer.write_table(table, row_group_size=table.num_rows)
                rows.append(table.num_rows)
            del table  # the next group is made while no other is held
    return rows


def _open_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    # Dictionaries and statistics of image bytes cost space and help nobody; small batches keep pages of large values small.
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=3,
        version="2.6",
        use_dictionary=False,
        write_statistics=["id"],
        write_batch_size=64,
        write_page_checksum=True,
    )


def _with_group_numbers(docs: Iterable[Document]) -> Iterator[tuple[int, Document]]:
    """Yields the documents with the number of their row group, of about ROW_GROUP_BYTES; a larger document has its own."""
    number = size = 0
    for doc in docs:
        doc_bytes = _estimate_bytes(doc)
        if size and size + doc_bytes > ROW_GROUP_BYTES:
            number, size = number + 1, 0
        size += doc_bytes
        yield number, doc


def _to_row_group(docs: Iterator[Document], to_rows: ToRows) -> pa.Table:
    """Returns the rows of the documents. Few documents are held at a time: their rows take less memory."""
    tables = []
    while batch := list(islice(docs, _DOCUMENTS_AT_ONCE)):
        tables.append(to_rows(batch))
    return pa.concat_tables(tables).combine_chunks()


def _estimate_bytes(doc: Document) -> int:
    media = sum(len(e.data) for e in doc.elements if isinstance(e, Media) and e.data is not None)
    text = sum(len(t.text) for t in doc.texts)
    return media + text + len(doc.body or b"") + _DOCUMENT_BYTES + _ELEMENT_BYTES * len(doc.elements)
