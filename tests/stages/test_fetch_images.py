"""Every image gets its bytes from the first source that has them, or is dropped with a reason."""

import base64
import gzip
import hashlib
import http.server
import json
import threading
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from flaky_server import BODY, serving
from global_steps import verdicts

from interloom.pipeline.exchange_rows import whole_keys
from interloom.pipeline.store import run_reader
from interloom.schemas.columns import SIDE_TABLES
from interloom.schemas.document import Blob, Document, Image, Text
from interloom.schemas.outcome import Drop, Dropped, Quarantined, Side
from interloom.stages import fetch_images
from interloom.stages.fetch_images import FetchImages, capture_join


def document(id_, *urls):
    return Document(id=id_, elements=tuple(Image(position=n, url=url) for n, url in enumerate(urls)))


def captures(*rows):
    """Rows of url, path, offset, date."""
    full = [{"url": u, "path": p, "offset": o, "length": 9, "content_type": "image/png", "date": d} for u, p, o, d in rows]
    return pa.Table.from_pylist(full, SIDE_TABLES["captures"])


def join_captures(stage, docs_by_part, *capture_parts, of=1):
    """What the machine does between `sketch` and `apply`, sorted."""
    found = verdicts(stage, [stage.sketch(docs) for docs in docs_by_part], {"captures": capture_parts}, of)
    return found.sort_by([(name, "ascending") for name in ("part", "id", "position")]) if found.num_rows else found


def places(table):
    return [(r["part"], r["id"], r["position"], r["path"], r["offset"]) for r in table.to_pylist()]


def fetched(stage, *docs, table=None):
    verdicts = {}
    for row in table.to_pylist() if table else []:
        verdicts.setdefault(row["id"], []).append(row)
    return [outcome for outcome in stage.apply(docs, verdicts) if not isinstance(outcome, Side)]


def load(stage, url):
    """Returns the bytes of one image, its Drop or its error."""
    *failures, doc = fetched(stage, document("d", url))
    if doc.images:
        return doc.images[0].data
    assert (failures[0].id, failures[0].position) == ("d", 0)
    return failures[0].drop if isinstance(failures[0], Dropped) else failures[0].error


def warc_record(url, body, content_type="image/png"):
    http_part = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (content_type.encode(), len(body)) + body
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
    head += f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http_part)}\r\n\r\n"
    return gzip.compress(head.encode() + http_part + b"\r\n\r\n")


def test_a_sketch_has_a_row_for_each_image_to_load():
    doc = Document(
        id="d",
        elements=(
            Image(position=0, url="http://a/x"),
            Image(position=1, url="data:,x"),
            Image(position=2, url="http://a/y", data=b"has it"),
            Image(position=3, url="http://a/z", blob=Blob("p", 0, 1)),
            Text(position=4, text="t"),
            Image(position=5, url="https://a/x#f"),
        ),
    )
    table = FetchImages().sketch([doc])
    assert table.column_names == ["id", "position", "key", "url"]
    assert table.column("position").to_pylist() == [0, 5]
    assert table.column("key")[0] == table.column("key")[1]
    assert FetchImages().sketch([]).schema == table.schema


def test_images_are_joined_with_captures_of_the_same_url():
    docs = [document("d", "http://A.b/x.png", "https://a.b/%e9.png", "http://a.b/none.png", "http://a.b/x.png?v=2")]
    table = join_captures(
        FetchImages(), [docs], captures(("https://a.b:443/x.png", "w", 1, "2024"), ("http://a.b/%E9.png#f", "w", 2, "2024"))
    )
    assert places(table) == [(0, "d", 0, "w", 1), (0, "d", 1, "w", 2)]


def test_the_newest_capture_is_taken_and_then_the_first_by_place():
    rows = [("http://a/x", "w2", 5, "2024"), ("http://a/x", "w1", 9, "2024"), ("https://a/x", "w1", 7, "2024")]
    table = join_captures(
        FetchImages(), [[document("d", "http://a/x")]], captures(*rows), captures(("http://a/x", "w0", 0, "2023"))
    )
    assert places(table) == [(0, "d", 0, "w1", 7)]


