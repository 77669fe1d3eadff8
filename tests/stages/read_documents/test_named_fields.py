"""Rows whose fields the recipe names, in all files that rows may lie in."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interloom.pipeline.contents import labels, scores
from interloom.schemas.document import Blob, Document, Image, Text
from interloom.schemas.outcome import Drop, Dropped
from interloom.stages.read_documents import ReadDocuments

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
ROW: dict[str, Any] = {
    "doc_id": 7,
    "content": "Words.",
    "link": "http://a.org",
    "when": "2024",
    "lang": "de",
    "topic": "sea",
    "q": 0.5,
}
FIELDS = {"text": "content", "id": "doc_id", "url": "link", "date": "when", "language": "lang"}


def outcomes(path: Path | str, **parameters: Any) -> list[Any]:
    source = ReadDocuments(paths=str(path), **parameters)
    return [outcome for split in source.splits() for outcome in source.read(split)]


def write(folder: Path, ending: str, *rows: dict[str, Any]) -> Path:
    """The rows in a file of this kind."""
    file = folder / f"in{ending}"
    if ending == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), file)
    elif ending == ".json":
        file.write_text(json.dumps(list(rows), indent=1))
    elif ending == ".jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        mark = "\t" if ending == ".tsv" else ","
        file.write_text("".join(mark.join(map(str, row)) + "\n" for row in (rows[0], *(row.values() for row in rows))))
    return file


@pytest.mark.parametrize("ending", [".jsonl", ".json", ".parquet", ".csv", ".tsv"])
def test_fields_are_found_by_the_names_of_the_recipe(tmp_path: Path, ending: str) -> None:
    [doc] = outcomes(write(tmp_path, ending, ROW), fields=FIELDS)
    assert (doc.text, doc.source.url, doc.source.date) == ("Words.", "http://a.org", "2024")
    assert doc.labels == {"source_id": "7", "language": "de", "topic": "sea"}
    assert doc.scores == {"q": 0.5}


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_a_dot_leads_into_a_struct(tmp_path: Path, ending: str) -> None:
    row = {"meta": {"body": "Words.", "url": "http://a.org", "rank": 3}}
    [doc] = outcomes(write(tmp_path, ending, row), fields={"text": "meta.body", "url": "meta.url"}, keep=["meta.rank"])
    assert (doc.text, doc.source.url, doc.scores) == ("Words.", "http://a.org", {"meta.rank": 3.0})


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_a_dot_leads_into_the_structs_of_a_list(tmp_path: Path, ending: str) -> None:
    row = {
        "image": "http://a.org/1.png",
        "turns": [{"by": "me", "said": "What do you see in it?"}, {"by": "you", "said": "A boat at dawn."}],
    }
    file = write(tmp_path, ending, row)
    [told] = ReadDocuments(paths=str(file)).check()
    assert "beside the images; the text may be in turns.said: `fields: {text: turns.said}`" in told
    [doc] = outcomes(file, fields={"text": "turns.said"})
    assert [text.text for text in doc.texts] == ["What do you see in it?", "A boat at dawn."]


def test_only_named_columns_are_kept_if_there_are_names(tmp_path: Path) -> None:
    [doc] = outcomes(write(tmp_path, ".jsonl", ROW), fields=FIELDS, keep=["topic"])
    assert (doc.labels, doc.scores) == ({"source_id": "7", "language": "de", "topic": "sea"}, {})


@pytest.mark.parametrize(
    ("value", "label"),
    [(True, "true"), ("x" * 1001, None), ("", None), (None, None), ([1], None), ({"a": 1}, None), (10**400, "1" + "0" * 400)],
)
def test_a_value_that_is_no_number_is_a_label_if_it_is_short(tmp_path: Path, value: Any, label: str | None) -> None:
    [doc] = outcomes(write(tmp_path, ".jsonl", {"text": "a", "more": value}))
    assert (doc.labels.get("more"), doc.scores) == (label, {})


def test_a_long_string_is_kept_if_it_is_asked_for(tmp_path: Path) -> None:
    [doc] = outcomes(write(tmp_path, ".jsonl", {"text": "a", "more": "x" * 1001}), keep=["more"])
    assert doc.labels["more"] == "x" * 1001


@pytest.mark.parametrize(
    ("cell", "kept"), [("0.25", 0.25), ("-3", -3.0), ("1e3", 1000.0), ("007", "007"), ("1.2.3", "1.2.3"), ("nan", "nan")]
)
def test_numbers_in_csv_are_scores(tmp_path: Path, cell: str, kept: object) -> None:
    [doc] = outcomes(write(tmp_path, ".csv", {"text": "a", "x": cell}))
    assert doc.scores.get("x", doc.labels.get("x")) == kept


def test_csv_with_quotes_semicolons_and_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes('\ufefftext;url\n"two\nlines; ""quoted""";http://a.org\n'.encode())
    [doc] = outcomes(tmp_path)
    assert (doc.text, doc.source.url) == ('two\nlines; "quoted"', "http://a.org")


