"""Folders of pictures with captions in files beside them and in tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interloom.pipeline.store import storage
from interloom.schemas.document import Blob, Image, Text
from interloom.schemas.outcome import Drop, Dropped, Quarantined
from interloom.stages.read_images import ReadImages

PNG = b"\x89PNG\r\n\x1a\nink"
JPEG = b"\xff\xd8\xff ink"


def outcomes(path: Path | str | list[str], **parameters: Any) -> list[Any]:
    source = ReadImages(paths=path if isinstance(path, list) else str(path), **parameters)
    return [outcome for split in source.splits() for outcome in source.read(split)]


def picture(folder: Path, name: str = "a.png", data: bytes = PNG, **beside: str) -> Path:
    """A picture, and files beside it by their endings."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    for ending, text in beside.items():
        file.with_suffix(f".{ending}").write_text(text)
    return file


def test_a_picture_is_a_reference_to_its_file_and_has_its_caption(tmp_path: Path) -> None:
    file = picture(tmp_path, "boats/a.jpg", JPEG, txt="A boat.\n")
    [doc] = outcomes(tmp_path)
    image = Image(position=0, format="jpeg", blob=Blob(str(file), 0, len(JPEG)))
    assert doc.elements == (image, Text(position=1, text="A boat.\n", role="caption", of=0))
    assert (doc.source.path, doc.labels) == (str(file), {"folder": "boats", "source_id": "boats/a.jpg"})


@pytest.mark.parametrize("beside", [{"caption": "A boat."}, {"json": '{"caption": "A boat."}'}, {"json": '{"text": "A boat."}'}])
def test_the_caption_may_lie_in_files_of_other_endings(tmp_path: Path, beside: dict[str, str]) -> None:
    picture(tmp_path, **beside)
    assert [text.text for doc in outcomes(tmp_path) for text in doc.texts] == ["A boat."]


@pytest.mark.parametrize("name", ["A.TXT", "A.JSON", "A.CAPTION"])
def test_endings_may_be_written_in_capitals(tmp_path: Path, name: str) -> None:
    (tmp_path / "A.PNG").write_bytes(PNG)
    (tmp_path / name).write_text('{"caption": "One."}' if name == "A.JSON" else "One.")
    [doc] = outcomes(tmp_path)
    assert doc.text == "One."


def test_facts_beside_a_picture_are_kept(tmp_path: Path) -> None:
    about = {"url": "http://a.org/1.png", "width": 4, "height": 3, "key": "17", "topic": "sea", "similarity": 0.3}
    picture(tmp_path, json=json.dumps(about))
    [doc] = outcomes(tmp_path)
    assert (doc.images[0].url, doc.images[0].width, doc.images[0].height) == ("http://a.org/1.png", 4, 3)
    assert (doc.labels, doc.scores) == ({"source_id": "17", "topic": "sea"}, {"similarity": 0.3})


ROWS = [{"file_name": "a.png", "text": "A boat.", "likes": 3}, {"file_name": "more/b.png", "text": "A pier.", "likes": 4}]


def table(folder: Path, name: str) -> Path:
    """The rows in a table of this name."""
    file = folder / name
    if name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(ROWS), file)
    elif name.endswith(".jsonl"):
        file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        mark = "\t" if name.endswith(".tsv") else ","
        file.write_text("".join(mark.join(map(str, row)) + "\n" for row in (ROWS[0], *(row.values() for row in ROWS))))
    return file


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.tsv", "metadata.jsonl", "metadata.parquet"])
def test_captions_and_facts_may_lie_in_a_table_above(tmp_path: Path, name: str) -> None:
    picture(tmp_path, "a.png")
    picture(tmp_path, "more/b.png")
    picture(tmp_path, "more/c.png")
    table(tmp_path, name)
    docs = outcomes(tmp_path)
    assert [[text.text for text in doc.texts] for doc in docs] == [["A boat."], ["A pier."], []]
    assert [doc.scores for doc in docs] == [{"likes": 3.0}, {"likes": 4.0}, {}]


def test_the_table_may_lie_elsewhere_and_have_other_names(tmp_path: Path) -> None:
    picture(tmp_path, "in/a.png")
    (tmp_path / "captions.csv").write_text("file_name,words,rank\nin/a.png,A boat.,7\n")
    [doc] = outcomes(tmp_path / "in", table=str(tmp_path / "captions.csv"), caption="words", keep=[])
    assert ([text.text for text in doc.texts], doc.scores) == (["A boat."], {})


