"""What a unit stores and reads back: parts, sketches, blobs, verdicts."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from interloom.pipeline.errors import UnitError
from interloom.pipeline.store import part_writer
from interloom.pipeline.store.media import with_media
from interloom.pipeline.store.part_writer import PartWriter
from interloom.pipeline.store.parts import UnitFolder
from interloom.pipeline.store.tables import read_table
from interloom.schemas.document import Blob, Document, Image, Text
from interloom.schemas.table import from_table

Article = Callable[..., Document]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[UnitFolder]:
    with closing(UnitFolder(str(tmp_path / "run"), "work/read-f/u")) as folder:
        yield folder


def stored(folder: UnitFolder, docs: list[Document]) -> list[list[Document]]:
    """The documents by part, as they read back."""
    writer = PartWriter(folder, {})
    writer.add(docs)
    writer.close()
    return [from_table(read_table(f"{folder.run}/{one.path}")) for one in folder.stored if one.kind == "documents"]


def picture(position: int, data: bytes, **more: Any) -> Image:
    return Image(position=position, data=data, **more)


def test_documents_come_back_in_order_in_parts_of_a_thousand(folder: UnitFolder, article: Article) -> None:
    docs = [article(str(n), "text") for n in range(2100)]
    made = stored(folder, docs)
    assert [len(part) for part in made] == [1000, 1000, 100]
    assert [doc for part in made for doc in part] == docs


def test_a_part_ends_when_its_texts_are_large(folder: UnitFolder, article: Article) -> None:
    docs = [article(str(n), "x" * (part_writer.PART_BYTES // 2)) for n in range(3)]
    assert [len(part) for part in stored(folder, docs)] == [2, 1]


def test_a_part_names_each_document_once(folder: UnitFolder, article: Article) -> None:
    docs = [article("a", "1"), article("b", "2"), article("a", "3")]
    assert stored(folder, docs) == [docs[:2], docs[2:]]


def test_no_documents_make_no_files(folder: UnitFolder) -> None:
    assert (stored(folder, []), folder.stored) == ([], [])


def test_what_is_stored_has_its_checksum_and_size(folder: UnitFolder, article: Article) -> None:
    stored(folder, [article("a", "text")])
    [one] = folder.stored
    data = Path(folder.run, one.path).read_bytes()
    assert (one.sha256, one.size_bytes, one.rows) == (hashlib.sha256(data).hexdigest(), len(data), 1)


def test_a_table_is_noted_with_what_it_takes_in_memory(folder: UnitFolder) -> None:
    folder.store_table("rows", "rows.parquet", pa.table({"signature": ["the same" * 100] * 10_000}))
    [file] = folder.stored
    assert file.size_bytes < 10_000
    assert 8_000_000 < file.memory_bytes < 8_100_000


def test_the_same_documents_make_the_same_bytes(folder: UnitFolder, article: Article, tmp_path: Path) -> None:
    docs = [article(str(n), "text", "https://x/1.png") for n in range(20)]
    stored(folder, docs)
    with closing(UnitFolder(str(tmp_path / "other"), folder.name)) as other:
        stored(other, docs)
    assert folder.stored == other.stored


def test_a_file_is_named_after_its_content(folder: UnitFolder, article: Article) -> None:
    stored(folder, [article("a", "text"), Document(id="b", elements=(picture(0, b"ink"),))])
    assert {file.path for file in folder.stored} == {
        f"work/read-f/u/blob-0000-{folder.stored[0].sha256[:16]}",
        f"work/read-f/u/documents-0000-{folder.stored[1].sha256[:16]}.parquet",
    }


def test_media_of_an_earlier_part_of_the_unit_are_not_stored_again(folder: UnitFolder) -> None:
    docs = [
        Document(id="a", elements=(picture(0, b"same"),)),
        Document(id="a", elements=(picture(0, b"same"), picture(1, b"new"))),
    ]
    [first], [second] = stored(folder, docs)
    assert first.images[0].blob == second.images[0].blob
    assert [file.rows for file in folder.stored if file.kind == "blob"] == [1, 1]
    assert [image.data for image in with_media(folder.run, [second])[0].images] == [b"same", b"new"]


def test_nothing_is_left_on_the_users_disk(folder: UnitFolder) -> None:
    stored(folder, [Document(id="a", elements=(picture(0, b"ink"),))])
    assert list(folder.local.iterdir()) == []
    folder.close()
    assert not folder.local.exists()


def test_a_unit_that_stores_nothing_needs_no_room_on_the_users_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    with closing(UnitFolder(str(tmp_path / "run"), "work/read-f/u")) as folder:
        assert stored(folder, []) == []


def test_media_bytes_are_stored_once_for_each_content(folder: UnitFolder) -> None:
    docs = [Document(id=str(n), elements=(picture(0, b"same"), picture(1, b"own %d" % n))) for n in range(2)]
    [[first, second]] = stored(folder, docs)
    [blob] = [one for one in folder.stored if one.kind == "blob"]
    assert Path(folder.run, blob.path).read_bytes() == b"sameown 0own 1"
    assert first.images[0].blob == second.images[0].blob == Blob(blob.path, 0, 4, zlib.crc32(b"same"))
    assert second.images[1].sha256 == hashlib.sha256(b"own 1").hexdigest()


def test_media_bytes_come_back(folder: UnitFolder) -> None:
    docs = [Document(id="a", elements=(picture(0, b"ink"), Text(position=1, text="t"), picture(2, b"more ink")))]
    [read] = stored(folder, docs)
    [doc] = with_media(folder.run, read)
    assert [image.data for image in doc.images] == [b"ink", b"more ink"]


def test_media_stored_before_are_not_stored_again(folder: UnitFolder) -> None:
    old = Blob("work/other/u/blob", 7, 3)
    [[doc]] = stored(folder, [Document(id="a", elements=(Image(position=0, data=b"ink", blob=old),))])
    assert (doc.images[0].blob, [one.kind for one in folder.stored]) == (old, ["documents"])


def test_a_cut_blob_is_an_error_of_the_unit(folder: UnitFolder) -> None:
    [read] = stored(folder, [Document(id="a", elements=(picture(0, b"ink"),))])
    [blob] = [file for file in folder.stored if file.kind == "blob"]
    Path(folder.run, blob.path).write_bytes(b"i")
    with pytest.raises(UnitError, match="wanted 3 bytes at 0, got 1"):
        with_media(folder.run, read)


def test_sketches_are_stored_beside_each_part(folder: UnitFolder, article: Article) -> None:
    writer = PartWriter(folder, {"dedup": lambda docs: pa.table({"id": [doc.id for doc in docs]})})
    writer.add([article("a", "1"), article("b", "2"), article("a", "3")])
    writer.close()
    sketches = [one for one in folder.stored if one.kind == "sketch:dedup"]
    assert [read_table(f"{folder.run}/{one.path}")["id"].to_pylist() for one in sketches] == [["a", "b"], ["a"]]


def test_media_that_claim_the_same_hash_for_other_bytes_are_stored_apart(folder: UnitFolder) -> None:
    docs = [Document(id=str(n), elements=(picture(0, data, sha256="claimed"),)) for n, data in enumerate((b"ink", b"dye"))]
    [read] = stored(folder, docs)
    assert [doc.images[0].data for doc in with_media(folder.run, read)] == [b"ink", b"dye"]


def test_a_flipped_bit_in_a_blob_is_an_error_of_the_unit(folder: UnitFolder) -> None:
    [read] = stored(folder, [Document(id="a", elements=(picture(0, b"ink"),))])
    [blob] = [file for file in folder.stored if file.kind == "blob"]
    Path(folder.run, blob.path).write_bytes(b"inj")
    with pytest.raises(UnitError, match=r"blob-.* is damaged \(checksum of 3 bytes at 0\)"):
        with_media(folder.run, read)