def test_verdicts_name_the_part_of_the_document():
    table = join_captures(
        FetchImages(), [[document("z", "http://a/x")], [document("a", "http://a/x")]], captures(("http://a/x", "w", 0, ""))
    )
    assert places(table) == [(0, "z", 0, "w", 0), (1, "a", 0, "w", 0)]


def test_any_number_of_ranges_finds_the_same():
    rng = np.random.default_rng(5)
    parts = [[document(f"{p}-{d}", *(f"http://h/{n}" for n in rng.integers(0, 300, 4))) for d in range(30)] for p in range(3)]
    crawl = [captures(*((f"https://h/{n}", "w", int(n), str(n % 7)) for n in rng.integers(0, 400, 200))) for _ in range(2)]
    whole = join_captures(FetchImages(), parts, *crawl)
    assert 100 < whole.num_rows < 360
    assert join_captures(FetchImages(), parts, *crawl, of=5).equals(whole)
    have = {row["url"].removeprefix("https://") for table in crawl for row in table.to_pylist()}
    expected = {(d.id, i.position) for docs in parts for d in docs for i in d.images if i.url.removeprefix("http://") in have}
    assert {(row["id"], row["position"]) for row in whole.to_pylist()} == expected


def test_a_url_with_many_captures_and_images_is_joined_in_pieces(monkeypatch):
    monkeypatch.setattr(capture_join, "whole_keys", lambda tables: whole_keys(tables, most_rows=4))
    crawl = captures(*(("http://a/x", "w", n, f"{n % 7}") for n in range(30)))
    docs = [document(f"{n:02}", "http://a/x", "http://a/y") for n in range(20)]
    assert places(join_captures(FetchImages(), [docs], crawl, of=3)) == [(0, f"{n:02}", 0, "w", 6) for n in range(20)]


def test_urls_of_equal_hash_are_not_taken_for_each_other(monkeypatch):
    for module in (capture_join, fetch_images):
        monkeypatch.setattr(module, "hash_urls", lambda urls: np.zeros(len(urls), np.uint64))
    docs, crawl = [document("d", "http://a/x", "http://a/y")], captures(("http://a/y", "w", 1, ""), ("http://a/z", "w", 2, ""))
    assert places(join_captures(FetchImages(), [docs], crawl)) == [(0, "d", 1, "w", 1)]


def test_without_images_or_captures_there_are_no_verdicts():
    stage = FetchImages()
    assert join_captures(stage, [[document("d", "http://a/x")]]).num_rows == 0
    assert join_captures(stage, [[document("d")]], captures(("http://a/x", "w", 0, ""))).num_rows == 0
    assert (
        join_captures(
            FetchImages(sources=("data",)), [[document("d", "http://a/x")]], captures(("http://a/x", "w", 0, ""))
        ).num_rows
        == 0
    )


def test_bytes_come_from_the_records_of_the_crawl(tmp_path):
    records = [warc_record("http://a/0", b"zero"), warc_record("http://a/1", b"one")]
    file = tmp_path / "c.warc.gz"
    file.write_bytes(b"".join(records))
    row = {"path": str(file), "content_type": "image/png", "date": ""}
    spans = [(0, len(records[0])), (len(records[0]), len(records[1]))]
    crawl = [{**row, "url": f"http://a/{n}", "offset": offset, "length": length} for n, (offset, length) in enumerate(spans)]
    docs = [document("d", "http://a/1", "http://a/0"), document("e", "http://a/1")]
    table = join_captures(FetchImages(), [docs], pa.Table.from_pylist(crawl, SIDE_TABLES["captures"]))
    first, second = fetched(FetchImages(), *docs, table=table)
    assert [image.data for image in first.images] == [b"one", b"zero"]
    assert second.images[0].sha256 == hashlib.sha256(b"one").hexdigest()