def test_a_row_of_csv_with_too_few_fields_is_quarantined_alone(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text,url\none,u\ntwo\nthree,u\n")
    first, wrong, third = outcomes(tmp_path)
    assert (first.text, third.text, wrong.error) == ("one", "three", "1 fields, but the header has 2 (row 1, in.csv)")


def test_an_array_is_streamed_up_to_where_it_is_broken(tmp_path: Path) -> None:
    text = json.dumps([{"text": "one"}, 3, {"text": "two"}])
    (tmp_path / "in.json.gz").write_bytes(gzip.compress(text.encode()[:-9]))
    first, number, broken = outcomes(tmp_path)
    assert (first.text, number.error) == ("one", "not a JSON object (row 1, in.json.gz)")
    assert broken.error.startswith("broken JSON: IncompleteJSONError")


def test_an_array_is_one_split_however_large_it_is(tmp_path: Path) -> None:
    file = write(tmp_path, ".json", *({"text": str(n)} for n in range(50)))
    assert [doc.text for doc in outcomes(file, split_size_bytes=64)] == [str(n) for n in range(50)]


def test_an_object_of_an_array_that_is_too_large_ends_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, ".json", {"text": "x" * 400_000})
    [wrong] = outcomes(file, max_line_bytes=1000)
    assert wrong.error == "broken JSON: too large: an object of more than 1000 bytes (row 0, in.json)"


