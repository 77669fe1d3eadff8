"""One archived response: its headers read, its payload undone."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from itertools import pairwise

from fastwarc.stream_io import Lz4Reader, ZstdReader
from fastwarc.warc import ArchiveIterator, HeaderMap, WarcHeaderMap, WarcRecord

from interloom.pipeline.errors import DocumentError
from interloom.stages._web.content_coding import decode, inflated, streamed
from interloom.stages._web.warc_files import GZIP, LZ4, ZSTD
from interloom.stages._web.warc_records import ARC_LINE, Window, records

MAX_BODY_BYTES = 64 << 20
_MAX_HEAD_BYTES = 1 << 20
_STATUS = re.compile(r"\S+\s+(\d{3})(?:\s|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A record. `kind` is its WARC type, `status` None where there was no HTTP, `payload` still has its codings on."""

    kind: str
    url: str
    date: str
    content_type: str
    status: int | None
    transfer_coding: str
    content_coding: str
    opt_out: str
    payload: bytes

    def body(self, max_bytes: int) -> bytes:
        """The payload without its codings. Raises DocumentError: broken, or larger than `max_bytes`."""
        return decode(self.payload, self.transfer_coding, self.content_coding, max_bytes)


def read_capture(data: bytes, max_body_bytes: int = MAX_BODY_BYTES) -> tuple[str, bytes]:
    """The content type and the decoded body of the record that these bytes of an archive hold, compressed or not.

    Raises DocumentError: it is no record, it is cut, its codings are broken, or the body is larger than `max_body_bytes`.
    """
    limit = max_body_bytes + _MAX_HEAD_BYTES
    content = io.BytesIO(_decompressed(data, limit))
    record = next(records(Window(content.read), limit), None)
    if record is None or record.error:
        raise DocumentError(record.error if record else "no record in these bytes")
    capture = parse_capture(record.block)
    return capture.content_type, capture.body(max_body_bytes)


def _decompressed(data: bytes, max_bytes: int) -> bytes:
    if data.startswith(GZIP):
        return inflated(data, 31, max_bytes)
    if data.startswith((LZ4, ZSTD)):
        reader = Lz4Reader if data.startswith(LZ4) else ZstdReader
        return streamed(reader(io.BytesIO(data)), "frame", max_bytes)
    return data


def parse_capture(block: bytes) -> Capture:
    """Reads one whole uncompressed WARC or ARC record. Raises DocumentError: its heads are broken."""
    block = block if block.startswith(b"WARC/") else _as_warc(block)
    try:
        record = next(iter(ArchiveIterator(io.BytesIO(block), parse_http=False, quirks_mode=True)), None)
        if record is None:
            raise DocumentError("no record in these bytes")
        if _is_http(record):
            record.parse_http(quirks_mode=True, auto_decode="none")
        return _capture(record, bytes(record.reader.read()))
    except OSError as error:
        raise DocumentError(f"broken record: {error}") from error


def _as_warc(block: bytes) -> bytes:
    """An ARC record (version 1: `URL IP date type length`, then the response) in WARC's words, so that one parser does."""
    line = ARC_LINE.match(block)
    if line is None:
        raise DocumentError("neither a WARC nor an ARC record")
    content = block[line.end() + 1 :]
    content_type = b"application/http; msgtype=response" if content.startswith(b"HTTP/") else line["type"]
    kind = b"warcinfo" if line["url"].startswith(b"filedesc:") else b"response"
    date = b"%s-%s-%sT%s:%s:%sZ" % tuple(line["date"][:14].ljust(14, b"0")[a:b] for a, b in pairwise((0, 4, 6, 8, 10, 12, 14)))
    head = (b"WARC-Type: " + kind, b"WARC-Target-URI: " + line["url"], b"WARC-Date: " + date, b"Content-Type: " + content_type)
    return b"\r\n".join((b"WARC/1.0", *head, b"X-Arc-Type: " + line["type"], b"Content-Length: %d" % len(content), b"", content))


def _field(fields: HeaderMap | WarcHeaderMap | None, name: str) -> str:
    return (fields.get(name) or "").strip() if fields is not None else ""


def _kind(record: WarcRecord) -> str:
    return _field(record.headers, "WARC-Type").lower() or "unknown"


def _is_http(record: WarcRecord) -> bool:
    return _kind(record) in ("response", "revisit") and _field(record.headers, "Content-Type").lower().startswith(
        "application/http"
    )


def _capture(record: WarcRecord, payload: bytes) -> Capture:
    http = record.http_headers if _is_http(record) else None
    status = _STATUS.match(http.status_line or "") if http is not None else None
    if http is not None and status is None and _kind(record) == "response":
        raise DocumentError("broken record: no HTTP status line")
    return Capture(
        kind=_kind(record),
        url=_clean_url(_field(record.headers, "WARC-Target-URI")),
        date=_field(record.headers, "WARC-Date"),
        content_type=_field(http if http is not None else record.headers, "Content-Type") or _field(record.headers, "X-Arc-Type"),
        status=int(status[1]) if status else None,
        transfer_coding=_field(http, "Transfer-Encoding"),
        content_coding=_field(http, "Content-Encoding"),
        opt_out=_opt_out(http),
        payload=payload,
    )


def _opt_out(http: HeaderMap | None) -> str:
    """What the server said against use in training: `X-Robots-Tag`, `TDM-Reservation` (W3C TDMRep, section 6.1)."""
    robots = _field(http, "X-Robots-Tag")
    found = [f"header X-Robots-Tag: {robots[:200]}"] if re.search(r"\bno(?:image)?ai\b", robots, re.IGNORECASE) else []
    return "; ".join([*found, *(["header TDM-Reservation: 1"] if _field(http, "TDM-Reservation") == "1" else [])])


def _clean_url(url: str) -> str:
    """Wget writes <url>; some writers leave spaces in."""
    return url.removeprefix("<").removesuffix(">").replace(" ", "%20")
