"""Reads archives that are written record by record and broken on purpose."""

import gzip
import io
import json
from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest
from fastwarc.stream_io import Lz4Writer, ZstdWriter

from interloom.schemas.document import Document
from interloom.schemas.outcome import Dropped, Outcome, Quarantined, Side
from interloom.stages._web.capture import read_capture
from interloom.stages.read_warc import ReadWarc

PAGE = b"<!doctype html><html><body><p>A page.</p></body></html>"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


def record(url: str, block: bytes, kind: str = "response", content_type: str = "application/http; msgtype=response") -> bytes:
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-01-02T03:04:05Z\r\n"
    return f"{head}Content-Type: {content_type}\r\nContent-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n"


def http(body: bytes, content_type: str = "text/html; charset=utf-8", status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{more}\r\n".encode() + body


def page(n: int) -> bytes:
    return record(f"http://a.org/{n}", http(PAGE + str(n).encode()))


def arc(url: str, block: bytes) -> bytes:
    return f"{url} 10.0.0.1 20140216050221 text/html {len(block)}\n".encode() + block + b"\n"


def read(path: Path, **parameters: int) -> list[Outcome]:
    source = ReadWarc(paths=str(path), **parameters)  # type: ignore[arg-type]
    return [outcome for split in source.splits() for outcome in source.read(split)]


def read_bytes(folder: Path, data: bytes, name: str = "crawl.warc.gz", **parameters: int) -> list[Outcome]:
    (folder / name).write_bytes(data)
    return read(folder / name, **parameters)


def urls(outcomes: list[Outcome]) -> list[str]:
    return [outcome.source.url for outcome in outcomes if isinstance(outcome, Document)]


def errors(outcomes: list[Outcome]) -> list[str]:
    return [outcome.error for outcome in outcomes if isinstance(outcome, Quarantined)]


def packed(packing: str, data: bytes) -> bytes:
    if packing == "":
        return data
    if packing == ".gz":
        return gzip.compress(data)
    stream = io.BytesIO()
    writer = (Lz4Writer if packing == ".lz4" else ZstdWriter)(stream)
    writer.write(data)
    writer.close()
    return stream.getvalue()


@pytest.mark.parametrize("packing", ["", ".gz", ".lz4", ".zst"])
def test_the_byte_range_of_a_page_contains_the_page(tmp_path: Path, packing: str) -> None:
    parts = [packed(packing, page(n)) for n in range(5)]
    outcomes = read_bytes(tmp_path, b"".join(parts), f"crawl.warc{packing}")
    assert urls(outcomes) == [f"http://a.org/{n}" for n in range(5)]
    data = (tmp_path / f"crawl.warc{packing}").read_bytes()
    for n, doc in enumerate(outcomes):
        assert isinstance(doc, Document)
        assert doc.source.offset == sum(map(len, parts[:n])) and doc.source.length is not None
        assert read_capture(data[doc.source.offset :][: doc.source.length]) == ("text/html; charset=utf-8", doc.body)


def test_a_page_has_its_date_and_path(tmp_path: Path) -> None:
    (doc,) = read_bytes(tmp_path, packed(".gz", page(7)))
    assert isinstance(doc, Document) and len(doc.id) == 32
    assert doc.body == PAGE + b"7"
    assert (doc.source.date, doc.source.path) == ("2024-01-02T03:04:05Z", str(tmp_path / "crawl.warc.gz"))


def test_ids_do_not_depend_on_where_the_archive_is_mounted(tmp_path: Path) -> None:
    ids = set()
    for mount in ("one", "two"):
        (tmp_path / mount).mkdir()
        (tmp_path / mount / "a.warc").write_bytes(page(1))
        ids |= {doc.id for doc in read(tmp_path / mount) if isinstance(doc, Document)}
    assert len(ids) == 1


def test_records_that_are_not_pages_are_dropped_by_kind_status_and_content(tmp_path: Path) -> None:
    data = [
        record("", b"software: x", "warcinfo", "application/warc-fields"),
        record("http://a.org/r", b"GET / HTTP/1.1\r\n\r\n", "request", "application/http; msgtype=request"),
        record("http://a.org/404", http(PAGE, status="404 Not Found")),
        record("http://a.org/302", http(b"", status="302 ")),
        record("http://a.org/css", http(b"p {}", "text/css")),
        record("http://a.org/void", http(b" \n")),
        record("http://a.org/file.html", PAGE, "resource", "text/html"),
        record("http://a.org/untyped", http(PAGE, "")),
    ]
    outcomes = read_bytes(tmp_path, b"".join(map(gzip.compress, data)))
    reasons = [outcome.drop.reason for outcome in outcomes if isinstance(outcome, Dropped)]
    assert reasons == ["record_warcinfo", "record_request", "http_404", "http_302", "not_html", "empty"]
    assert urls(outcomes) == ["http://a.org/file.html", "http://a.org/untyped"]


def test_images_become_captures_with_their_byte_range(tmp_path: Path) -> None:
    parts = [
        page(1),
        record("http://a.org/i.png", http(PNG, "image/png")),
        record("http://a.org/j", http(PNG, "application/octet-stream")),
    ]
    outcomes = read_bytes(tmp_path, b"".join(map(gzip.compress, parts)))
    rows = [outcome.row for outcome in outcomes if isinstance(outcome, Side) and outcome.table == "captures"]
    assert [(row["url"], row["content_type"]) for row in rows] == [
        ("http://a.org/i.png", "image/png"),
        ("http://a.org/j", "image/png"),
    ]
    data = (tmp_path / "crawl.warc.gz").read_bytes()
    for row in rows:
        offset, length = row["offset"], row["length"]
        assert isinstance(offset, int) and isinstance(length, int)
        assert read_capture(data[offset : offset + length])[1] == PNG


def test_opt_outs_in_headers_are_kept(tmp_path: Path) -> None:
    (doc,) = read_bytes(
        tmp_path, record("http://a.org/", http(PAGE, more="X-Robots-Tag: noai\r\nTDM-Reservation: 1\r\n")), "a.warc"
    )
    assert isinstance(doc, Document)
    assert doc.source.opt_out == "header X-Robots-Tag: noai; header TDM-Reservation: 1"


def test_a_broken_gzip_member_costs_only_itself(tmp_path: Path) -> None:
    parts = [gzip.compress(page(n)) for n in range(5)]
    parts[2] = parts[2][:40] + b"\xff" * 30 + parts[2][70:]
    outcomes = read_bytes(tmp_path, b"".join(parts))
    assert urls(outcomes) == [f"http://a.org/{n}" for n in (0, 1, 3, 4)]
    assert len(errors(outcomes)) == 1 and f"offset {len(parts[0] + parts[1])}" in errors(outcomes)[0]


def test_records_before_the_end_of_a_truncated_file_are_read(tmp_path: Path) -> None:
    parts = [gzip.compress(page(n)) for n in range(3)]
    outcomes = read_bytes(tmp_path, b"".join(parts)[:-20])
    assert urls(outcomes) == ["http://a.org/0", "http://a.org/1"]
    assert errors(outcomes) == [f"truncated gzip member (offset {len(parts[0] + parts[1])})"]


@pytest.mark.parametrize("wrong", [-20, 30, 10**12])
def test_a_wrong_content_length_does_not_swallow_the_next_record(tmp_path: Path, wrong: int) -> None:
    bad = page(1)
    size = int(bad.split(b"Content-Length: ")[1].split(b"\r\n")[0])
    bad = bad.replace(b"Content-Length: %d" % size, b"Content-Length: %d" % (size + wrong))
    outcomes = read_bytes(tmp_path, page(0) + bad + page(2), "a.warc")
    assert urls(outcomes) == ["http://a.org/0", "http://a.org/2"]
    assert len(errors(outcomes)) == 1


def test_noise_between_records_is_skipped(tmp_path: Path) -> None:
    outcomes = read_bytes(tmp_path, page(0) + b"noise\r\n\x00\xff\r\n" + page(1), "a.warc")
    assert urls(outcomes)[-1] == "http://a.org/1"


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"hello", b"\x1f\x8b\x08", b"WARC/1.0\r\n", b"\x04\x22\x4d\x18junk", gzip.compress(b"hello", mtime=0)]
)
def test_a_file_that_is_not_an_archive_is_quarantined(tmp_path: Path, data: bytes) -> None:
    outcomes = read_bytes(tmp_path, data)
    assert not urls(outcomes) and all(isinstance(outcome, Quarantined) for outcome in outcomes)


