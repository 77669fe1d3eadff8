"""Parquet shards: read back by pyarrow, every field in place, the same bytes twice, memory bounded by the row group."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interloom.schemas import media_table
from interloom.schemas.document import Blob, Clip, Document, Element, Image, Source, Text
from interloom.schemas.media_table import MEDIA_SCHEMA, from_media_table
from interloom.schemas.sample_index import unpack_rows
from interloom.schemas.split_buckets import bucket_of, histogram
from interloom.stages._export import row_groups
from interloom.stages.write_parquet import WriteParquet


def rows_of(folder: Path, files: Sequence[str]) -> tuple[bytes, tuple[str, int]]:
    return (folder / files[1]).read_bytes(), (files[0], (folder / files[0]).stat().st_size)


def page(id: str) -> Document:
    return Document(
        id=id,
        source=Source(url="https://a.example/x", path="a.warc.gz", offset=12, length=99, licence="CC BY"),
        elements=(
            Text(position=0, text="Once, grün 🐈."),
            Image(
                position=1,
                url="https://a.example/1.jpg",
                format="jpeg",
                width=8,
                height=6,
                data=b"\xff" * 50,
                scores={"clip": 0.25},
            ),
            Text(position=2, text="A caption", role="caption", origin="caption", of=1),
            Clip(position=4, format="mp4", start_s=1.5, end_s=3.0, data=b"moving"),
            Image(position=5, url="https://a.example/lost.gif", phash="0f" * 8),
            Text(position=6, text="The end.", page=3, bbox=(0.0, 1.0, 2.0, 3.5), path="html/body/p[2]", offset=16),
        ),
        scores={"quality": 0.1 + 0.2},
        labels={"language": "de"},
    )


def page_with_shift(by: int) -> list[Element]:
    """The first two elements of a page at later positions."""
    return [replace(e, position=e.position + by) for e in page("c").elements[:2]]


def written(folder: Path, docs: Sequence[Document], **parameters: Any) -> Path:
    info = WriteParquet(**parameters).write(0, docs, folder)
    return folder / info.files[0]


def test_pyarrow_reads_back_every_document_in_order(tmp_path: Path) -> None:
    docs = [page("b"), page("a#1"), Document(id="c"), Document(id="d", body=b"<html>")]
    assert from_media_table(pq.read_table(written(tmp_path, docs))) == docs


def test_the_columns_are_those_of_the_schema_and_the_parallel_lists(tmp_path: Path) -> None:
    schema = pq.read_schema(written(tmp_path, [page("a")]))
    assert schema.equals(MEDIA_SCHEMA)
    assert schema.metadata == MEDIA_SCHEMA.metadata
    assert schema.names == ["id", "texts", "images", "clips", "source", "labels", "scores", "body", "elements"]


def test_texts_images_and_clips_are_parallel_with_null_at_gaps(tmp_path: Path) -> None:
    [row] = pq.read_table(written(tmp_path, [page("a")])).to_pylist()
    assert row["texts"] == ["Once, grün 🐈.", None, "A caption", None, None, "The end."]
    assert row["images"] == [None, {"bytes": b"\xff" * 50, "path": "1.jpg"}, None, None, None, None]
    assert row["clips"] == [None, None, None, {"bytes": b"moving", "path": "4.mp4"}, None, None]
    assert [element["position"] for element in row["elements"]] == [0, 1, 2, 4, 5, 6]


@pytest.mark.parametrize(("layout", "rows"), [("interleaved", 2), ("pairs", 3), ("text", 2)])
def test_the_index_of_samples_has_the_row_groups_and_the_buckets_of_each_row(layout: Any, rows: int, tmp_path: Path) -> None:
    first, second = page("a"), page("b").with_elements(e for e in page("b").elements if not isinstance(e, Image))
    more = replace(page("c"), elements=tuple(e for n in (0, 10) for e in page_with_shift(n)))
    docs = {"interleaved": [first, second], "pairs": [first, second, more], "text": [first, second]}[layout]
    info = WriteParquet(layout=layout).write(0, docs, tmp_path)
    index = unpack_rows(*rows_of(tmp_path, info.files))
    ids = pq.read_table(tmp_path / info.files[0])["id"].to_pylist()
    assert (index.groups, info.extra["samples"]) == ([rows], rows)
    assert index.document.tolist() == [bucket_of(id_) for id_ in ids]
    assert info.extra["buckets"][1] == histogram([(0, bucket_of(id_)) for id_ in ids])[1]


def test_the_elements_hold_no_text_and_no_references(tmp_path: Path) -> None:
    fields = pq.read_schema(written(tmp_path, [page("a")])).field("elements").type.value_type
    assert not {"text", "blob_path", "data"} & {field.name for field in fields}


def test_images_for_which_a_row_has_no_room_are_left_out_and_accounted_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_table, "MOST_IMAGE_BYTES", 100)
    images = tuple(Image(position=n, data=bytes(size)) for n, size in enumerate((60, 60, 40)))
    doc = Document(id="a", elements=images)
    info = WriteParquet().write(0, [doc], tmp_path)
    [row] = pq.read_table(tmp_path / info.files[0]).to_pylist()
    assert [cell and len(cell["bytes"]) for cell in row["images"]] == [60, None, 40]
    assert (list(WriteParquet().omits(doc)), info.images) == ([1], 2)


def test_references_into_the_run_are_left_out(tmp_path: Path) -> None:
    image = Image(position=0, data=b"x", blob=Blob("parts/1.blob", 0, 1))
    table = pq.read_table(written(tmp_path, [Document(id="a", elements=(image,))]))
    assert from_media_table(table) == [Document(id="a", elements=(replace(image, blob=None),))]


@pytest.mark.parametrize("layout", ["interleaved", "pairs", "text"])
def test_the_same_documents_give_the_same_bytes(layout: str, tmp_path: Path) -> None:
    docs = [page(f"{n:032x}") for n in range(50)]
    one, two = (written(tmp_path / name, docs, layout=layout).read_bytes() for name in "12")
    assert hashlib.sha256(one).hexdigest() == hashlib.sha256(two).hexdigest()


@pytest.mark.parametrize("layout", ["interleaved", "pairs", "text"])
def test_a_shard_without_documents_has_no_rows(layout: str, tmp_path: Path) -> None:
    info = WriteParquet(layout=layout).write(7, [], tmp_path)  # type: ignore[arg-type]
    assert (info.files, info.documents, info.images) == (
        ("data/shard-000007.parquet", ".index/data/shard-000007.parquet.rows"),
        0,
        0,
    )
    assert pq.read_table(tmp_path / info.files[0]).num_rows == 0


def test_row_groups_stay_small_and_documents_are_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_groups, "ROW_GROUP_BYTES", 100_000)
    taken = 0

    def docs() -> Iterator[Document]:
        nonlocal taken
        for n in range(20):
            taken += 1
            yield Document(id=str(n), elements=(Image(position=0, data=bytes([n]) * 40_000),))

    info = WriteParquet().write(0, docs(), tmp_path)
    file = pq.ParquetFile(tmp_path / info.files[0])
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [2] * 10
    assert taken == 20
    assert [doc.images[0].data for doc in from_media_table(file.read())] == [bytes([n]) * 40_000 for n in range(20)]
    file.close()


def test_a_document_larger_than_a_row_group_is_a_group_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_groups, "ROW_GROUP_BYTES", 1)
    path = written(tmp_path, [page("a"), page("b")])
    assert pq.read_metadata(path).num_row_groups == 2


def test_pairs_are_one_row_per_image_with_its_text(tmp_path: Path) -> None:
    info = WriteParquet(layout="pairs").write(0, [page("a"), Document(id="b")], tmp_path)
    (row,) = pq.read_table(tmp_path / info.files[0]).to_pylist()
    assert (row["id"], row["position"], row["image"]) == ("a", 1, {"bytes": b"\xff" * 50, "path": "1.jpg"})
    assert (row["caption"], row["caption_from"], row["licence"]) == ("A caption", "caption", "CC BY")
    assert (row["scores"], row["document_scores"]) == (
        [{"name": "clip", "value": 0.25}],
        [{"name": "quality", "value": 0.1 + 0.2}],
    )
    assert (info.documents, info.images, info.extra["samples"]) == (2, 1, 1)


def test_pairs_name_the_evidence_of_opt_outs_and_the_record_of_the_page(tmp_path: Path) -> None:
    picture = Image(position=0, data=b"ink", alt="a boat", opt_out="header X-Robots-Tag: noimageai")
    source = Source(url="https://ex.com/p", path="c.warc.gz", offset=123, length=456, opt_out="robots meta: noai")
    info = WriteParquet(layout="pairs").write(0, [Document(id="a", source=source, elements=(picture,))], tmp_path)
    [row] = pq.read_table(tmp_path / info.files[0]).to_pylist()
    assert (row["opt_out"], row["source"]) == ("header X-Robots-Tag: noimageai", asdict(source))


def test_the_text_layout_holds_the_running_text(tmp_path: Path) -> None:
    info = WriteParquet(layout="text").write(0, [page("a")], tmp_path)
    table = pq.read_table(tmp_path / info.files[0])
    assert table.column_names == ["id", "source", "labels", "scores", "text"]
    assert table["text"].to_pylist() == ["Once, grün 🐈.\n\nThe end."]
    assert (info.documents, info.images) == (1, 0)


def test_the_counts_are_of_documents_and_images_written(tmp_path: Path) -> None:
    info = WriteParquet().write(3, iter([page("a"), page("b")]), tmp_path)
    assert (info.files, info.documents, info.images) == (
        ("data/shard-000003.parquet", ".index/data/shard-000003.parquet.rows"),
        2,
        2,
    )


def test_bad_parameters_are_found_by_check() -> None:
    problems = list(WriteParquet(shard_size_bytes=-1, to="ftp://x/y").check())
    assert len(problems) == 2
    assert "shard_size_bytes" in problems[0] and "ftp://x/y" in problems[1]
    assert list(WriteParquet().check()) == []


words = st.text(max_size=12)
scores = st.dictionaries(words, st.floats(allow_nan=False), max_size=3)
media = {"url": words, "alt": words, "format": words, "scores": scores, "data": st.none() | st.binary(max_size=300)}
element = st.one_of(
    st.builds(Text, position=st.just(0), text=words, role=words, of=st.none() | st.integers(0, 99), scores=scores),
    st.builds(Image, position=st.just(0), phash=words, **media),
    st.builds(Clip, position=st.just(0), start_s=st.none() | st.floats(allow_nan=False), **media),
)
document = st.builds(
    Document,
    id=words,
    elements=st.dictionaries(st.integers(0, 10**9), element, max_size=6).map(
        lambda by_position: tuple(replace(e, position=position) for position, e in by_position.items())
    ),
    scores=scores,
    labels=st.dictionaries(words, words, max_size=3),
    body=st.none() | st.binary(max_size=300),
)


@settings(max_examples=60)
@given(docs=st.lists(document, max_size=4))
def test_every_field_of_any_document_round_trips(docs: list[Document], tmp_path_factory: pytest.TempPathFactory) -> None:
    table = pq.read_table(written(tmp_path_factory.mktemp("shards"), docs))
    assert from_media_table(table) == docs
    assert isinstance(table, pa.Table)
