import zlib

import pytest

from interloom.pipeline.errors import DocumentError
from interloom.stages._web.capture import read_capture, read_response

BLOCK = b"HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\n\r\nGIF89a"
RECORD = b"WARC/1.0\r\nWARC-Type: response\r\nContent-Type: application/http\r\nContent-Length: %d\r\n\r\n%s" % (
    len(BLOCK),
    BLOCK,
)


def test_a_record_is_its_content_type_and_body() -> None:
    assert read_capture(RECORD) == ("image/gif", b"GIF89a")


def test_headers_with_lf_line_ends_are_read() -> None:
    assert read_capture(RECORD.replace(b"\r\n", b"\n").replace(b"%d" % len(BLOCK), b"%d" % (len(BLOCK) - 3)))[1] == b"GIF89a"


@pytest.mark.parametrize(
    "data", [b"", b"junk", RECORD[:-1], RECORD[:30], b"\x1f\x8b\x08junk", RECORD.replace(b"HTTP/1.1 200 OK", b"no status here!")]
)
def test_bytes_that_are_not_a_complete_record_are_a_document_error(data: bytes) -> None:
    with pytest.raises(DocumentError):
        read_capture(data)


def test_a_gzip_bomb_is_refused_before_it_fills_the_memory() -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(32)) + bomb.flush()
    with pytest.raises(DocumentError):
        read_capture(data, max_body_bytes=1000)


@pytest.mark.parametrize("change", [bytes.lower, bytes.upper, lambda name: name.capitalize(), lambda name: name + b" "])
def test_the_names_of_warc_fields_are_read_in_any_case(change) -> None:
    http_part = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<p>Words</p>"
    fields = (
        (b"WARC-Type", b"response"),
        (b"WARC-Target-URI", b"http://a.org/"),
        (b"WARC-Date", b"2024-01-01T00:00:00Z"),
        (b"Content-Type", b"application/http; msgtype=response"),
        (b"Content-Length", b"%d" % len(http_part)),
    )
    head = b"WARC/1.0\r\n" + b"".join(change(name) + b": " + value + b"\r\n" for name, value in fields)
    capture, body = read_response(head + b"\r\n" + http_part + b"\r\n\r\n")
    assert (capture.kind, capture.url, capture.status, body) == ("response", "http://a.org/", 200, b"<p>Words</p>")
