"""Tar shards: read back by webdataset and tar, the same bytes twice, nothing lost, no member named by a hostile page."""

import hashlib
import io
import json
import pickle
import sqlite3
import struct
import subprocess
import tarfile
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgpack
import pytest
import webdataset
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Picture

from interloom.schemas.document import Blob, Clip, Document, Image, Source, Text
from interloom.schemas.media_names import extension_of
from interloom.schemas.sample import from_sample
from interloom.schemas.sample_members import key_of, to_sample
from interloom.stages.write_webdataset import WriteWebdataset, energon_loader


def jpeg(shade: int) -> bytes:
    file = io.BytesIO()
    Picture.new("RGB", (8, 6), (shade, shade, shade)).save(file, "jpeg")
    return file.getvalue()


def page(id: str, shade: int = 0) -> Document:
    """A paragraph, a captioned image, a gap (no position 3), another image, one without bytes, an end."""
    return Document(
        id=id,
        source=Source(url="https://a.example/x", path="a.warc.gz", offset=12, length=99),
        elements=(
            Text(position=0, text='Once, grün \u0000 "quoted" 🐈.'),
            Image(
                position=1,
                url="https://a.example/1.jpg",
                format="jpeg",
                width=8,
                height=6,
                data=jpeg(shade),
                scores={"clip": 0.25},
            ),
            Text(position=2, text="A caption", role="caption", origin="caption", of=1),
            Image(position=4, format="png", alt="an alt", data=b"not a png"),
            Image(position=5, url="https://a.example/lost.gif"),
            Text(position=6, text="The end."),
        ),
        scores={"quality": 0.1 + 0.2},
        labels={"language": "de"},
    )


def written(folder: Path, docs: Sequence[Document], **parameters: Any) -> Path:
    sink = WriteWebdataset(**parameters)
    info = sink.write(0, docs, folder)
    sink.finish([info], folder)
    return folder / info.files[0]


def samples(tar: Path) -> list[dict[str, Any]]:
    return read(webdataset.WebDataset(str(tar), shardshuffle=False, empty_check=False))


