"""What schema 2 wrote can be read: `tests/data/schema_2_shard.parquet` is a shard of the last version that wrote it, with a
document that shows one image twice and has a clip, and a document with a body."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from interloom.schemas.document import Clip, Document, Image, Source, Text
from interloom.schemas.media_table import from_media_table
from interloom.stages.read_documents import ReadDocuments

SHARD = Path(__file__).parents[1] / "data" / "schema_2_shard.parquet"


@pytest.fixture
def expected() -> list[Document]:
    """The documents that were written, with the picture as it is in the file."""
    picture = pq.read_table(SHARD)["media"][0].as_py()[0]["data"]
    about = {"url": "https://a.example/1.png", "alt": "red", "format": "png", "width": 3, "height": 2}
    image = Image(position=1, data=picture, scores={"clip": 0.25}, **about)
    elements = (
        Text(position=0, text="Once."),
        image,
        Text(position=2, text="A caption", role="caption", origin="caption", of=1),
        replace(image, position=4),
        Clip(position=5, format="mp4", start_s=1.5, end_s=3.0, data=b"moving"),
        Image(position=7, url="https://a.example/lost.gif"),
    )
    source = Source(url="https://a.example/", licence="CC BY")
    first = Document(id="a", source=source, labels={"language": "en"}, scores={"quality": 0.5}, elements=elements)
    return [first, Document(id="b", body=b"<html>")]


def test_the_file_is_of_schema_2() -> None:
    assert pq.read_schema(SHARD).metadata[b"interloom.schema_version"] == b"2"


def test_a_shard_of_schema_2_comes_back_with_every_field(expected: list[Document]) -> None:
    assert from_media_table(pq.read_table(SHARD)) == expected


def test_a_run_reads_a_shard_of_schema_2(expected: list[Document]) -> None:
    source = ReadDocuments(paths=str(SHARD))
    docs = [doc for split in source.splits() for doc in source.read(split) if isinstance(doc, Document)]
    assert [doc.elements for doc in docs] == [doc.elements for doc in expected]


def test_an_entry_of_media_without_positions_is_an_error() -> None:
    table = pq.read_table(SHARD)
    rows = table.to_pylist()
    rows[0]["media"][0]["positions"] = None
    with pytest.raises(ValueError, match="an entry of 'media' has no positions"):
        from_media_table(type(table).from_pylist(rows, schema=table.schema))
