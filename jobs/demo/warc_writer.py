"""Writes WARC 1.0 files (ISO 28500) with one gzip member per record; the same captures always give the same bytes."""

from __future__ import annotations

import base64
import gzip
import hashlib
import uuid
from dataclasses import dataclass
from http import HTTPStatus

SOFTWARE = b"software: interloom demo\r\nformat: WARC File Format 1.0\r\n"


@dataclass(frozen=True, slots=True)
class Capture:
    """A response of a server: `date` is the capture time (ISO 8601), `body` the content."""

    url: str
    date: str
    content_type: str
    body: bytes
    status: int = 200

    @property
    def http(self) -> bytes:
        """The response as HTTP/1.1 bytes: status line, headers and body."""
        phrase = HTTPStatus(self.status).phrase
        head = f"HTTP/1.1 {self.status} {phrase}\r\nContent-Type: {self.content_type}\r\nContent-Length: {len(self.body)}\r\n\r\n"
        return head.encode("ascii") + self.body


def write_warc(captures: list[Capture], *, break_off: bool = False) -> bytes:
    """A warcinfo record, then a request and a response record for each capture. With `break_off`, the second half of the last
    record is missing."""
    members = [_member({"WARC-Type": "warcinfo", "WARC-Date": "2024-03-01T00:00:00Z"}, "application/warc-fields", SOFTWARE)]
    for capture in captures:
        members += [_request(capture), _response(capture)]
    data = b"".join(members)
    return data[: len(data) - len(members[-1]) // 2] if break_off else data


def _request(capture: Capture) -> bytes:
    host, _, path = capture.url.partition("://")[2].partition("/")
    block = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: interloom-demo\r\n\r\n".encode("ascii")
    return _member(_fields(capture, "request"), "application/http; msgtype=request", block)


def _response(capture: Capture) -> bytes:
    digest = base64.b32encode(hashlib.sha1(capture.body, usedforsecurity=False).digest()).decode("ascii")
    fields = {**_fields(capture, "response"), "WARC-Payload-Digest": f"sha1:{digest}"}
    return _member(fields, "application/http; msgtype=response", capture.http)


def _fields(capture: Capture, kind: str) -> dict[str, str]:
    return {"WARC-Type": kind, "WARC-Target-URI": capture.url, "WARC-Date": capture.date}


def _member(fields: dict[str, str], content_type: str, block: bytes) -> bytes:
    """A record with these WARC header fields as a gzip member; its record id is a hash of the fields."""
    record_id = uuid.uuid5(uuid.NAMESPACE_URL, " ".join(fields.values()))
    fields = {
        **fields,
        "WARC-Record-ID": f"<urn:uuid:{record_id}>",
        "Content-Type": content_type,
        "Content-Length": str(len(block)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return gzip.compress(b"WARC/1.0\r\n" + head.encode("utf-8") + b"\r\n" + block + b"\r\n\r\n", 6, mtime=0)
