import zlib

import pytest

from interloom.pipeline.errors import DocumentError
from interloom.stages._web.capture import read_capture

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