def read(dataset: Any) -> list[dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the library leaves closing its file to the garbage collector
        return list(dataset)


def documents(tar: Path) -> list[Document]:
    return [from_sample(sample) for sample in samples(tar)]


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_webdataset_reads_back_every_document_in_order(tmp_path: Path) -> None:
    docs = [page("b" * 32), page("a" * 32 + "#1", 200), Document(id="c" * 32)]
    assert documents(written(tmp_path, docs)) == docs


def test_webdataset_decodes_the_images(tmp_path: Path) -> None:
    doc = page("a").without([4])
    tar = written(tmp_path, [doc])
    (sample,) = read(webdataset.WebDataset(str(tar), shardshuffle=False).decode("pil"))
    assert sample["1.jpg"].size == (8, 6)
    assert sample["json"]["id"] == "a"


def test_the_json_holds_parallel_texts_and_images(tmp_path: Path) -> None:
    (sample,) = samples(written(tmp_path, [page("a")]))
    record = json.loads(sample["json"])
    assert record["texts"] == ['Once, grün \u0000 "quoted" 🐈.', None, "A caption", None, None, "The end."]
    assert record["images"] == [None, "1.jpg", None, "4.png", None, None]
    assert record["elements"][2] == {"kind": "text", "position": 2, "origin": "caption", "role": "caption", "of": 1}
    assert all(sample[name] for name in record["images"] if name)


def test_references_into_the_run_are_left_out(tmp_path: Path) -> None:
    doc = Document(id="a", elements=(Image(position=0, data=b"x", blob=Blob("parts/1.blob", 0, 1)),))
    assert documents(written(tmp_path, [doc])) == [Document(id="a", elements=(Image(position=0, data=b"x"),))]


def test_the_same_documents_give_the_same_bytes(tmp_path: Path) -> None:
    docs = [page(f"{n:032x}", n) for n in range(20)]
    for layout in ("interleaved", "pairs", "text"):
        written(tmp_path / layout / "1", docs, layout=layout)
        written(tmp_path / layout / "2", docs, layout=layout)
        assert digests(tmp_path / layout / "1") == digests(tmp_path / layout / "2")


def test_equal_documents_give_the_same_bytes_whatever_the_order_of_their_scores(tmp_path: Path) -> None:
    one = Document(id="a", scores={"x": 1.0, "y": 2.0}, labels={"a": "1", "b": "2"})
    two = Document(id="a", scores={"y": 2.0, "x": 1.0}, labels={"b": "2", "a": "1"})
    assert written(tmp_path / "1", [one]).read_bytes() == written(tmp_path / "2", [two]).read_bytes()


def test_tar_lists_a_shard_without_warnings(tmp_path: Path) -> None:
    tar = written(tmp_path, [page("a" * 32 + "#1.2")])
    listing = subprocess.run(["tar", "-tvf", tar, "--utc", "--numeric-owner"], capture_output=True, text=True, check=True)
    assert listing.stderr == ""
    lines = [line.split() for line in listing.stdout.splitlines()]
    assert [line[-1] for line in lines] == [f"{'a' * 32}%231%2E2.{end}" for end in ("json", "1.jpg", "4.png")]
    assert {(line[0], line[1], line[3], line[4]) for line in lines} == {("-rw-r--r--", "0/0", "1970-01-01", "00:00")}
    assert tar.stat().st_size % 10240 == 0


def test_a_shard_without_documents_is_an_empty_tar(tmp_path: Path) -> None:
    sink = WriteWebdataset()
    info = sink.write(7, [], tmp_path)
    assert info.files == ("shard-000007.tar", "shard-000007.tar.idx", ".index/shard-000007.tar.rows")
    with tarfile.open(tmp_path / info.files[0]) as tar:
        assert tar.getmembers() == []
    sink.finish([info], tmp_path)
    assert yaml.safe_load((tmp_path / ".nv-meta/.info.yaml").read_text()) == {"shard_counts": {}}


HOSTILE = ["../../etc/passwd", "/x", "json", "pyd", "pickle", "npy", "a.b", "", "J\0", "png/../../x", "PYD"]


@pytest.mark.parametrize("format", HOSTILE)
def test_a_hostile_format_does_not_name_the_member(format: str, tmp_path: Path) -> None:
    doc = Document(id="a", elements=(Image(position=0, format=format, data=pickle.dumps("x")),))
    tar = written(tmp_path, [doc])
    with tarfile.open(tar) as file:
        assert file.getnames() == ["a.json", "a.0.bin"]
    assert documents(tar) == [doc]


@pytest.mark.parametrize("id", ["../../x", "/etc/x", "a.b/c", "é" * 200, "__x__", "a%2Fb", "~", " ", "a\nb", "a" * 5000])
def test_a_hostile_id_stays_one_short_name(id: str, tmp_path: Path) -> None:
    docs = [Document(id=id, elements=(Image(position=2**31 - 1, format="jpeg", data=b"x"),)), Document(id=id + "#1")]
    tar = written(tmp_path, docs)
    with tarfile.open(tar) as file:
        names = file.getnames()
    assert all(len(name) <= 100 and name.isascii() and "/" not in name for name in names)
    assert documents(tar) == docs


def test_short_keys_give_the_id_back() -> None:
    for id in ("a" * 32, "a" * 32 + "#1#2", "x.y~z/ü", "\ud800"):
        assert unquote(key_of(id), errors="surrogatepass") == id


def test_formats_get_their_usual_extension() -> None:
    assert [extension_of(name) for name in ("jpeg", "PNG", "webp", "mp4", "exe")] == ["jpg", "png", "webp", "mp4", "bin"]


def test_pairs_take_the_caption_then_the_alt_then_the_nearest_text(tmp_path: Path) -> None:
    elements = (
        Text(position=0, text="first"),
        Text(position=1, text="before"),
        Image(position=2, format="jpeg", data=b"2"),
        Text(position=3, text="after"),
        Image(position=4, format="jpeg", data=b"4", alt=" alt "),
        Image(position=5, format="png", data=b"5", alt="alt"),
        Text(position=6, text="caption", of=5, origin="caption"),
        Image(position=7, format="gif"),
    )
    info = WriteWebdataset(layout="pairs").write(0, [Document(id="a#1", elements=elements)], tmp_path)
    pairs = samples(tmp_path / info.files[0])
    assert [pair["__key__"] for pair in pairs] == ["a%231_2", "a%231_4", "a%231_5"]
    assert [pair["txt"] for pair in pairs] == [b"after", b"alt", b"caption"]
    assert [json.loads(pair["json"])["caption_from"] for pair in pairs] == ["text", "alt", "caption"]
    assert (pairs[0]["jpg"], pairs[2]["png"]) == (b"2", b"5")
    assert (info.documents, info.images, info.extra["samples"]) == (1, 3, 3)


def test_an_image_without_any_text_makes_no_pair(tmp_path: Path) -> None:
    doc = Document(id="a", elements=(Image(position=0, data=b"x"), Text(position=1, text=" ")))
    assert samples(written(tmp_path, [doc], layout="pairs")) == []


def test_the_text_layout_holds_the_running_text(tmp_path: Path) -> None:
    spoken = Document(id="b", elements=(Text(position=0, text="spoken", origin="asr"),))
    records = samples(written(tmp_path, [page("a"), spoken], layout="text"))
    assert [sample["txt"].decode() for sample in records] == ['Once, grün \u0000 "quoted" 🐈.\n\nThe end.', "spoken"]
    assert json.loads(records[0]["json"])["labels"] == {"language": "de"}
    assert all(set(sample) == {"__key__", "__url__", "__local_path__", "txt", "json"} for sample in records)


def test_the_counts_are_of_documents_and_images_written(tmp_path: Path) -> None:
    info = WriteWebdataset().write(3, iter([page("a"), page("b")]), tmp_path)
    assert (info.files[0], info.documents, info.images) == ("shard-000003.tar", 2, 4)


def texts(tar: Path) -> list[list[str]]:
    return [[text.text for text in doc.texts] for doc in documents(tar)]


def talk(id: str, count: int, label: str = "de") -> Document:
    return Document(id=id, elements=(Text(position=2, text=f"{id} " * count),), labels={"language": label, "title": id})


def test_short_documents_are_packed_up_to_the_limit(tmp_path: Path) -> None:
    tar = written(tmp_path, [talk("a", 3), talk("b", 4), talk("c", 2), talk("d", 30), talk("e", 1)], pack_tokens=12)
    assert texts(tar) == [
        ["a " * 3, "End of Video", "b " * 4],
        ["c " * 2],
        ["d " * 30],
        ["e "],
    ]


def test_packed_documents_count_as_documents(tmp_path: Path) -> None:
    info = WriteWebdataset(pack_tokens=1000).write(0, iter([page("a"), page("b"), page("c")]), tmp_path)
    assert (info.documents, info.images, info.extra["samples"]) == (3, 6, 1)


def test_a_packed_sample_names_its_documents_and_captions_stay_with_their_images(tmp_path: Path) -> None:
    pages = [page("a", 10), page("b", 200)]
    (doc,) = documents(written(tmp_path, pages, pack_tokens=1000, separator="<eov>"))
    places = json.loads(doc.labels["joined"])
    assert [(place["id"], place["moved"]) for place in places] == [("a", 0), ("b", 8)]
    assert (doc.id, doc.labels["language"], dict(doc.scores)) == ("a", "de", {})
    assert [element.position for element in doc.elements] == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14]
    assert [text.of for text in doc.texts if text.role == "caption"] == [1, 9]
    assert [image.data for image in doc.images if image.format == "jpeg"] == [jpeg(10), jpeg(200)]