def test_several_records_in_one_gzip_member_are_all_read(tmp_path: Path) -> None:
    image = record("http://a.org/i.png", http(PNG, "image/png"))
    outcomes = read_bytes(tmp_path, gzip.compress(page(0) + page(1) + image + page(2)))
    assert urls(outcomes) == [f"http://a.org/{n}" for n in range(3)]
    assert [doc.source.length for doc in outcomes if isinstance(doc, Document)] == [None] * 3
    assert [outcome.drop.reason for outcome in outcomes if isinstance(outcome, Dropped)] == ["not_addressable"]


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_a_too_large_page_is_quarantined(tmp_path: Path, coding: str) -> None:
    body = PAGE + b" " * 100_000
    large = record(
        "http://a.org/l", http(gzip.compress(body) if coding == "gzip" else body, more=f"Content-Encoding: {coding}\r\n")
    )
    outcomes = read_bytes(tmp_path, gzip.compress(page(0)) + gzip.compress(large) + gzip.compress(page(1)), max_body_bytes=10_000)
    assert urls(outcomes) == ["http://a.org/0", "http://a.org/1"]
    assert len(errors(outcomes)) == 1 and errors(outcomes)[0].startswith("too large")


@pytest.mark.parametrize("packing", ["", ".gz"])
def test_arc_files_are_read(tmp_path: Path, packing: str) -> None:
    info = arc("filedesc://x.arc", b"1 0 org\nURL IP-address Archive-date Content-type Archive-length\n")
    spaced = arc("http://a.org/a b", http(PAGE))
    outcomes = read_bytes(tmp_path, packed(packing, info) + packed(packing, spaced), f"x.arc{packing}")
    assert urls(outcomes) == ["http://a.org/a%20b"]
    doc = outcomes[1]
    assert isinstance(doc, Document) and doc.source.date == "2014-02-16T05:02:21Z" and doc.body == PAGE
    assert [outcome.drop.reason for outcome in outcomes if isinstance(outcome, Dropped)] == ["record_warcinfo"]