def test_what_lies_beside_a_picture_goes_before_the_table(tmp_path: Path) -> None:
    picture(tmp_path, txt="Beside.")
    table(tmp_path, "metadata.csv")
    doc, _ = outcomes(tmp_path)
    assert ([text.text for text in doc.texts], doc.scores) == (["Beside."], {"likes": 3.0})


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("metadata.csv", "file,text\na.png,A boat.\n", "broken table metadata.csv: no column 'file_name'; there is file, text"),
        ("metadata.csv", "file_name,text\na.png\n", "broken table metadata.csv: 1 fields, but the header has 2"),
        ("metadata.jsonl", "{\n", "broken table metadata.jsonl: broken JSON: Expecting property name enclosed in double quotes"),
        ("metadata.parquet", "PAR1", "broken table metadata.parquet: ArrowInvalid"),
        ("a.json", "{", "broken JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1) (a.png)"),
        ("a.json", "[1]", "the JSON is not an object (a.png)"),
    ],
)
def test_a_broken_table_or_file_beside_a_picture_is_told(tmp_path: Path, name: str, content: str, error: str) -> None:
    picture(tmp_path)
    (tmp_path / name).write_text(content)
    [wrong] = outcomes(tmp_path)
    assert isinstance(wrong, Quarantined) and wrong.error.startswith(error)


@pytest.mark.parametrize(("data", "error"), [(b"", "empty (a.png)"), (b"<html>", "not an image (a.png)")])
def test_a_file_that_is_no_image_is_quarantined(tmp_path: Path, data: bytes, error: str) -> None:
    picture(tmp_path, data=data)
    assert [outcome.error for outcome in outcomes(tmp_path)] == [error]


def test_the_format_is_what_the_bytes_say(tmp_path: Path) -> None:
    picture(tmp_path, "a.png", JPEG)
    assert [doc.images[0].format for doc in outcomes(tmp_path)] == ["jpeg"]


def test_splits_cover_each_picture_once(tmp_path: Path) -> None:
    for n in range(300):
        picture(tmp_path, f"{n % 3}/{n}.png")
    assert len(ReadImages(paths=str(tmp_path)).splits()) == 2
    assert len({doc.id for doc in outcomes(tmp_path)}) == 300


def test_a_changed_caption_makes_its_split_another_input(tmp_path: Path) -> None:
    picture(tmp_path, txt="A boat.")
    [before] = ReadImages(paths=str(tmp_path)).splits()
    [same] = ReadImages(paths=str(tmp_path)).splits()
    (tmp_path / "a.txt").write_text("A ship at sea.")
    (tmp_path / "a.caption").touch()
    [after] = ReadImages(paths=str(tmp_path)).splits()
    assert before == same != after


def test_ids_do_not_depend_on_where_the_folder_lies(tmp_path: Path) -> None:
    [first], [second] = ([doc.id for doc in outcomes(picture(tmp_path / name / "x").parent)] for name in ("one", "two"))
    assert first == second


@pytest.mark.parametrize(
    ("table_", "problem"),
    [("t.csv", "table: t.csv does not exist"), ("t.xls", "table: t.xls: a table ends in .csv, .tsv, .jsonl, .parquet")],
)
def test_a_table_that_cannot_be_read_is_told_before_the_run(tmp_path: Path, table_: str, problem: str) -> None:
    assert list(ReadImages(paths=str(picture(tmp_path)), table=table_).check()) == [problem]


def test_pictures_in_object_storage_are_references(s3: str) -> None:
    for name, content in {"a.png": PNG, "a.txt": b"A boat.", "more/b.png": PNG}.items():
        storage.write(f"{s3}/in/{name}", content)
    storage.write(f"{s3}/in/metadata.csv", b"file_name,text\nmore/b.png,A pier.\n")
    docs = [doc for split in ReadImages(paths=f"{s3}/in").splits() for doc in ReadImages(paths=f"{s3}/in").read(split)]
    assert [doc.images[0].blob for doc in docs] == [Blob(f"{s3}/in/{name}", 0, len(PNG)) for name in ("a.png", "more/b.png")]
    assert [text.text for doc in docs for text in doc.texts] == ["A boat.", "A pier."]


def test_an_empty_caption_gives_way_to_the_text_and_what_is_not_used_is_a_label(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(PNG)
    (tmp_path / "metadata.csv").write_text("file_name,caption,text\na.png,,A pier.\nb.png,A boat.,Harbour 7\n")
    first, second = outcomes(tmp_path)
    assert [doc.texts[0].text for doc in (first, second)] == ["A pier.", "A boat."]
    assert second.labels["text"] == "Harbour 7"


def test_a_list_beside_a_picture_or_in_its_row_is_a_text_for_each_caption(tmp_path: Path) -> None:
    picture(tmp_path, "a.png", json='{"caption": ["A boat.", " ", "A mast."], "likes": 3}')
    picture(tmp_path, "b.png")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "b.png", "text": ["A pier.", "A pier.", "Dusk."]}')
    captions = {doc.labels["source_id"]: [(text.text, text.of) for text in doc.texts] for doc in outcomes(tmp_path)}
    assert captions == {"a.png": [("A boat.", 0), ("A mast.", 0)], "b.png": [("A pier.", 0), ("Dusk.", 0)]}