def test_a_broken_record_is_quarantined_unless_another_source_has_it(tmp_path):
    (tmp_path / "c.warc").write_bytes(b"no record at all")
    row = {"part": 0, "id": "d", "position": 0, "path": str(tmp_path / "c.warc"), "offset": 0, "length": 16}
    doc = document("d", "http://a/x")
    left, kept = FetchImages(sources=("crawl", "data")).apply([doc], {"d": [row]})
    assert isinstance(left, Quarantined) and left.url == "http://a/x" and kept.images == ()
    (tmp_path / "x").write_bytes(b"copy")
    [kept] = FetchImages(sources=("crawl", "folder"), folder=str(tmp_path)).apply([doc], {"d": [row]})
    assert kept.images[0].data == b"copy"


def test_bytes_come_from_data_uris_which_lose_their_data():
    url = "data:image/png;base64," + base64.b64encode(b"pixels").decode()
    [doc] = fetched(FetchImages(), document("d", url))
    assert (doc.images[0].data, doc.images[0].url) == (b"pixels", "data:image/png;base64,")


def test_a_broken_data_uri_is_quarantined():
    assert "base64" in load(FetchImages(), "data:image/png;base64,a")


def test_bytes_come_from_a_folder_by_host_then_by_path(tmp_path):
    (tmp_path / "h" / "p").mkdir(parents=True)
    (tmp_path / "p").mkdir()
    (tmp_path / "h/p/a.png").write_bytes(b"by host")
    (tmp_path / "p/a.png").write_bytes(b"by path")
    (tmp_path / "p/b.png").write_bytes(b"b")
    stage = FetchImages(sources=("folder",), folder=str(tmp_path))
    assert load(stage, "http://h/p/a.png?x#y") == b"by host"
    assert load(stage, "http://other/p/b.png") == b"b"
    assert load(stage, "http://other/p/c.png") == Drop("not_found")
    assert load(stage, "http://h/p") == Drop("not_found")
    assert load(stage, "http://h/p/a.png/deeper") == Drop("not_found")


@pytest.mark.parametrize(
    "url", ["http://h/../secret", "http://h/%2e%2e/secret", "http://../secret", "../secret", "http://h//secret"]
)
def test_nothing_outside_the_folder_is_read(tmp_path, url):
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "inside").mkdir()
    reason = "not_found" if url.startswith("http") else "relative_url"
    assert load(FetchImages(sources=("folder",), folder=str(tmp_path / "inside")), url) == Drop(reason)


def test_a_too_large_image_is_dropped_whatever_its_source(tmp_path):
    (tmp_path / "x").write_bytes(b"12345")
    stage = FetchImages(sources=("data", "folder"), folder=str(tmp_path), max_bytes=4)
    assert load(stage, "http://h/x") == Drop("too_large", 5, 4)
    assert load(stage, "data:,12345") == Drop("too_large", 5, 4)
    assert load(stage, "data:,1234") == b"1234"


def test_an_image_that_is_not_found_is_dropped_with_its_caption():
    elements = (Image(position=0, url="http://a/x"), Text(position=1, text="of it", of=0), Text(position=2, text="stays"))
    left, doc = fetched(FetchImages(), Document(id="d", elements=elements))
    assert left == Dropped("d", Drop("not_found"), 0, "http://a/x")
    assert doc.elements == elements[2:]


def test_images_that_have_their_bytes_are_left_alone():
    doc = Document(id="d", elements=(Image(position=0, data=b"x"), Image(position=1, blob=Blob("p", 0, 1))))
    assert fetched(FetchImages(), doc) == [doc]


def test_an_image_without_a_url_is_not_found():
    assert load(FetchImages(sources=("crawl", "data")), "") == Drop("not_found")


class Counting(http.server.BaseHTTPRequestHandler):
    server: Any

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.requests.append(self.path)
        self.send_response(200 if self.path.startswith("/ok") else 404)
        self.end_headers()
        self.wfile.write(self.path.encode())


@pytest.fixture(scope="module")
def server():
    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    server.requests, server.url = [], f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_each_url_is_requested_once(server):
    stage = FetchImages(sources=("data", "http"), allow_private=True, concurrency=4)
    docs = [document("d", server.url + "/ok/1", server.url + "/no"), document("e", server.url + "/ok/1", server.url + "/ok/2")]
    left, first, second = fetched(stage, *docs)
    assert left == Dropped("d", Drop("http_404"), 1, server.url + "/no")
    assert [image.data for image in (*first.images, *second.images)] == [b"/ok/1", b"/ok/1", b"/ok/2"]
    assert sorted(server.requests) == ["/no", "/ok/1", "/ok/2", "/robots.txt"]


