import gzip
import io
import random
import zlib

import pytest
from fastwarc.stream_io import BrotliWriter

from interloom.pipeline.errors import DocumentError
from interloom.stages._web.content_coding import decode

TEXT = b"some text " * 50


def brotli(data: bytes) -> bytes:
    stream = io.BytesIO()
    writer = BrotliWriter(stream)
    writer.write(data)
    writer.close()
    return stream.getvalue()


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("", TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("x-gzip", gzip.compress(TEXT[:100], mtime=0) + gzip.compress(TEXT[100:], mtime=0)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)[2:-4]),
        ("br", brotli(TEXT)),
        ("gzip, br", brotli(gzip.compress(TEXT, mtime=0))),
        ("gzip", zlib.compress(TEXT)),
        ("gzip", brotli(TEXT)),
        ("", gzip.compress(TEXT, mtime=0)),
        ("gzip", gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0)),
        ("gzip", gzip.compress(TEXT, mtime=0)[:-8] + b"\x00" * 8),
        ("br", b"\x00\n<p>" + TEXT),
    ],
)
def test_codings_are_removed(coding: str, data: bytes) -> None:
    assert decode(data, "", coding, 10_000).removeprefix(b"\x00\n<p>") == TEXT


def test_chunks_are_joined() -> None:
    assert decode(b"5\r\nhello\r\n6;x=1\r\n world\r\n0\r\n\r\n", "chunked", "", 100) == b"hello world"


@pytest.mark.parametrize("header", ["", "chunked"])
@pytest.mark.parametrize("end", [b"0\r\n\r\n", b"0\r\n", b"0\r", b"0", b""])
def test_chunks_are_joined_without_a_header_that_names_them_and_with_any_end(header: str, end: bytes) -> None:
    assert decode(b"5\r\nhello\r\n6\r\n world\r\n" + end, header, "", 100) == b"hello world"


def test_a_text_that_begins_with_a_number_is_no_chunk() -> None:
    assert decode(b"5\r\nhello\r\n", "", "", 100) == b"5\r\nhello\r\n"


def test_codings_of_the_transfer_are_removed_too() -> None:
    body = gzip.compress(TEXT, mtime=0)
    assert decode(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body), "gzip, chunked", "", 10_000) == TEXT


def test_a_truncated_last_chunk_is_kept() -> None:
    assert decode(b"5\r\nhello\r\nff\r\n wor", "chunked", "", 100) == b"hello wor"


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_a_coding_that_the_payload_does_not_have_is_ignored(coding: str) -> None:
    assert decode(b"<html>plain</html>", "chunked", coding, 100) == b"<html>plain</html>"


def test_a_truncated_gzip_body_is_decoded_up_to_its_end() -> None:
    cut = decode(gzip.compress(bytes(range(256)) * 40)[:-30], "", "gzip", 100_000)
    assert cut and (bytes(range(256)) * 40).startswith(cut)


@pytest.mark.parametrize(
    ("coding", "data"),
    [("gzip", b"\x1f\x8b\x08" + b"\xff" * 40), ("br", b"\xff" * 40), ("deflate", b"\xff" * 9), ("rot13", b"\x00\x01abc\xff")],
)
def test_broken_and_unknown_codings_are_document_errors(coding: str, data: bytes) -> None:
    with pytest.raises(DocumentError):
        decode(data, "", coding, 1000)


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("br", brotli), ("deflate", zlib.compress), ("", bytes)])
def test_more_than_the_limit_is_refused(coding: str, pack: object) -> None:
    assert callable(pack)
    with pytest.raises(DocumentError, match="too large"):
        decode(pack(b"x" * 5000), "", coding, 4999)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "utf-8", "iso-8859-1", "amz-1.0, gzip", "x-unknown"])
@pytest.mark.parametrize(
    "payload",
    [
        b"\xef\xbb\xbf<html><p>With a mark.</p>",
        "\ufeff<html>".encode("utf-16-le"),
        b"Plain words without any markup, as in a robots.txt.",
        b'{"json": [1, 2, 3]}',
        "Grüße aus dem Winter".encode(),
        "Gr\u00fc\u00dfe aus dem Winter, ohne Marken".encode("latin-1"),
        b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
        b"\n\n </div>rest of a page",
    ],
)
def test_a_claim_that_the_bytes_do_not_bear_out_is_ignored(coding: str, payload: bytes) -> None:
    assert decode(payload, "", coding, 10_000) == payload


@pytest.mark.parametrize("claim", ["deflate", "br", "zstd", "utf-8"])
def test_gzip_under_another_name_is_inflated(claim: str) -> None:
    assert decode(gzip.compress(b"<p>Words</p>"), "", claim, 10_000) == b"<p>Words</p>"


@pytest.mark.parametrize("head", [b"\x00", b"\x1e"])
def test_a_wrong_checksum_in_one_of_many_gzip_members_loses_nothing(head: bytes) -> None:
    extras = b"\x03\x00abcname\x00comment\x00\x12\x34" if head != b"\x00" else b""  # flags of FEXTRA, FNAME, FCOMMENT, FHCRC
    plain = gzip.compress(TEXT, mtime=0)
    member = bytearray(plain[:3] + head + plain[4:10] + extras + plain[10:])
    if extras:
        member[10 + len(extras) - 2 : 10 + len(extras)] = (zlib.crc32(member[: 10 + len(extras) - 2]) & 0xFFFF).to_bytes(
            2, "little"
        )
    member[-6] ^= 1
    noise = random.Random(7).randbytes(30_000)
    payload = gzip.compress(TEXT) + bytes(member) + gzip.compress(noise)
    assert decode(payload, "", "gzip", 100_000) == TEXT + TEXT + noise


def test_many_small_gzip_members_are_all_read() -> None:
    assert decode(gzip.compress(b"x") * 60_000, "", "gzip", 100_000) == b"x" * 60_000


def test_what_is_too_large_may_be_cut_off() -> None:
    for payload, coding in ((gzip.compress(TEXT), "gzip"), (brotli(TEXT), "br"), (TEXT, "")):
        assert decode(payload, "", coding, 77, is_cut=True) == TEXT[:77]