def test_objects_over_several_lines_are_read(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text("\n".join(json.dumps({"text": str(n)}, indent=2) for n in range(3)))
    assert [doc.text for doc in outcomes(tmp_path)] == ["0", "1", "2"]


def test_json_lines_may_be_called_json(tmp_path: Path) -> None:
    write(tmp_path, ".jsonl", {"text": "one"}, {"text": "two"}).rename(tmp_path / "in.json")
    assert [doc.text for doc in outcomes(tmp_path)] == ["one", "two"]


@pytest.mark.parametrize(
    "cell",
    [
        {"bytes": PNG, "path": "x.jpg"},
        {"bytes": PNG, "path": None},
        PNG,
        base64.b64encode(PNG).decode(),
        f"data:image/png;base64,{base64.b64encode(PNG).decode()}",
    ],
)
def test_bytes_of_an_image_may_lie_in_the_row(tmp_path: Path, cell: Any) -> None:
    [doc] = outcomes(write(tmp_path, ".parquet", {"image": cell, "caption": "A boat."}))
    assert doc.elements == (Image(position=0, data=PNG, format="png"), Text(position=1, text="A boat.", role="caption", of=0))


def test_a_path_beside_the_file_is_a_reference(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a b.jpg").write_bytes(b"ink")
    blob = Blob(str(tmp_path / "pictures" / "a b.jpg"), 0, 3)
    for name in ("pictures/a b.jpg", "./pictures/a%20b.jpg", str(tmp_path / "pictures" / "a b.jpg")):
        [doc] = outcomes(write(tmp_path, ".jsonl", {"picture": name}), fields={"image": "picture"})
        assert doc.elements == (Image(position=0, url=name, format="jpeg", blob=blob),)


@pytest.mark.parametrize("name", ["../ink.png", "deep/../../ink.png", "..%2Fink.png"])
@pytest.mark.parametrize("is_relative", [True, False])
def test_a_path_with_steps_up_that_stays_in_the_input_is_a_reference(
    tmp_path: Path, name: str, is_relative: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "ink.png").write_bytes(PNG)
    write(tmp_path / "tables", ".jsonl", {"image": name})
    monkeypatch.chdir(tmp_path)
    [doc] = outcomes("." if is_relative else tmp_path)
    assert doc.images[0].blob == Blob(str(tmp_path / "ink.png"), 0, len(PNG))


@pytest.fixture
def beside_a_secret(tmp_path: Path) -> Path:
    """A folder with a link out of it, beside a picture."""
    (tmp_path / "secret.png").write_bytes(PNG)
    (tmp_path / "in" / "a").mkdir(parents=True)
    (tmp_path / "in" / "link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "in" / "loop.png").symlink_to("loop.png")
    return tmp_path / "in"


LEADS_OUT = [
    *("../secret.png", "{folder}/secret.png", "file://{folder}/secret.png", "link.png", "{folder}/in/link.png"),
    *("a/../../secret.png", "{folder}/in/../secret.png", "..%2Fsecret.png"),
]
LEADS_NOWHERE = ["gone.png", "loop.png", "a/../gone.png", "../gone.png", "C:\\pictures\\gone.png", "boats: gone.png", "\0.png"]


@pytest.mark.parametrize(
    ("name", "reason"), [*((name, "outside_folder") for name in LEADS_OUT), *((name, "missing_file") for name in LEADS_NOWHERE)]
)
def test_a_path_that_leads_out_or_nowhere_is_no_image(beside_a_secret: Path, name: str, reason: str) -> None:
    name = name.format(folder=beside_a_secret.parent)
    dropped, doc = outcomes(write(beside_a_secret, ".jsonl", {"image": name, "text": "a", "caption": "b"}))
    assert dropped == Dropped(doc.id, Drop(reason), 1, name)
    assert doc.elements == (Text(position=0, text="a"),)


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_a_document_of_which_only_the_file_was_named_goes_with_it(tmp_path: Path, ending: str) -> None:
    [dropped] = outcomes(write(tmp_path, ending, {"image": "gone.png", "caption": "A boat."}), fields={"image": "image"})
    assert (dropped.drop, dropped.position, dropped.url) == (Drop("missing_file"), None, "gone.png")


@pytest.mark.parametrize("name", ["http://a.org/x.png", "s3://bucket/x.png", "//a.org/x.png"])
def test_what_has_a_scheme_or_a_host_is_a_url(beside_a_secret: Path, name: str) -> None:
    [doc] = outcomes(write(beside_a_secret, ".jsonl", {"image": name}))
    assert doc.elements == (Image(position=0, url=name),)


@pytest.mark.parametrize("name", ["1.png", "{folder}/pictures/1.png", "file://{folder}/pictures/1.png"])
def test_paths_may_lead_into_the_folder_that_the_recipe_names(tmp_path: Path, name: str) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "1.png").write_bytes(PNG)
    (tmp_path / "in").mkdir()
    file = write(tmp_path / "in", ".jsonl", {"image": name.format(folder=tmp_path)})
    [doc] = outcomes(file, media_root=str(tmp_path / "pictures"))
    assert doc.images[0].blob == Blob(str(tmp_path / "pictures" / "1.png"), 0, len(PNG))


def test_a_folder_that_is_not_there_is_told_before_the_run(tmp_path: Path) -> None:
    source = ReadDocuments(paths=str(write(tmp_path, ".jsonl", {"text": "a"})), media_root=str(tmp_path / "gone"))
    assert list(source.check()) == [f"media_root: {tmp_path}/gone does not exist"]


def test_lists_of_texts_images_and_captions_keep_their_order(tmp_path: Path) -> None:
    row = {"text": ["one", "two"], "image": ["http://a.org/1.png", None, "http://a.org/2.png"], "caption": ["first", "second"]}
    [doc] = outcomes(write(tmp_path, ".jsonl", row))
    assert [getattr(part, "text", getattr(part, "url", "")) for part in doc.elements] == [
        *("one", "two", "http://a.org/1.png", "first", "http://a.org/2.png", "second")
    ]
    assert [part.position for part in doc.elements] == [0, 1, 2, 3, 4, 5]
    assert [text.of for text in doc.texts] == [None, None, 2, 4]


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_captions_go_with_the_images_at_their_places_where_some_are_empty(tmp_path: Path, ending: str) -> None:
    row = {"image": ["http://a.org/1.png", "http://a.org/2.png", None], "caption": [None, "second", "third"]}
    [doc] = outcomes(write(tmp_path, ending, row))
    assert [(text.text, text.of) for text in doc.texts] == [("second", 1), ("third", None)]
    assert [image.position for image in doc.images] == [0, 1]


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_a_list_of_captions_that_nobody_named_is_told(tmp_path: Path, ending: str) -> None:
    file = write(tmp_path, ending, {"image": "http://a.org/1.png", "sentences": ["A boat at sea.", "A ship on water."]})
    [told] = ReadDocuments(paths=str(file)).check()
    assert "beside the images; the text may be in sentences: `fields: {text: sentences}`" in told
    assert list(ReadDocuments(paths=str(file), fields={"caption": "sentences"}).check()) == []


@pytest.mark.parametrize(
    ("cell", "error"), [(3, "an image is neither bytes nor a string but int"), ("data:image/png", "data: URI without a comma")]
)
def test_a_cell_that_is_no_image_costs_its_row(tmp_path: Path, cell: Any, error: str) -> None:
    wrong, right = outcomes(write(tmp_path, ".jsonl", {"image": cell, "text": "a"}, {"text": "b"}))
    assert (wrong.error, right.text) == (f"{error} (byte 0, in.jsonl)", "b")


@pytest.mark.parametrize("ending", [".jsonl", ".json", ".parquet", ".csv"])
def test_a_name_that_no_file_has_is_told_before_the_run(tmp_path: Path, ending: str) -> None:
    file = write(tmp_path, ending, {"content": "a", "url": "u"})
    source = ReadDocuments(paths=str(file), fields={"text": "contnet", "url": "zzz"}, keep=["ulr"])
    assert list(source.check()) == [
        f"fields: text: {file} has no column 'contnet'; did you mean 'content'?",
        f"fields: url: {file} has no column 'zzz'; there is content, url",
        f"keep: {file} has no column 'ulr'; did you mean 'url'?",
    ]


def test_names_of_fields_go_with_rows_of_no_format_of_their_own(tmp_path: Path) -> None:
    file = write(tmp_path, ".jsonl", {"texts": ["a"], "images": [None]})
    problem = "fields: the format obelics has fields of its own; leave out one of the two"
    assert list(ReadDocuments(paths=str(file), format="obelics", fields={"text": "texts"}).check()) == [problem]


@pytest.mark.parametrize("ending", [".jsonl", ".parquet", ".csv"])
def test_what_documents_will_hold_is_known_from_the_columns(tmp_path: Path, ending: str) -> None:
    provided = set(ReadDocuments(paths=str(write(tmp_path, ending, ROW)), fields=FIELDS).provides())  # type: ignore[arg-type]
    assert {*labels("topic", "language", "source_id"), *scores("document", "q")} == {c for c in provided if c.kind != "part"}


def test_a_document_says_where_its_row_is(tmp_path: Path) -> None:
    docs = [outcomes(write(tmp_path, ending, ROW, ROW), fields=FIELDS)[1] for ending in (".csv", ".json")]
    assert [(doc.source.path, doc.source.offset) for doc in docs if isinstance(doc, Document)] == [
        (str(tmp_path / "in.csv"), 1),
        (str(tmp_path / "in.json"), 1),
    ]


def test_base64_in_the_bytes_of_a_struct_is_an_image(tmp_path: Path) -> None:
    data = b"\x89PNG\r\n\x1a\nink"
    good = {"text": "a", "image": {"bytes": base64.b64encode(data).decode(), "path": "gone.png"}}
    bad = {"text": "b", "image": {"bytes": "no base64!", "path": "gone.png"}}
    doc, wrong = outcomes(write(tmp_path, ".jsonl", good, bad))
    assert (doc.images[0].data, doc.images[0].format) == (data, "png")
    assert wrong.error.startswith("the bytes of an image are not base64: ")


def test_a_date_that_cannot_be_read_is_a_label(tmp_path: Path) -> None:
    rows = [{"text": "a", "date": 1700000000}, {"text": "b", "date": "last week"}]
    first, second = outcomes(write(tmp_path, ".jsonl", *rows))
    assert (first.source.date, first.labels) == ("2023-11-14T22:13:20+00:00", {})
    assert (second.source.date, second.labels) == ("", {"date": "last week"})


def test_a_time_that_python_does_not_know_costs_no_document(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"], "date": pa.array([10**15], pa.timestamp("s"))}), tmp_path / "in.parquet")
    [doc] = outcomes(tmp_path)
    assert (doc.source.date, doc.labels["date"]) == ("", "<value out of range: 1000000000000000000>")


@pytest.mark.parametrize("stores_schema", [True, False])
def test_uuids_are_read_in_their_text_form(tmp_path: Path, stores_schema: bool) -> None:
    uuids = pa.array([UUID(int=7).bytes], pa.uuid())
    rows = pa.table({"id": uuids, "parent": uuids, "meta": pa.StructArray.from_arrays([uuids], ["batch"]), "text": ["a"]})
    pq.write_table(rows, tmp_path / "in.parquet", store_schema=stores_schema)
    [doc] = outcomes(tmp_path, keep=["parent", "meta.batch"])
    text = "00000000-0000-0000-0000-000000000007"
    assert doc.labels == {"source_id": text, "parent": text, "meta.batch": text}
    assert set(labels("parent")) < set(ReadDocuments(paths=str(tmp_path)).provides())


def test_a_url_and_a_caption_are_a_pair(tmp_path: Path) -> None:
    [doc] = outcomes(write(tmp_path, ".jsonl", {"url": "http://a.org/1.jpg", "caption": "A boat."}))
    assert (doc.images[0].url, doc.texts[0].text, doc.texts[0].of) == ("http://a.org/1.jpg", "A boat.", 0)


LONG = {
    "title": "Of boats",
    "body": "The boats come in with the night. " * 3,
    "meta": {"note": "one two three four", "code": "a-b"},
}
HINT = "the text may be in body (or meta.note): `fields: {text: body}`"


@pytest.mark.parametrize("ending", [".jsonl", ".json", ".parquet"])
def test_a_file_without_a_known_field_is_told_with_the_columns_that_may_be_the_text(tmp_path: Path, ending: str) -> None:
    file = write(tmp_path, ending, LONG)
    [problem] = ReadDocuments(paths=str(tmp_path)).check()
    assert problem == f"paths: {file} is of an unknown format; there is title, body, meta; {HINT}"
    assert list(ReadDocuments(paths=str(tmp_path), fields={"text": "body"}).check()) == []


def test_a_row_without_a_known_field_is_told_with_the_columns_that_may_be_the_text(tmp_path: Path) -> None:
    first, second, third = outcomes(write(tmp_path, ".jsonl", LONG, {**LONG, "text": 3}, {"a": "b"}))
    assert first.error == f"of an unknown format; there is title, body, meta; {HINT} (byte 0, in.jsonl)"
    assert second.error.startswith(f"no string in field 'text'; {HINT}")
    assert third.error.startswith("of an unknown format; there is a; `fields` of stages.read_documents can name")


def test_a_folder_with_one_file_of_rows_that_are_known_is_not_refused(tmp_path: Path) -> None:
    write(tmp_path, ".jsonl", LONG)
    write(tmp_path, ".parquet", {"text": "a"})
    assert list(ReadDocuments(paths=str(tmp_path)).check()) == []


LOOK = {"image": "http://a.org/1.jpg", "story": "The boats come in with the night."}


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_a_text_under_another_name_beside_images_is_refused_before_a_run_and_in_it(tmp_path: Path, ending: str) -> None:
    file = write(tmp_path, ending, LOOK)
    [problem] = ReadDocuments(paths=str(tmp_path)).check()
    [row] = outcomes(tmp_path)
    told = "no field of a text or caption beside the images; the text may be in story: `fields: {text: story}`"
    assert problem.startswith(f"paths: {file}: {told}")
    assert row.error.startswith(told)


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
@pytest.mark.parametrize(("parameters", "labels"), [({"keep": ["story"]}, {"story": LOOK["story"]}), ({"keep": []}, {})])
def test_a_recipe_that_says_what_to_keep_reads_images_without_texts(
    tmp_path: Path, ending: str, parameters: Any, labels: Any
) -> None:
    write(tmp_path, ending, LOOK)
    assert list(ReadDocuments(paths=str(tmp_path), **parameters).check()) == []
    [doc] = outcomes(tmp_path, **parameters)
    assert (len(doc.images), doc.labels) == (1, labels)


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_a_text_that_is_always_empty_beside_a_full_column_is_noted(tmp_path: Path, ending: str) -> None:
    file = write(tmp_path, ending, {**LOOK, "text": ""})
    [note] = ReadDocuments(paths=str(tmp_path)).notes()
    assert note.startswith(f"{file}: the field 'text' is empty in all of the first 1 rows; the text may be in story")


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_captions_beside_a_text_under_another_name_are_refused(tmp_path: Path, ending: str) -> None:
    file = write(tmp_path, ending, {"url": "http://a.org/1.jpg", "caption": "photo", "body": "The boats come in with the night."})
    told = "no field of a text or an image beside the captions; the text may be in body: `fields: {text: body}`"
    pair = "`format: img2dataset` reads `url` and `caption` as a pair"
    assert list(ReadDocuments(paths=str(tmp_path)).check()) == [f"paths: {file}: {told}; {pair}"]
    assert list(ReadDocuments(paths=str(tmp_path), format="img2dataset").check()) == []


def test_a_column_called_text_in_other_letters_is_told_however_short_it_is(tmp_path: Path) -> None:
    write(tmp_path, ".jsonl", {"Text": "Boats.", "title": "The boats of the harbour"})
    [problem] = ReadDocuments(paths=str(tmp_path)).check()
    assert problem.endswith("the text may be in Text (or title): `fields: {text: Text}`")


@pytest.mark.parametrize(("header", "told"), [("1,The boats come in late", True), ("number,words", False)])
def test_a_table_without_a_header_is_asked_for_one(tmp_path: Path, header: str, told: bool) -> None:
    (tmp_path / "in.csv").write_text(f"{header}\n2,The night comes in with them\n")
    [problem] = ReadDocuments(paths=str(tmp_path)).check()
    assert problem.endswith("; is there no header? Its first line is read as one") is told