def test_a_private_address_is_refused_unless_allowed(server):
    assert load(FetchImages(sources=("http",)), server.url + "/ok/private") == Drop("refused_address")
    assert "/ok/private" not in server.requests


def test_the_network_is_not_used_without_the_source_http(server):
    assert load(FetchImages(allow_private=True), server.url + "/ok/quiet") == Drop("not_found")
    assert "/ok/quiet" not in server.requests


@pytest.mark.parametrize(
    "parameters",
    [
        {"sources": ()},
        {"folder": "/"},
        {"sources": ("folder",)},
        {"sources": ("folder",), "folder": "/no/such/folder"},
        {"timeout_s": 0},
        {"concurrency": 0},
        {"retries": -1},
        {"user_agent": "Löwe/1"},
        {"user_agent": "Bot/1\r\nX: y"},
    ],
)
def test_wrong_parameters_are_found_by_check(parameters):
    assert len(list(FetchImages(**parameters).check())) == 1


def test_the_defaults_are_correct():
    assert list(FetchImages().check()) == []


@pytest.mark.parametrize(
    ("header", "policy", "outcome"),
    [
        ("X-Robots-Tag: noimageai", {}, "opted_out"),
        ("TDM-Reservation: 1", {}, "opted_out"),
        ("x-robots-tag: otherbot: noai", {}, "header x-robots-tag (otherbot): noai"),
        ("X-Robots-Tag: NoAI", {"opt_out": ("noindex",)}, "header X-Robots-Tag: noai"),
        ("X-Robots-Tag: all", {}, ""),
    ],
)
def test_headers_of_images_in_the_crawl_count_as_over_http(tmp_path, header, policy, outcome):
    record = gzip.decompress(warc_record("http://a/0", b"zero", f"image/png\r\n{header}"))
    length = record.index(b"HTTP/1.1")
    block = record[length:].removesuffix(b"\r\n\r\n")
    head = b"WARC/1.0\r\nWARC-Type: response\r\nContent-Type: application/http\r\nContent-Length: %d\r\n\r\n" % len(block)
    (tmp_path / "c.warc").write_bytes(head + block + b"\r\n\r\n")
    size = (tmp_path / "c.warc").stat().st_size
    row = {"id": "d", "part": 0, "position": 0, "path": str(tmp_path / "c.warc"), "offset": 0, "length": size}
    stage = FetchImages(sources=("crawl", "data"), **policy)
    *dropped, doc = stage.apply([document("d", "http://a/0")], {"d": [row]})
    assert [d.drop.reason for d in dropped] + [image.opt_out for image in doc.images] == [outcome]


def test_an_image_whose_page_or_metadata_opts_out_is_dropped():
    picture = base64.b64encode(b"\x89PNG plus:DataMining http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED").decode()
    of_page = Image(position=0, url="data:,a", opt_out="meta robots: noimageai")
    doc = Document(
        id="d", elements=(of_page, Image(position=1, url=f"data:image/png;base64,{picture}"), Image(position=2, url="data:,b"))
    )
    *dropped, kept = FetchImages().apply([doc], {})
    assert [(d.position, d.drop.reason) for d in dropped] == [(0, "opted_out"), (1, "opted_out")]
    assert [(image.position, image.data, image.opt_out) for image in kept.images] == [(2, b"b", "")]


def test_what_failed_is_on_record_and_what_may_pass_can_be_left_to_a_later_step():
    with serving() as flaky:
        urls = [f"{flaky.url}/{path}" for path in ("recovers/1", "status/404", "ok")]
        doc = document("d", *urls)
        with_http = {"sources": ("http",), "allow_private": True, "retries": 0}
        *others, left = FetchImages(**with_http, leaves_passing=True).apply([doc], {})
        assert [row.row for row in others if isinstance(row, Side)] == [
            {"id": "d", "position": 0, "url": urls[0], "reason": "http_500", "passing": True},
            {"id": "d", "position": 1, "url": urls[1], "reason": "http_404", "passing": False},
        ]
        assert [outcome for outcome in others if isinstance(outcome, Dropped)] == [Dropped("d", Drop("http_404"), 1, urls[1])]
        assert [image.data for image in left.images] == [None, BODY]
        [whole] = fetched(FetchImages(**with_http), left)
        assert [image.data for image in whole.images] == [BODY, BODY]


