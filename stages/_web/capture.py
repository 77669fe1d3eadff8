"""Parses one archived response into its headers and its payload, and decodes the payload."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from itertools import pairwise

from fastwarc.stream_io import Lz4Reader, ZstdReader
from fastwarc.warc import ArchiveIterator, HeaderMap, WarcHeaderMap, WarcRecord

from interloom.pipeline.errors import DocumentError
from interloom.stages._web.content_coding import decode, inflate, read_limited
from interloom.stages._web.warc_files import GZIP, LZ4, ZSTD
from interloom.stages._web.warc_records import ARC_LINE, Window, records

MAX_BODY_BYTES = 64 << 20
"""Default limit of a decoded body. Our choice."""
_MAX_HEAD_BYTES = 1 << 20
_HEAD = re.compile(rb".*?\r?\n\r?\n", re.DOTALL)
_FIELD = re.compile(rb"(?m)^([A-Za-z-]+)[ \t]*:")
_USUAL_NAMES = {
    name.lower(): name
    for name in (b"WARC-Type", b"WARC-Target-URI", b"WARC-Date", b"WARC-Record-ID", b"Content-Type", b"Content-Length")
}
_STATUS = re.compile(r"\S+\s+(\d{3})(?:\s|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One archived record.

    `kind` is its WARC type in lower case, `status` the HTTP status or None without HTTP, `payload` is still encoded
    with `transfer_coding` and `content_coding`, `fields` are the names and values of the HTTP headers.
    """

    kind: str
    url: str
    date: str
    content_type: str
    status: int | None
    transfer_coding: str
    content_coding: str
    fields: tuple[tuple[str, str], ...]
    payload: bytes

    def body(self, max_bytes: int) -> bytes:
        """Returns the decoded payload. Raises DocumentError if it is broken or larger than `max_bytes`."""
        return decode(self.payload, self.transfer_coding, self.content_coding, max_bytes)


def read_capture(data: bytes, max_body_bytes: int = MAX_BODY_BYTES) -> tuple[str, bytes]:
    """Returns the content type and the decoded body of the record in `data`. For the parameters see `read_response`."""
    capture, body = read_response(data, max_body_bytes)
    return capture.content_type, body


def read_response(data: bytes, max_body_bytes: int = MAX_BODY_BYTES) -> tuple[Capture, bytes]:
    """Returns the record in `data`, which may be compressed, and its decoded body.

    Parameters:
        data: The bytes of one record, as they are in the archive.
        max_body_bytes: Maximum size of the decoded body. Bytes. Default 64 MiB, our choice.

    Raises DocumentError if `data` is not a complete record, its codings are broken, or the body is too large.
    """
    limit = max_body_bytes + _MAX_HEAD_BYTES
    content = io.BytesIO(_decompress(data, limit))
    record = next(records(Window(content.read), limit), None)
    if record is None or record.error:
        raise DocumentError(record.error if record else "no record in these bytes")
    capture = parse_capture(record.block)
    return capture, capture.body(max_body_bytes)


def _decompress(data: bytes, max_bytes: int) -> bytes:
    if data.startswith(GZIP):
        return inflate(data, 31, max_bytes)
    if data.startswith((LZ4, ZSTD)):
        reader = Lz4Reader if data.startswith(LZ4) else ZstdReader
        return read_limited(reader(io.BytesIO(data)), "frame", max_bytes)
    return data


def parse_capture(block: bytes) -> Capture:
    """Parses one complete, uncompressed WARC or ARC record. Raises DocumentError if its headers are broken."""
    block = _with_usual_names(block) if block.startswith(b"WARC/") else _arc_to_warc(block)
    try:
        record = next(iter(ArchiveIterator(io.BytesIO(block), parse_http=False, quirks_mode=True)), None)
        if record is None:
            raise DocumentError("no record in these bytes")
        if _is_http(record):
            record.parse_http(quirks_mode=True, auto_decode="none")
        return _to_capture(record, bytes(record.reader.read()))
    except OSError as error:
        raise DocumentError(f"broken record: {error}") from error


def _with_usual_names(block: bytes) -> bytes:
    """The record with the names of WARC fields as the parser knows them, because they are case-insensitive (ISO 28500, 4).

    `content-length : 3` -> `Content-Length: 3`.
    """
    head = _HEAD.match(block)
    if head is None:
        return block
    named = _FIELD.sub(lambda field: _USUAL_NAMES.get(field[1].lower(), field[1]) + b":", head[0])
    return block if named == head[0] else named + block[head.end() :]


def _arc_to_warc(block: bytes) -> bytes:
    """Rewrites an ARC record (version 1) as a WARC record, so that one parser reads both.

    The line `URL IP date type length` becomes WARC headers: the date "20140216050221" -> "2014-02-16T05:02:21Z".
    Raises DocumentError if the block does not begin with such a line.
    """
    line = ARC_LINE.match(block)
    if line is None:
        raise DocumentError("neither a WARC nor an ARC record")
    content = block[line.end() + 1 :]
    content_type = b"application/http; msgtype=response" if content.startswith(b"HTTP/") else line["type"]
    kind = b"warcinfo" if line["url"].startswith(b"filedesc:") else b"response"
    date = b"%s-%s-%sT%s:%s:%sZ" % tuple(line["date"][:14].ljust(14, b"0")[a:b] for a, b in pairwise((0, 4, 6, 8, 10, 12, 14)))
    head = (b"WARC-Type: " + kind, b"WARC-Target-URI: " + line["url"], b"WARC-Date: " + date, b"Content-Type: " + content_type)
    return b"\r\n".join((b"WARC/1.0", *head, b"X-Arc-Type: " + line["type"], b"Content-Length: %d" % len(content), b"", content))


def _header(headers: HeaderMap | WarcHeaderMap | None, name: str) -> str:
    """Returns the value of a header, stripped; "" without the header or without headers."""
    return (headers.get(name) or "").strip() if headers is not None else ""


def _kind(record: WarcRecord) -> str:
    return _header(record.headers, "WARC-Type").lower() or "unknown"


def _is_http(record: WarcRecord) -> bool:
    return _kind(record) in ("response", "revisit") and _header(record.headers, "Content-Type").lower().startswith(
        "application/http"
    )


def _to_capture(record: WarcRecord, payload: bytes) -> Capture:
    http = record.http_headers if _is_http(record) else None
    status = _STATUS.match(http.status_line or "") if http is not None else None
    if http is not None and status is None and _kind(record) == "response":
        raise DocumentError("broken record: no HTTP status line")
    content_type = _header(http if http is not None else record.headers, "Content-Type")
    return Capture(
        kind=_kind(record),
        url=_clean_url(_header(record.headers, "WARC-Target-URI")),
        date=_header(record.headers, "WARC-Date"),
        content_type=content_type or _header(record.headers, "X-Arc-Type"),
        status=int(status[1]) if status else None,
        transfer_coding=_header(http, "Transfer-Encoding"),
        content_coding=", ".join(value for name, value in http or () if name.lower() == "content-encoding"),
        fields=tuple(http) if http is not None else (),
        payload=payload,
    )


def _clean_url(url: str) -> str:
    """Removes the <> that Wget writes around URLs, and encodes the spaces that some writers leave in them."""
    return url.removeprefix("<").removesuffix(">").replace(" ", "%20")
