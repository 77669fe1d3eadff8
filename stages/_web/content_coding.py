"""Undoes what a server did to a payload: chunks, gzip, deflate, brotli, zstd. Archives hold many that lie about it."""

from __future__ import annotations

import io
import re
import zlib

from fastwarc.stream_io import BrotliReader, Lz4Reader, ZstdReader

from interloom.pipeline.errors import DocumentError

_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_MARKUP = re.compile(rb"\s*<[!?a-zA-Z]")
GZIP = b"\x1f\x8b"


def decode(payload: bytes, transfer: str, content: str, max_bytes: int) -> bytes:
    """The payload as a browser sees it. A header that claims a coding the bytes do not have is ignored; a stream that
    ends early gives what it holds.

    Raises DocumentError: the coding is broken or unknown, or more than `max_bytes` come out.
    """
    if "chunked" in transfer.lower():
        payload = _dechunked(payload)
    for coding in reversed([name.strip().lower() for name in content.split(",")]):
        payload = _undone(payload, coding, max_bytes)
    if len(payload) > max_bytes:
        raise DocumentError(f"too large: a payload of more than {max_bytes} bytes")
    return payload


def _undone(payload: bytes, coding: str, max_bytes: int) -> bytes:
    if coding in ("", "identity", "none", "utf-8", "8bit", "binary") or not payload or _MARKUP.match(payload):
        return payload
    if coding in ("gzip", "x-gzip"):
        return inflated(payload, 31, max_bytes) if payload.startswith(GZIP) else payload
    if coding == "deflate":
        return _deflated(payload, max_bytes)
    if coding in ("br", "zstd"):
        reader = BrotliReader if coding == "br" else ZstdReader
        return streamed(reader(io.BytesIO(payload)), coding, max_bytes)
    raise DocumentError(f"unknown content encoding {coding[:40]!r}")


def inflated(payload: bytes, wbits: int, max_bytes: int) -> bytes:
    """Every gzip member (or the zlib stream) in it, at most `max_bytes` + 1 bytes. Raises DocumentError: it is broken."""
    parts, size = [], 0
    while payload and size <= max_bytes:
        stream = zlib.decompressobj(wbits)
        try:
            parts.append(stream.decompress(payload, max_bytes + 1 - size))
        except zlib.error as error:
            raise DocumentError(f"broken compression: {error}") from error
        size += len(parts[-1])
        payload = stream.unused_data if stream.unused_data.startswith(GZIP) else b""
    return b"".join(parts)


def _deflated(payload: bytes, max_bytes: int) -> bytes:
    """RFC 9110 says zlib's format, many servers send the bare stream."""
    try:
        return inflated(payload, 15, max_bytes)
    except DocumentError:
        return inflated(payload, -15, max_bytes)


def streamed(reader: BrotliReader | Lz4Reader | ZstdReader, coding: str, max_bytes: int) -> bytes:
    """All the reader gives, at most `max_bytes` + 1 bytes. Raises DocumentError: it is broken."""
    parts: list[bytes] = []
    size = 0
    try:
        while size <= max_bytes and (part := reader.read(min(1 << 20, max_bytes + 1 - size))):
            parts.append(part)
            size += len(part)
    except (OSError, EOFError) as error:
        raise DocumentError(f"broken {coding}: {error}") from error
    return b"".join(parts)


def _dechunked(payload: bytes) -> bytes:
    """The chunks joined. Bytes that were stored without their chunk sizes are left alone, a cut last chunk is kept."""
    parts: list[bytes] = []
    at = 0
    while size_line := _CHUNK_SIZE.match(payload, at):
        size = int(size_line[1], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(payload[size_line.end() : size_line.end() + size])
        at = size_line.end() + size
        at += 2 if payload[at : at + 2] == b"\r\n" else int(payload[at : at + 1] == b"\n")
    if at < len(payload) and parts:
        raise DocumentError(f"broken chunks: no chunk size at byte {at}")
    return b"".join(parts) if parts else payload