def test_a_list_that_holds_no_texts_is_no_caption(tmp_path: Path) -> None:
    picture(tmp_path, "a.png", json='{"caption": ["A boat.", 3], "text": "A mast."}')
    assert [text.text for doc in outcomes(tmp_path) for text in doc.texts] == ["A mast."]


def test_a_picture_with_several_rows_has_a_text_for_each_caption(tmp_path: Path) -> None:
    picture(tmp_path, "a.png")
    rows = ["a.png,7,dogs,A boat.", "b.png,7,dogs,A gull.", "a.png,8,dogs,A pier.", "a.png,9,dogs,A boat."]
    (tmp_path / "metadata.csv").write_text("\n".join(["file_name,number,class,caption", *rows, ""]))
    doc, _ = outcomes(tmp_path)
    assert [(text.text, text.position, text.of) for text in doc.texts] == [("A boat.", 1, 0), ("A pier.", 2, 0)]
    assert (doc.labels["number"], doc.labels["class"]) == ("[7, 8, 9]", "dogs")


def test_captions_of_a_table_do_not_join_the_one_beside_the_picture(tmp_path: Path) -> None:
    picture(tmp_path, "a.png", txt="Beside.")
    (tmp_path / "metadata.csv").write_text("file_name,caption\na.png,A boat.\na.png,A pier.\n")
    [doc] = outcomes(tmp_path)
    assert [text.text for text in doc.texts] == ["Beside."]


def test_each_row_without_a_picture_is_dropped_once(tmp_path: Path) -> None:
    for name in ("a.png", *(f"more/{n}.png" for n in range(256)), "other/c.png"):
        picture(tmp_path, name)
    (tmp_path / "metadata.csv").write_text("file_name,text\na.png,A boat.\ngone.png,A pier.\ngone.png,The sea.\n,Nothing.\n")
    (tmp_path / "more" / "metadata.jsonl").write_text('{"file_name": "d.png"}\n{"file_name": "7.png"}\n')
    dropped = [outcome for outcome in outcomes(tmp_path) if isinstance(outcome, Dropped)]
    assert {outcome.drop for outcome in dropped} == {Drop("no_picture")}
    names = ("gone.png", "gone.png", "metadata.csv", "more/d.png")
    assert sorted(outcome.url for outcome in dropped) == [f"{tmp_path}/{name}" for name in names]
    assert len({outcome.id for outcome in dropped}) == len(names)


def test_the_column_of_a_table_may_be_called_filename(tmp_path: Path) -> None:
    picture(tmp_path, "a.png")
    (tmp_path / "metadata.csv").write_text("filename,text\na.png,A boat.\n")
    [doc] = outcomes(tmp_path)
    assert ([text.text for text in doc.texts], doc.labels) == (["A boat."], {"source_id": "a.png"})


@pytest.mark.parametrize("of_the_store", [False, True])
def test_each_caption_without_a_picture_is_dropped_once(tmp_path: Path, s3: str, of_the_store: bool) -> None:
    for n in range(257):
        picture(tmp_path, f"{n:03}.png", txt="A boat.")
    for name in ("gone.txt", "more/gone.json", "more/LICENSE.txt", "007.jpg.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('{"caption": "A pier."}')
    folder = f"{s3}/alone" if of_the_store else str(tmp_path)
    for file in tmp_path.rglob("*.*") if of_the_store else ():
        storage.write(f"{folder}/{file.relative_to(tmp_path).as_posix()}", file.read_bytes())
    dropped = [outcome for outcome in outcomes(folder) if isinstance(outcome, Dropped)]
    names = ("007.jpg.txt", "gone.txt", "more/LICENSE.txt", "more/gone.json")
    assert sorted((outcome.drop.reason, outcome.url) for outcome in dropped) == [
        ("no_picture", f"{folder}/{name}") for name in names
    ]
    assert len({outcome.id for outcome in dropped}) == len(names)


def test_a_caption_that_loses_its_picture_changes_the_first_split(tmp_path: Path) -> None:
    for n in range(257):
        picture(tmp_path, f"{n:03}.png", txt="A boat.")
    before = [split.identity for split in ReadImages(paths=str(tmp_path)).splits()]
    (tmp_path / "new.txt").write_text("A pier.")
    after = [split.identity for split in ReadImages(paths=str(tmp_path)).splits()]
    assert (before[0] == after[0], before[1] == after[1]) == (False, True)