def test_a_folder_gives_one_split_per_archive(tmp_path: Path) -> None:
    for name in ("b.warc", "a.warc.gz", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [split.name for split in ReadWarc(paths=[str(tmp_path), str(tmp_path / "b.warc")]).splits()] == ["a.warc.gz", "b.warc"]


def test_a_missing_file_is_found_by_check(tmp_path: Path) -> None:
    (problem,) = ReadWarc(paths=str(tmp_path / "none.warc.gz")).check()
    assert "none.warc.gz" in problem


def bodies(outcomes: list[Outcome]) -> Counter[str]:
    return Counter(sha256(outcome.body or b"").hexdigest() for outcome in outcomes if isinstance(outcome, Document))


def sent(body: bytes, coding: str) -> bytes:
    """The record of a page whose body goes over the wire in this coding."""
    if coding == "gzip":
        return record("http://a.org/g", http(gzip.compress(body), more="Content-Encoding: gzip\r\n"))
    if coding == "chunked":
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:700], body[700:], b""))
        return record("http://a.org/c", http(chunks, more="Transfer-Encoding: chunked\r\n"))
    if coding == "resource":
        return record("http://a.org/r", body, "resource", "text/html")
    return record("http://a.org/i", http(body))


@pytest.mark.parametrize("packing", ["", ".gz", ".lz4", ".zst"])
def test_pages_of_a_made_archive_are_those_that_were_written(tmp_path: Path, packing: str) -> None:
    written = [PAGE + f"<p>{n}</p>".encode() * (1 + 400 * (n % 3)) for n in range(12)]
    codings = ["identity", "gzip", "chunked", "resource"] * 3
    others = [
        record("http://a.org/i.png", http(PNG, "image/png")),
        record("http://a.org/404", http(PAGE, status="404 Not Found")),
    ]
    records = [one for body, coding in zip(written, codings, strict=True) for one in (sent(body, coding), *others)]
    outcomes = read_bytes(tmp_path, b"".join(packed(packing, one) for one in records), f"made.warc{packing}")
    assert bodies(outcomes) == Counter(sha256(body).hexdigest() for body in written)
    assert errors(outcomes) == []


@pytest.mark.shared_data("2_warc", twin="test_pages_of_a_made_archive_are_those_that_were_written")
def test_pages_of_real_archives_are_those_that_warcio_reads(shared_data: Path) -> None:
    """All but the pages of cut records, which warcio returns as far as they go."""
    golds = sorted((shared_data / "2_warc").rglob("records/**/*.jsonl"))
    assert len(golds) == 32
    assert [str(gold) for gold in golds if _pages_that_are_missing(gold)] == []


def _pages_that_are_missing(gold: Path) -> int:
    """How many pages of this list of records of an archive are neither read nor reported as errors."""
    folder, name = str(gold).split("/records/")
    rows = [json.loads(line) for line in gold.read_text().splitlines() if line]
    pages = Counter(
        row["sha256"] for row in rows if row["mime"] == "text/html" and row["status"] in (None, "200") and row["bytes"]
    )
    outcomes = read(Path(folder) / name.removesuffix(".jsonl"))
    return max(0, (pages - bodies(outcomes)).total() - len(errors(outcomes)))


@pytest.mark.parametrize("packing", [".gz", ".lz4", ".zst"])
def test_records_that_share_a_frame_are_all_read(tmp_path: Path, packing: str) -> None:
    outcomes = read_bytes(tmp_path, packed(packing, b"".join(page(n) for n in range(5))), f"crawl.warc{packing}")
    assert urls(outcomes) == [f"http://a.org/{n}" for n in range(5)]
    assert len(outcomes) == 5