def test_a_packed_sample_has_the_labels_that_all_its_documents_share(tmp_path: Path) -> None:
    (doc,) = documents(written(tmp_path, [talk("a", 1, "en"), talk("b", 1, "en")], pack_tokens=9))
    assert {name: value for name, value in doc.labels.items() if name != "joined"} == {"language": "en"}


def test_a_document_that_is_packed_alone_stays_as_it_is(tmp_path: Path) -> None:
    unpacked, packed = (
        documents(written(tmp_path / name, [page("a")], pack_tokens=most)) for name, most in (("x", None), ("y", 99))
    )
    assert packed == unpacked


def test_pairs_cannot_be_packed() -> None:
    assert list(WriteWebdataset(to="/o", layout="pairs", pack_tokens=9).check()) == [
        "pack_tokens: must be at least 1, and needs layout 'interleaved'"
    ]


def test_energon_finds_its_folder_as_documented(tmp_path: Path) -> None:
    sink = WriteWebdataset()
    infos = [sink.write(n, [page(f"{n}{m}") for m in range(n + 1)], tmp_path) for n in range(2)]
    names = sink.finish(infos, tmp_path)
    meta = tmp_path / ".nv-meta"
    assert sorted(names) == sorted(str(path.relative_to(tmp_path)) for path in meta.iterdir())
    counts = {"shard_counts": {"shard-000000.tar": 1, "shard-000001.tar": 2}}
    assert yaml.safe_load((meta / ".info.yaml").read_text()) == json.loads((meta / ".info.json").read_text()) == counts
    split = yaml.safe_load((meta / "split.yaml").read_text())
    parts = {"train": ["shard-000000.tar", "shard-000001.tar"], "val": [], "test": []}  # `energon lint` wants all three
    assert split == {"exclude": [], "split_parts": parts}
    dataset = yaml.safe_load((meta / "dataset.yaml").read_text())
    assert dataset["sample_type"] == {"__module__": "megatron.energon", "__class__": "InterleavedSample"}
    assert dataset["sample_loader"] == "sample_loader.py:sample_loader"


