import gzip
import io
import json
import lzma
import os
import random
import tarfile
from pathlib import Path

import pyarrow as pa
import pytest

from interloom.schemas.document import Document
from interloom.schemas.outcome import Dropped, Outcome, Quarantined
from interloom.stages.read_html import ReadHtml

PAGE = b"<html><body><p>A page.</p></body></html>"


def read(paths: str | list[str], **parameters: object) -> list[Outcome]:
    source = ReadHtml(paths=paths, **parameters)  # type: ignore[arg-type]
    return [outcome for split in source.splits() for outcome in source.read(split)]


def documents(outcomes: list[Outcome]) -> list[Document]:
    return [outcome for outcome in outcomes if isinstance(outcome, Document)]


def errors(outcomes: list[Outcome]) -> list[str]:
    return [outcome.error for outcome in outcomes if isinstance(outcome, Quarantined)]


def tar_of(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def test_a_folder_of_pages_gets_urls_from_the_base(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a page.html").write_bytes(PAGE)
    (tmp_path / "b.htm.gz").write_bytes(gzip.compress(PAGE))
    (tmp_path / "note.txt").write_bytes(b"no")
    docs = documents(read(str(tmp_path), base_url="http://a.org/x/"))
    assert [(doc.source.url, doc.body) for doc in docs] == [
        ("http://a.org/x/b.htm", PAGE),
        ("http://a.org/x/sub/a%20page.html", PAGE),
    ]


def test_splits_of_single_pages_cover_each_page_once(tmp_path: Path) -> None:
    for n in range(600):
        (tmp_path / f"{n}.html").write_bytes(PAGE + str(n).encode())
    source = ReadHtml(paths=str(tmp_path))
    splits = source.splits()
    assert [(split.start, split.stop) for split in splits] == [(0, 256), (256, 512), (512, 600)]
    assert len({doc.id for split in splits for doc in documents(list(source.read(split)))}) == 600


def test_the_identity_of_a_split_changes_only_with_its_pages(tmp_path: Path) -> None:
    for n in range(300):
        (tmp_path / f"{n:03}.html").write_bytes(PAGE)
    before = [split.identity for split in ReadHtml(paths=str(tmp_path)).splits()]
    (tmp_path / "299.html").write_bytes(PAGE + b"changed")
    after = [split.identity for split in ReadHtml(paths=str(tmp_path)).splits()]
    assert before[0] == after[0] and before[1] != after[1]


def test_an_empty_page_is_dropped_and_a_too_large_page_is_quarantined(tmp_path: Path) -> None:
    (tmp_path / "empty.html").write_bytes(b"")
    (tmp_path / "large.html").write_bytes(PAGE * 100)
    (tmp_path / "bomb.html.gz").write_bytes(gzip.compress(PAGE * 100))
    outcomes = read(str(tmp_path), max_body_bytes=1000)
    assert [outcome.drop.reason for outcome in outcomes if isinstance(outcome, Dropped)] == ["empty"]
    assert [error.split(" ")[0:2] for error in errors(outcomes)] == [["too", "large:"], ["too", "large"]]


@pytest.mark.parametrize("name", ["crawl.tar", "crawl.tar.gz"])
def test_html_members_of_a_tar_are_read(tmp_path: Path, name: str) -> None:
    data = tar_of({"./a.html": PAGE, "a.png": b"x"})
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    outcomes = read(str(tmp_path / name), base_url="http://a.org")
    assert [(doc.source.url, doc.body) for doc in documents(outcomes)] == [("http://a.org/a.html", PAGE)]
    assert [outcome.drop.reason for outcome in outcomes if isinstance(outcome, Dropped)] == ["not_html"]


def test_links_in_a_tar_are_not_followed_and_have_a_row(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        for name, kind in (("pages", tarfile.DIRTYPE), ("pages/a.html", tarfile.SYMTYPE), ("pages/b.html", tarfile.LNKTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
    assert [outcome.drop.reason for outcome in read(str(tmp_path)) if isinstance(outcome, Dropped)] == ["link", "link"]


def test_hostile_names_in_a_tar_write_nothing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "evil.tar").write_bytes(tar_of({"../../escaped.html": PAGE, "/tmp/absolute.html": PAGE}))
    assert len(documents(read(str(tmp_path / "in" / "evil.tar")))) == 2
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["evil.tar"]


def test_pages_before_the_end_of_a_truncated_tar_are_read(tmp_path: Path) -> None:
    (tmp_path / "cut.tar").write_bytes(tar_of({"a.html": PAGE, "b.html": PAGE * 500})[:3000])
    outcomes = read(str(tmp_path / "cut.tar"))
    assert len(documents(outcomes)) == 1 and len(errors(outcomes)) == 1


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
def test_pages_in_json_lines_are_read(tmp_path: Path, packing: str) -> None:
    rows = [{"content": "<p>ü</p>", "link": "http://a.org/1", "date": "2024-05-06"}, {"link": "http://a.org/2"}]
    data = "\n".join([json.dumps(rows[0]), "{broken", json.dumps(rows[1])]).encode()
    data = {"": bytes, ".gz": gzip.compress, ".zst": lambda x: pa.compress(x, codec="zstd", asbytes=True)}[packing](data)
    (tmp_path / f"pages.jsonl{packing}").write_bytes(data)
    outcomes = read(str(tmp_path), html_field="content", url_field="link")
    (doc,) = documents(outcomes)
    assert (doc.source.url, doc.source.date, doc.body) == ("http://a.org/1", "2024-05-06", "<p>ü</p>".encode())
    assert len(errors(outcomes)) == 2


def test_a_folder_without_pages_is_found_by_check(tmp_path: Path) -> None:
    assert list(ReadHtml(paths=str(tmp_path)).check())


def test_pages_of_the_same_name_in_two_folders_are_two_documents(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_bytes(PAGE)
    docs = documents(read([str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "a")], base_url="http://a.org"))
    assert [doc.source.url for doc in docs] == ["http://a.org/a/index.html", "http://a.org/b/index.html"]
    assert len({doc.id for doc in docs}) == 2


def test_a_page_that_is_named_itself_is_read_whatever_its_ending(tmp_path: Path) -> None:
    (tmp_path / "index.php").write_bytes(PAGE)
    assert [doc.body for doc in documents(read(str(tmp_path / "index.php")))] == [PAGE]


def test_a_file_name_that_is_not_utf8_is_a_name_like_others(tmp_path: Path) -> None:
    for name in (b"a\xff.html", b"a\xfe.html"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(PAGE)
    docs = documents(read(str(tmp_path), base_url="http://a.org"))
    assert {doc.source.url for doc in docs} == {"http://a.org/a%FF.html", "http://a.org/a%FE.html"}
    assert len({doc.id for doc in docs}) == 2


def test_a_tar_whose_compression_breaks_off_in_nonsense_is_quarantined_with_its_name(tmp_path: Path) -> None:
    packed = lzma.compress(tar_of({"a.html": random.Random(0).randbytes(30_000), "b.html": PAGE}))
    (tmp_path / "pages.tar.xz").write_bytes(packed[:20_000] + b"\xff" * 64 + packed[20_064:])
    [error] = errors(read(str(tmp_path)))
    assert error == "broken tar: LZMAError: Corrupt input data (pages.tar.xz)"


def test_of_a_folder_only_files_of_lines_are_read_as_json(tmp_path: Path) -> None:
    line = json.dumps({"html": PAGE.decode()}).encode()
    for name in ("pages.jsonl", "pages.ndjson", "manifest.json"):
        (tmp_path / name).write_bytes(line)
    assert [split.path for split in ReadHtml(paths=str(tmp_path)).splits()] == [
        str(tmp_path / "pages.jsonl"),
        str(tmp_path / "pages.ndjson"),
    ]
    assert documents(read(str(tmp_path / "*.json")))[0].body == PAGE
    assert documents(read(str(tmp_path / "manifest.json")))[0].body == PAGE


def test_lines_without_pages_beside_single_pages_are_not_read_unless_they_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<p>A boat.</p>")
    (tmp_path / "pages.jsonl").write_text('{"html": "<p>A pier.</p>"}\n')
    (tmp_path / "log.jsonl").write_text('{"time": 3}\n')
    source = ReadHtml(paths=str(tmp_path))
    assert [split.path for split in source.splits()] == [f"{tmp_path}/a.html", f"{tmp_path}/pages.jsonl"]
    assert list(source.notes()) == [f"{tmp_path}/log.jsonl: its rows have no field 'html'; not read"]
    assert len(ReadHtml(paths=[str(tmp_path), f"{tmp_path}/log.jsonl"]).splits()) == 3
