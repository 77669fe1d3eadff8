"""Tars in the WebDataset format: of ours, of others, and such as nobody should write."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from interloom.pipeline.store import storage
from interloom.schemas.document import Blob, Clip, Document, Image, Media, Source, Text
from interloom.schemas.outcome import Drop, Dropped, Quarantined
from interloom.stages._formats.img2dataset.write import EXPORT as IMG2DATASET
from interloom.stages.read_webdataset import ReadWebdataset
from interloom.stages.write_webdataset import WriteWebdataset

INK = b"\x89PNG\r\n\x1a\nink"


def tar(path: Path, members: dict[str, bytes | str] | list[tuple[str, bytes | str]]) -> Path:
    with tarfile.open(path, "w") as file:
        for name, content in members.items() if isinstance(members, dict) else members:
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def outcomes(path: Path | str, **parameters: Any) -> list[Any]:
    source = ReadWebdataset(paths=str(path), **parameters)
    return [outcome for split in source.splits() for outcome in source.read(split)]


def write_manifest(folder: Path, names: Iterable[str]) -> None:
    files = [{"name": name, "size_bytes": (folder / name).stat().st_size} for name in names]
    (folder / "manifest.json").write_text(json.dumps({"fingerprint": "f", "shards": [{"files": files}]}))


def content(blob: Blob | None) -> bytes:
    """What a reference leads to."""
    assert blob is not None
    return Path(blob.path).read_bytes()[blob.offset : blob.offset + blob.size]


def loaded(doc: Document) -> Document:
    """The document with the bytes of its media, and without the references to them."""
    media = (replace(e, data=content(e.blob), blob=None) if isinstance(e, Media) and e.blob else e for e in doc.elements)
    return doc.with_elements(media)


def test_a_pair_of_img2dataset_is_a_picture_with_its_caption(tmp_path: Path) -> None:
    about: dict[str, Any] = {
        "url": "http://a.org/1.jpg",
        "caption": "A boat.",
        "key": "000000017",
        "status": "success",
        "error_message": None,
    }
    about |= {
        "width": 4,
        "height": 3,
        "original_width": 8,
        "exif": "{}",
        "sha256": "A" * 64,
        "similarity": 0.31,
        "LANGUAGE": "en",
    }
    [doc] = outcomes(
        tar(tmp_path / "a.tar", {"000000017.jpg": INK, "000000017.txt": "A boat.", "000000017.json": json.dumps(about)})
    )
    blob = doc.images[0].blob
    image = Image(position=0, url="http://a.org/1.jpg", format="jpeg", width=4, height=3, sha256="a" * 64, blob=blob)
    assert doc.elements == (image, Text(position=1, text="A boat.", role="caption", of=0))
    assert content(blob) == INK
    assert doc.labels == {"source_id": "000000017", "status": "success", "exif": "{}", "LANGUAGE": "en"}
    assert doc.scores == {"original_width": 8.0, "similarity": 0.31}


def test_in_a_compressed_tar_bytes_come_with_the_sample(tmp_path: Path) -> None:
    plain = tar(tmp_path / "plain.tar", {"a.png": INK, "a.txt": "A boat."}).read_bytes()
    (tmp_path / "plain.tar").unlink()
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(plain))
    (tmp_path / "b.tar.zst").write_bytes(pa.compress(plain, codec="zstd", asbytes=True))
    assert [(doc.images[0].data, doc.images[0].blob, doc.texts[0].text) for doc in outcomes(tmp_path)] == [
        (INK, None, "A boat.")
    ] * 2


@pytest.mark.parametrize(
    ("members", "parameters", "text"),
    [
        ({"a.text": "x"}, {}, "x"),
        ({"a.json": '{"caption": "x"}'}, {}, "x"),
        ({"a.json": '{"caption": ["x"]}'}, {}, "x"),
        ({"a.json": '{"meta": {"alt": "x"}, "caption": "no"}'}, {"caption": "meta.alt"}, "x"),
        ({"a.txt": "no", "a.long.txt": "x"}, {"caption": "long.txt"}, "x"),
    ],
)
def test_the_text_may_be_a_member_or_a_field(tmp_path: Path, members: Any, parameters: Any, text: str) -> None:
    [doc] = outcomes(tar(tmp_path / "a.tar", {"a.webp": INK, **members}), **parameters)
    assert doc.texts == (Text(position=1, text=text, role="caption", of=0),)


def test_of_several_pictures_the_text_is_running_text(tmp_path: Path) -> None:
    [doc] = outcomes(tar(tmp_path / "a.tar", {"a.0.jpg": INK, "a.1.png": INK, "a.txt": "Boats."}))
    assert [image.format for image in doc.images] == ["jpeg", "png"]
    assert doc.texts == (Text(position=2, text="Boats."),)


def test_parallel_lists_give_an_interleaved_document(tmp_path: Path) -> None:
    lists = {"texts": ["One.", None, "Two.", None], "images": [None, "0.JPG", None, "page_3_image_7"], "lang": "en"}
    [doc] = outcomes(tar(tmp_path / "a.tar", {"a.json": json.dumps(lists), "a.0.jpg": INK}))
    assert [getattr(part, "text", getattr(part, "url", "")) for part in doc.elements] == ["One.", "", "Two.", "page_3_image_7"]
    assert (content(doc.images[0].blob), doc.labels["lang"]) == (INK, "en")


def test_parallel_lists_may_name_pictures_by_their_whole_names(tmp_path: Path) -> None:
    lists = {"texts": ["One.", None, None], "images": [None, "a.0.JPG", "b/a.1.png"]}
    [doc] = outcomes(tar(tmp_path / "a.tar", {"b/a.json": json.dumps(lists), "b/a.0.jpg": b"0", "b/a.1.png": b"1"}))
    assert [(image.position, image.url, content(image.blob)) for image in doc.images] == [(1, "", b"0"), (2, "", b"1")]


def test_a_url_in_parallel_lists_is_no_name_of_a_member(tmp_path: Path) -> None:
    lists = {"texts": [None], "images": ["https://x/b.png"]}
    [doc] = outcomes(tar(tmp_path / "a.tar", {"a.png": b"0", "a.json": json.dumps(lists)}))
    assert [(image.url, image.blob is not None) for image in doc.images] == [("https://x/b.png", False), ("", True)]


def test_pictures_that_parallel_lists_do_not_name_come_last(tmp_path: Path) -> None:
    lists = {"texts": ["One.", None], "images": [None, "1.png"]}
    [doc] = outcomes(tar(tmp_path / "a.tar", {"a.0.jpg": b"0", "a.1.png": b"1", "a.json": json.dumps(lists)}))
    assert [(image.position, content(image.blob)) for image in doc.images] == [(1, b"1"), (2, b"0")]


def test_a_video_is_a_clip(tmp_path: Path) -> None:
    [doc] = outcomes(tar(tmp_path / "a.tar", {"a.mp4": b"film", "a.txt": "A boat."}))
    clip = doc.elements[0]
    assert isinstance(clip, Clip) and (clip.format, content(clip.blob), doc.texts[0].of) == ("mp4", b"film", 0)


@pytest.mark.parametrize("layout", ["interleaved", "pairs", "text"])
def test_documents_of_our_own_come_back_and_keep_their_ids(tmp_path: Path, layout: Any) -> None:
    parts = (
        Text(position=0, text="A harbour.").with_score("quality", 0.5),
        Image(position=4, data=INK, format="png", url="u", alt="boats", sha256="1" * 64).with_score("clip", 0.25),
        Text(position=7, text="Boats.", role="caption", origin="caption", of=4),
        Clip(position=8, start_s=0.0, end_s=2.0, data=b"film", format="mp4"),
    )
    source = Source(url="https://x/1", path="a.warc", offset=7, licence="CC0")
    doc = Document(id="doc#1.2", source=source, elements=parts, labels={"topic": "sea"}, scores={"length": 2.0}, body=b"<p>")
    shard = WriteWebdataset(layout=layout).write(0, [doc], tmp_path)
    write_manifest(tmp_path, shard.files)
    [again] = map(loaded, outcomes(tmp_path))
    caption = Text(position=1 << 20, text="Boats.", role="caption", of=4)
    pair = replace(doc, id="doc#1.2#4", elements=(parts[1], caption), labels={"topic": "sea", "text_from": "caption"}, body=None)
    text = replace(doc, elements=(Text(position=0, text="A harbour."),), body=None)
    assert again == {"interleaved": doc, "pairs": pair, "text": text}[layout]


@pytest.mark.parametrize("named", ["", "*.tar", "shard-000000.tar"])
def test_a_shard_that_its_manifest_names_keeps_ids_however_the_recipe_names_it(tmp_path: Path, named: str) -> None:
    shard = WriteWebdataset().write(0, [Document(id="doc#1", elements=(Text(position=0, text="hi"),))], tmp_path)
    write_manifest(tmp_path, shard.files)
    assert [doc.id for doc in outcomes(tmp_path / named)] == ["doc#1"]


def test_keys_of_img2dataset_are_no_ids(tmp_path: Path) -> None:
    for name in ("one", "two"):
        image = Image(position=0, data=INK, format="png", alt="A boat.")
        write_manifest(tmp_path / name, IMG2DATASET.write(0, [Document(id=name, elements=(image,))], tmp_path / name).files)
    source = ReadWebdataset(paths=[str(tmp_path / name) for name in ("one", "two")])
    docs = [doc for split in source.splits() for doc in source.read(split) if isinstance(doc, Document)]
    assert [doc.labels["source_id"] for doc in docs] == ["000000000", "000000000"]
    assert len({doc.id for doc in docs}) == 2


def test_a_record_of_ours_cannot_refer_to_other_files(tmp_path: Path) -> None:
    element = {"kind": "image", "position": 0, "blob": {"path": "/etc/passwd", "offset": 0, "size": 9}}
    record = {"schema_version": 1, "id": "a", "labels": {}, "scores": {}, "source": {}, "elements": [element], "texts": [None]}
    said = outcomes(tar(tmp_path / "a.tar", {"a.json": json.dumps(record)}))
    assert [getattr(part, "blob", None) for doc in said if isinstance(doc, Document) for part in doc.elements] == [None]


def test_names_that_lead_out_of_the_folder_are_only_names(tmp_path: Path) -> None:
    [doc] = outcomes(tar(tmp_path / "a.tar", {"../../evil.txt": "Words."}))
    assert (doc.text, doc.labels) == ("Words.", {"source_id": "../../evil"})
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["a.tar"]


def test_a_repeated_member_costs_its_sample(tmp_path: Path) -> None:
    members = [("a.txt", "one"), ("b.txt", "two"), ("b.txt", "other"), ("c.txt", "three")]
    first, wrong, third = outcomes(tar(tmp_path / "a.tar", members))
    assert (first.text, third.text) == ("one", "three")
    assert wrong.error.startswith("repeated member: b.txt: duplicate file name in tar file txt")


def test_samples_with_one_key_have_ids_of_their_own(tmp_path: Path) -> None:
    docs = outcomes(tar(tmp_path / "a.tar", [("a.txt", "one"), ("b.txt", "two"), ("a.txt", "three")]))
    assert [doc.text for doc in docs] == ["one", "two", "three"]
    assert len({doc.id for doc in docs}) == 3


def test_pickles_and_arrays_are_never_loaded(tmp_path: Path) -> None:
    evil = b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR."
    members = {f"a.{ending}": evil for ending in ("pyd", "pkl", "pickle", "pth", "npy", "npz", "ten", "tb")}
    [doc] = outcomes(tar(tmp_path / "a.tar", {**members, "a.txt": "Words."}))
    assert (doc.text, (tmp_path / "ran").exists()) == ("Words.", False)


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"a.json": "{"}, "broken JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ({"a.json": "[" * 100_000}, "broken JSON: maximum recursion depth exceeded"),
        ({"a.json": "[1]"}, "the JSON is not an object"),
        ({"a.cls": "3"}, "neither text nor pictures; there is cls"),
        ({"a.json": '{"texts": ["a"], "images": []}'}, "'texts' has 1 entries, but 'images' has 0"),
        ({"a.txt": "x" * 2000}, "too large: a.txt"),
    ],
)
def test_a_broken_sample_costs_only_itself(tmp_path: Path, members: Any, error: str) -> None:
    wrong, right = outcomes(
        tar(tmp_path / "a.tar", {**members, "b.txt": "Words."}), max_member_bytes=1000 if "txt" in str(members) else 1 << 20
    )
    assert isinstance(wrong, Quarantined) and wrong.error.startswith(error)
    assert right.text == "Words."


def test_a_truncated_tar_gives_the_samples_before_and_an_error(tmp_path: Path) -> None:
    contents = {"png": INK, "txt": b"ink and pen"}
    path = tar(tmp_path / "a.tar", {f"{n}.{ending}": data * 100 for n in range(3) for ending, data in contents.items()})
    whole = outcomes(path)
    path.write_bytes(path.read_bytes()[: whole[2].source.offset + 700])
    *left, broken = outcomes(path)
    assert left == whole[:2] and isinstance(broken, Quarantined) and broken.error.startswith("broken tar: ReadError")


def test_a_file_that_belongs_to_no_sample_is_dropped(tmp_path: Path) -> None:
    stray, doc = outcomes(tar(tmp_path / "a.tar", {"README": "hello", "a.txt": "Words."}))
    assert isinstance(stray, Dropped) and (stray.drop, stray.url, doc.text) == (Drop("no_sample"), "README", "Words.")


def test_links_in_a_tar_are_not_followed_and_have_a_row(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        for name, kind in (("a", tarfile.DIRTYPE), ("a/x.txt", tarfile.SYMTYPE), ("a/x.json", tarfile.LNKTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
    dropped = outcomes(tmp_path / "a.tar")
    assert [(row.drop.reason, row.url) for row in dropped] == [("link", "a/x.txt"), ("link", "a/x.json")]
    assert len({row.id for row in dropped}) == 2


def test_the_last_sample_before_what_is_no_tar_is_whole(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar", {"a.txt": "one", "b.txt": "two"})
    path.write_bytes(path.read_bytes() + b"junk" * 512)
    *docs, broken = outcomes(path)
    assert [doc.text for doc in docs] == ["one", "two"]
    assert broken.error.startswith("broken tar: TrailingDataError")


def test_braces_name_many_tars(tmp_path: Path) -> None:
    for n in range(3):
        tar(tmp_path / f"{n:05}.tar", {"a.txt": str(n)})
    assert [doc.text for doc in outcomes(f"{tmp_path}/{{00000..00001}}.tar")] == ["0", "1"]


def test_a_pipe_is_no_path(tmp_path: Path) -> None:
    [problem] = ReadWebdataset(paths="pipe:touch x").check()
    assert problem.startswith("pipe:touch x: no such file")


def test_ids_do_not_depend_on_where_the_tar_lies(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        tar(tmp_path / folder / "x.tar", {"a.txt": "Words."})
    [[first], [second]] = (outcomes(tmp_path / folder) for folder in ("a", "b"))
    assert first.id == second.id


def test_members_of_a_tar_in_object_storage_are_references(tmp_path: Path, s3: str) -> None:
    storage.write(f"{s3}/in/x.tar", tar(tmp_path / "x.tar", {"a.png": INK, "a.txt": "A boat."}).read_bytes())
    [doc] = outcomes(f"{s3}/in/")
    [local] = outcomes(tmp_path / "x.tar")
    blob = doc.images[0].blob
    assert (doc.id, doc.texts) == (local.id, local.texts)
    assert storage.read_range(blob.path, blob.offset, blob.size) == INK


def test_shards_of_the_layout_flat_are_read_back(tmp_path: Path) -> None:
    elements = (Text(position=0, text="hi"), Image(position=3, data=INK, format="png", alt="ink", scores={"clip": 0.5}))
    doc = Document(id="a", elements=elements, labels={"x": "y"}, source=Source(url="http://a.org"))
    WriteWebdataset(layout="flat").write(0, [doc], tmp_path)
    [read] = outcomes(tmp_path)
    assert replace(read, id="a", labels={"x": "y"}) == doc
    assert read.labels == {"x": "y", "source_id": "a"}


def test_a_record_of_the_layout_flat_that_is_broken_is_quarantined(tmp_path: Path) -> None:
    tar(tmp_path / "in.tar", {"a.texts.json": "[]", "a.images.mp": b"\x90", "a.record.txt": "{", "b.txt": "fine"})
    wrong, fine = outcomes(tmp_path)
    assert isinstance(wrong, Quarantined)
    assert fine.text == "fine"


@pytest.mark.parametrize("name", ["txt", "cls"])
def test_a_member_that_is_not_utf_8_quarantines_its_sample(tmp_path: Path, name: str) -> None:
    tar(tmp_path / "in.tar", {"a.png": INK, f"a.{name}": b"caf\xe9 noir", "b.txt": "\ufeffcaf\u00e9"})
    wrong, fine = outcomes(tmp_path)
    assert wrong.error.startswith(f"not UTF-8: '{name}': 'utf-8' codec can't decode byte 0xe9 in position 3")
    assert fine.text == "caf\u00e9"


def test_a_text_and_an_image_at_the_same_place_of_parallel_lists_are_both_read(tmp_path: Path) -> None:
    lists = {"texts": ["one", "two"], "images": ["http://x/1", "0.png"]}
    tar(tmp_path / "in.tar", {"a.json": json.dumps(lists), "a.0.png": INK, "a.1.png": INK})
    [doc] = outcomes(tmp_path)
    assert [(part.position, type(part)) for part in doc.elements] == [(0, Text), (1, Image), (2, Text), (3, Image), (4, Image)]
    assert [image.url for image in doc.images] == ["http://x/1", "", ""]


def test_entries_of_parallel_lists_that_are_neither_texts_nor_names_quarantine_their_sample(tmp_path: Path) -> None:
    for name, lists in {"a": {"texts": [1], "images": [None]}, "b": {"texts": [None], "images": [0]}}.items():
        tar(tmp_path / f"{name}.tar", {"a.json": json.dumps(lists), "a.0.png": INK})
    assert [outcome.error.partition(" (")[0] for outcome in outcomes(tmp_path)] == [
        "entry 0 of 'texts' is no string but int",
        "entry 0 of 'images' is no string but int",
    ]