def test_the_offset_index_holds_where_samples_start_and_end(tmp_path: Path) -> None:
    tar = written(tmp_path, [page("a"), page("b"), Document(id="c")])
    starts = [*struct.unpack("<4Q", Path(f"{tar}.idx").read_bytes())]
    with tarfile.open(tar) as file:
        first = {member.name.partition(".")[0]: member.offset for member in reversed(file.getmembers())}
        end = file.offset
    assert starts == [first["a"], first["b"], first["c"], end]


def test_the_sample_index_leads_to_the_bytes(tmp_path: Path) -> None:
    docs = [page("a"), page("b.x", 9)]
    tar = written(tmp_path, docs)
    base = sqlite3.connect(f"file:{tmp_path}/.nv-meta/index.sqlite?mode=ro&immutable=1", uri=True)
    query = (
        "SELECT content_byte_offset, content_byte_size FROM sample_parts JOIN samples USING (tar_file_id, sample_index) "
        "WHERE sample_key = 'b%2Ex' AND part_name = '1.jpg'"
    )
    ((offset, size),) = base.execute(query).fetchall()
    assert base.execute("SELECT COUNT(*), SUM(byte_size) FROM samples").fetchone() == (
        2,
        struct.unpack("<3Q", Path(f"{tar}.idx").read_bytes())[2],
    )
    base.close()
    assert tar.read_bytes()[offset : offset + size] == docs[1].images[0].data


def test_the_sample_index_can_be_left_out(tmp_path: Path) -> None:
    written(tmp_path, [page("a")], sample_index=False)
    assert not (tmp_path / ".nv-meta" / "index.sqlite").exists()
    assert (tmp_path / ".nv-meta" / "split.yaml").exists()


def test_the_sample_loader_returns_texts_and_images_in_order(tmp_path: Path) -> None:
    (sample,) = samples(written(tmp_path, [page("a").without([1])]))
    for raw in (sample, {**sample, "json": json.loads(sample["json"])}):
        loaded = energon_loader.sample_loader(raw)
        assert loaded == {"__key__": "a", "sequence": ['Once, grün \u0000 "quoted" 🐈.', b"not a png", "The end."]}
    copy = (tmp_path / ".nv-meta" / "sample_loader.py").read_bytes()
    assert copy == Path(energon_loader.__file__).read_bytes()
    assert energon_loader.part_filter("0.jpg")


