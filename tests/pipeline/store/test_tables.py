"""Stored tables: what is read is what was written, or an error that names the file; rows of side tables by document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interloom.pipeline.errors import UnitError
from interloom.pipeline.store.parts import SideFile, TableRef, UnitFolder
from interloom.pipeline.store.tables import SideRows, read_stored
from interloom.schemas.document import Document


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[UnitFolder]:
    with closing(UnitFolder(str(tmp_path / "run"), "work/read-f/u")) as folder:
        yield folder


def stored_table(folder: UnitFolder) -> tuple[Path, TableRef]:
    """A stored table, and a reference to it."""
    rows = pa.table({"id": [f"document {n}" for n in range(400)], "n": range(400)})
    folder.store_table("side:x", "x.parquet", rows)
    return Path(folder.run, folder.stored[0].path), TableRef.of(folder.stored)[0]


def test_a_flipped_bit_is_an_error_that_names_the_file(folder: UnitFolder) -> None:
    path, ref = stored_table(folder)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        with pytest.raises(UnitError, match=r"/work/read-f/u/x-.*\.parquet is damaged \(its sha256 is not"):
            read_stored(folder.run, ref)


def test_a_flipped_bit_in_the_footer_is_found_when_one_column_is_read(folder: UnitFolder) -> None:
    path, ref = stored_table(folder)
    whole = path.read_bytes()
    for place in range(len(whole) - pq.read_metadata(path).serialized_size - 8, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        with pytest.raises(UnitError, match="its footer is not that of its commit"):
            read_stored(folder.run, ref, ["n"])


def test_a_flipped_bit_in_a_page_is_found_when_its_column_is_read(folder: UnitFolder) -> None:
    path, ref = stored_table(folder)
    whole = path.read_bytes()
    column = pq.read_metadata(pa.BufferReader(whole)).row_group(0).column(1)
    place = column.dictionary_page_offset + column.total_compressed_size - 3
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
    assert read_stored(folder.run, ref, ["id"]).num_rows == 400
    with pytest.raises(UnitError, match="CRC"):
        read_stored(folder.run, ref, ["n"])


@pytest.mark.parametrize("columns", [None, ["n"]])
def test_a_cut_table_is_an_error_that_names_the_file(folder: UnitFolder, columns: list[str] | None) -> None:
    path, ref = stored_table(folder)
    whole = path.read_bytes()
    for size in (0, 3, 8, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(UnitError, match=r"x-.*\.parquet is damaged"):
            read_stored(folder.run, ref, columns)


def test_a_footer_that_is_longer_than_the_usual_is_checked_as_well(folder: UnitFolder) -> None:
    wide = pa.table({f"a column with quite a long name, the {n}th": [n] for n in range(1500)})
    folder.store_table("side:x", "x.parquet", wide)
    [file] = folder.stored
    assert pq.read_metadata(Path(folder.run, file.path)).serialized_size > 64 << 10
    assert read_stored(folder.run, file, wide.column_names).equals(wide)


def side_rows(folder: UnitFolder, ids: list[str], *tables: pa.Table) -> SideRows:
    for number, table in enumerate(tables):
        folder.store_table("side:words", f"words-{number}.parquet", table)
    files = [SideFile("words", file.path, file.sha256, file.footer) for file in folder.stored]
    return SideRows(folder.run, files, frozenset(ids))


def words(rows: SideRows, *ids: str) -> list[list[str]]:
    return [table["word"].to_pylist() for table in rows.about("words", [Document(id=id_) for id_ in ids])]


def test_the_rows_of_a_side_table_are_those_about_the_documents_asked_for(folder: UnitFolder) -> None:
    table = pa.table({"id": ["a", "b", "a", "c"], "word": ["so", "be", "it", "now"]})
    rows = side_rows(folder, ["a", "b", "c"], table, pa.table({"id": ["b"], "word": ["amen"]}))
    assert (words(rows, "a"), words(rows, "b"), words(rows, "d")) == ([["so", "it"]], [["be"], ["amen"]], [])


def test_rows_about_a_document_are_also_about_its_children(folder: UnitFolder) -> None:
    table = pa.table({"id": ["a", "a#0", "a#1", "ab"], "word": ["whole", "first", "second", "other"]})
    assert words(side_rows(folder, ["a#1#0"], table), "a#1#0") == [["whole", "second"]]