def test_without_a_later_step_what_may_pass_is_dropped_too():
    with serving() as flaky:
        stage = FetchImages(sources=("http",), allow_private=True, retries=0)
        assert load(stage, flaky.url + "/status/503") == Drop("http_503")


def test_a_url_that_failed_for_good_in_an_earlier_step_is_not_asked_again():
    with serving() as flaky:
        gone, back = f"{flaky.url}/status/404", f"{flaky.url}/ok"
        rows = [(gone, "http_404", False), (back, "http_503", True), (f"{flaky.url}/big", "too_large", False)]
        rows.append((back.replace("http:", "https:"), "tls_failed", False))  # http and https of an address count as one
        failed = [{"id": "x", "position": 0, "url": url, "reason": reason, "passing": passing} for url, reason, passing in rows]
        known = {"failed_fetches": [pa.Table.from_pylist(failed, SIDE_TABLES["failed_fetches"])]}
        stage = FetchImages(sources=("http",), allow_private=True, robots=False)
        docs = [document("d", gone, back)]
        found = verdicts(stage, [stage.sketch(docs)], known, 1)
        assert [(row["position"], row["reason"]) for row in found.to_pylist()] == [(0, "http_404")]
        dropped, doc = fetched(stage, *docs, table=found)
        assert (dropped.drop, [image.data for image in doc.images]) == (Drop("http_404"), [BODY])
        assert set(flaky.requests) == {"/ok"}


def test_a_capture_counts_more_than_a_failure_of_its_url(tmp_path):
    record = warc_record("http://a/0", b"zero")
    (tmp_path / "c.warc.gz").write_bytes(record)
    stage = FetchImages(sources=("crawl", "http"))
    failed = [{"id": "x", "position": 0, "url": "http://a/0", "reason": "http_404", "passing": False}]
    of_crawl = [
        {**row, "length": len(record)} for row in captures(("http://a/0", str(tmp_path / "c.warc.gz"), 0, "1")).to_pylist()
    ]
    known = {
        "captures": [pa.Table.from_pylist(of_crawl, SIDE_TABLES["captures"])],
        "failed_fetches": [pa.Table.from_pylist(failed, SIDE_TABLES["failed_fetches"])],
    }
    docs = [document("d", "http://a/0")]
    [doc] = fetched(stage, *docs, table=verdicts(stage, [stage.sketch(docs)], known, 1))
    assert [image.data for image in doc.images] == [b"zero"]


def test_a_further_pass_asks_again_for_what_may_pass(run, tmp_path):
    with serving() as flaky:
        paths = ("recovers/1", "status/404", "status/503", "ok")
        lines = [json.dumps({"text": path, "image": f"{flaky.url}/{path}"}) + "\n" for path in paths]
        (tmp_path / "in.jsonl").write_text("".join(lines))
        manners = {"sources": ["http"], "passes": 2, "retries": 0, "allow_private": True, "robots": False, "requests_per_s": 0}
        finished = run(
            ("stages.read_documents", {"paths": str(tmp_path / "in.jsonl"), "fields": {"text": "text", "image": "image"}}),
            ("stages.fetch_images", manners),
            "stages.write_parquet",
        )
        drops = sorted((row["step"], row["reason"]) for row in run_reader.decisions(finished.run))
        assert drops == [("fetch_images", "http_503"), ("fetch_images-pass-1", "http_404")]
        assert flaky.requests == {"/recovers/1": 2, "/status/404": 1, "/status/503": 2, "/ok": 1}


def test_passes_need_a_source_that_is_asked_again():
    problem = "passes: only the source 'http' is asked again; add it, or leave `passes` out"
    assert [*FetchImages(passes=2).check()] == [problem]