def test_bad_parameters_are_found_by_check(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = list(WriteWebdataset(shard_size_bytes=0, to="ftp://x/y").check())
    assert len(problems) == 2
    assert "shard_size_bytes" in problems[0] and "ftp://x/y" in problems[1]
    assert list(WriteWebdataset(to="/out").check()) == []


def test_a_newer_schema_is_refused() -> None:
    members = dict(to_sample(Document(id="a")).members)
    record = {**json.loads(members["json"]), "schema_version": 999}
    with pytest.raises(ValueError, match="newer"):
        from_sample({"json": json.dumps(record).encode()})


def test_a_half_surrogate_survives(tmp_path: Path) -> None:
    doc = Document(id="a", elements=(Text(position=0, text="x\ud83dy"),))
    assert documents(written(tmp_path / "1", [doc])) == [doc]
    (sample,) = samples(written(tmp_path / "2", [doc], layout="text"))
    assert sample["txt"] == b"x?y"


words = st.text(max_size=12)
numbers = st.floats(allow_nan=False, width=64)
scores = st.dictionaries(words, numbers, max_size=3)
shared = {
    "origin": st.sampled_from(["body", "alt", "caption", "asr", "ocr", "generated"]),
    "start_s": st.none() | numbers,
    "end_s": st.none() | numbers,
    "page": st.none() | st.integers(0, 2**31 - 1),
    "bbox": st.none() | st.tuples(numbers, numbers, numbers, numbers),
    "path": words,
    "offset": st.none() | st.integers(0, 1 << 40),
    "scores": scores,
}
size = st.none() | st.integers(0, 2**31 - 1)
media = {
    **shared,
    "url": words,
    "alt": words,
    "format": words | st.sampled_from(["jpeg", "png", "mp4"]),
    "width": size,
    "height": size,
    "sha256": words,
    "data": st.none() | st.binary(max_size=600),
}
element = st.one_of(
    st.builds(Text, position=st.just(0), text=words, role=words, of=st.none() | st.integers(0, 99), **shared),
    st.builds(Image, position=st.just(0), phash=words, **media),
    st.builds(Clip, position=st.just(0), **media),
)
place = st.none() | st.integers(0, 2**62)
source = st.builds(
    Source, url=words, path=words, offset=place, length=place, date=words, content_type=words, licence=words, opt_out=words
)
document = st.builds(
    Document,
    id=st.text(min_size=1, max_size=120),
    source=source,
    elements=st.dictionaries(st.integers(0, 10**9), element, max_size=6).map(
        lambda by_position: tuple(replace(e, position=position) for position, e in by_position.items())
    ),
    scores=scores,
    labels=st.dictionaries(words, words, max_size=3),
    body=st.none() | st.binary(max_size=600),
)


@settings(max_examples=60)
@given(docs=st.lists(document, max_size=4, unique_by=lambda doc: doc.id))
def test_every_field_of_any_document_round_trips(docs: list[Document], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("shards")
    sink = WriteWebdataset()
    info = sink.write(0, docs, folder)
    assert documents(folder / info.files[0]) == docs
    assert info.documents == len(docs)


def test_a_number_that_json_cannot_hold_round_trips() -> None:
    doc = Document(id="a", scores={"x": float("nan"), "y": float("-inf")})
    record = dict(to_sample(doc).members)
    assert b'"x":"nan","y":"-inf"' in record["json"]
    assert str(from_sample(record).scores) == str(doc.scores)


def test_samples_of_the_flat_layout_have_the_same_members_and_lists_in_parallel(tmp_path: Path) -> None:
    image = Image(position=1, data=b"ink", format="png")
    doc = Document(id="a", elements=(Text(position=0, text="hi"), image, Clip(position=2, data=b"moving")))
    info = WriteWebdataset(layout="flat").write(0, [doc, Document(id="b")], tmp_path)
    with tarfile.open(tmp_path / info.files[0]) as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    assert list(members) == [f"{key}.{suffix}" for key in "ab" for suffix in ("texts.json", "images.mp", "record.txt")]
    assert json.loads(members["a.texts.json"]) == ["hi", None, None]
    assert msgpack.unpackb(members["a.images.mp"]) == [None, {"bytes": b"ink", "path": "1.png"}, None]
    assert [element["kind"] for element in json.loads(members["a.record.txt"])["elements"]] == ["text", "image", "clip"]
    assert info.images == 1


def test_energon_gets_no_folder_for_the_flat_layout(tmp_path: Path) -> None:
    sink = WriteWebdataset(layout="flat")
    assert sink.finish([sink.write(0, [Document(id="a")], tmp_path)], tmp_path) == ()
    assert not (tmp_path / ".nv-meta").exists()
