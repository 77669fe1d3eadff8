"""Decodes a payload: removes chunks and the codings gzip, deflate, brotli and zstd.

Many archived responses name a coding that their payload does not have.
"""

from __future__ import annotations

import codecs
import io
import re
import zlib

from fastwarc.stream_io import BrotliReader, Lz4Reader, ZstdReader

from interloom.pipeline.errors import DocumentError
from interloom.stages._images.formats import image_media_type

_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_END_OF_CHUNKS = re.compile(rb"[0\s]{1,20}")
"""What is left of the last chunk, which is empty, of a payload that is cut there."""
_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?[\s\x00]*<[!?/a-zA-Z]")
_CODED = re.compile(rb"[\x80-\xff]{3}")
"""Three bytes beyond ASCII in a row, which texts in charsets of one byte seldom have and coded bytes always have soon."""
GZIP = b"\x1f\x8b"
_GZIP_DEFLATE = b"\x1f\x8b\x08"
"""What every gzip file begins with, and no text and no picture."""
_WRONG_CHECK = re.compile("incorrect (?:data|length) check")
_TRAILER_BYTES = 8
"""The checksum and the size at the end of a gzip file. What is wrong there does not make the text wrong."""
_MAX_UNSAID = 2
"""So many times a payload is inflated without a header that says so. Our choice."""
_CODINGS = ("gzip", "x-gzip", "deflate", "br", "zstd")
ZSTD = b"\x28\xb5\x2f\xfd"
_PLAIN_BYTES = 1024
"""So many bytes at the head of a payload show whether it is text. Our choice."""
_PIECE_BYTES = 1 << 20
_FIRST_PIECE_BYTES = 1 << 10


class TooLargeError(DocumentError):
    """A payload is larger than the limit, with or without its coding."""


def decode(payload: bytes, transfer: str, content: str, max_bytes: int, *, is_cut: bool = False) -> bytes:
    """Returns the decoded payload, as a browser would see it.

    A coding that the payload does not have is ignored; of a truncated stream the decodable beginning is returned. What is
    compressed in another way than the header says (gzip, zlib, zstd, brotli), or with gzip once more, is decoded all the same.

    Parameters:
        payload: The encoded bytes.
        transfer: The header `Transfer-Encoding`.
        content: The header `Content-Encoding`; may list several codings.
        max_bytes: Maximum size of the result. Bytes.
        is_cut: Whether a larger result is cut off there instead of refused. Default false.

    Raises DocumentError if a coding is broken or unknown, TooLargeError if the result is larger than `max_bytes`.
    """
    if "chunked" in transfer.lower() or _is_chunked(payload):
        payload = _join_chunks(payload)
    coded = [name for name in _names(transfer) if name in _CODINGS]
    for coding in reversed([*_names(content), *coded]):
        payload = _remove_coding(payload, coding, max_bytes)
    for _ in range(_MAX_UNSAID):
        if payload.startswith(_GZIP_DEFLATE):
            payload = inflate(payload, 31, max_bytes)
    if len(payload) > max_bytes and not is_cut:
        raise TooLargeError(f"too large: a payload of more than {max_bytes} bytes")
    return payload[:max_bytes]


def _names(field: str) -> list[str]:
    return [name.strip().lower() for name in field.split(",")]


def _remove_coding(payload: bytes, coding: str, max_bytes: int) -> bytes:
    """The payload without a coding. A claim that its bytes do not bear out is ignored: they have none, or another one."""
    if coding in ("", "identity", "none") or not payload or _MARKUP.match(payload):
        return payload
    if payload.startswith(GZIP):
        return inflate(payload, 31, max_bytes)
    if payload.startswith(ZSTD):
        return read_limited(ZstdReader(io.BytesIO(payload)), "zstd", max_bytes)
    if coding not in _CODINGS and not _is_plain(payload):
        raise DocumentError(f"unknown content encoding {coding[:40]!r}")
    if coding in ("deflate", "br"):
        return _without_deflate_or_brotli(payload, coding, max_bytes)
    return _inflate_if_zlib(payload, max_bytes)


def _without_deflate_or_brotli(payload: bytes, coding: str, max_bytes: int) -> bytes:
    """The decoded payload; plain text and images as they are. These two codings have no mark of their own."""
    try:
        if coding == "deflate":
            return _inflate_zlib_or_raw(payload, max_bytes)
        return read_limited(BrotliReader(io.BytesIO(payload)), coding, max_bytes)
    except DocumentError:
        if _is_plain(payload):
            return payload
        raise


def _inflate_if_zlib(payload: bytes, max_bytes: int) -> bytes:
    """The inflated payload if it is a stream of zlib whatever the header says, which its first two bytes tell; else as it is.

    What is no text may be brotli, which has no mark.
    """
    if _is_plain(payload):
        return payload
    is_zlib = payload[0] & 15 == 8 and int.from_bytes(payload[:2], "big") % 31 == 0
    try:
        return inflate(payload, 15, max_bytes) if is_zlib else read_limited(BrotliReader(io.BytesIO(payload)), "br", max_bytes)
    except DocumentError:
        return payload


def _is_plain(payload: bytes) -> bool:
    """Whether a payload is an image, or text: coded bytes have control characters and are no UTF-8."""
    head = payload[:_PLAIN_BYTES]
    if image_media_type(payload) or payload.startswith(_BOMS):
        return True
    controls = sum(byte < 32 and byte not in b"\t\n\r\f" for byte in head)
    return controls == 0 and (_CODED.search(head) is None or _is_utf8(head))


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def inflate(payload: bytes, wbits: int, max_bytes: int) -> bytes:
    """Inflates all gzip members, or the zlib stream, of the payload.

    Parameters:
        payload: The compressed bytes.
        wbits: The format, as for `zlib.decompressobj`: 31 for gzip, 15 for zlib, -15 for raw deflate.
        max_bytes: It stops after `max_bytes` + 1 bytes, so that the caller can see that there are too many. Bytes.

    Raises DocumentError if the stream is broken.
    """
    parts, size, at = [], 0, 0
    while (at == 0 or payload.startswith(GZIP, at)) and at < len(payload) and size <= max_bytes:
        try:
            part, end = _inflate_stream(payload, at, wbits, max_bytes + 1 - size)
        except zlib.error as error:
            if wbits != 31 or not _WRONG_CHECK.search(str(error)):
                raise DocumentError(f"broken compression: {error}") from error
            part, end = _inflate_stream(payload, _end_of_head(payload, at), -15, max_bytes + 1 - size)
            end += _TRAILER_BYTES
        parts.append(part)
        size, at = size + len(part), end
    return b"".join(parts)


def _inflate_stream(payload: bytes, at: int, wbits: int, most: int) -> tuple[bytes, int]:
    """The first `most` bytes of the stream that begins at a byte, and where it ends.

    Pieces grow, because what follows a stream in its last piece is copied, and streams may be many and small.
    """
    stream, view, parts, step = zlib.decompressobj(wbits), memoryview(payload), [], _FIRST_PIECE_BYTES
    while not stream.eof and at < len(payload) and most > 0:
        piece = view[at : at + step]
        parts.append(stream.decompress(piece, most))
        most -= len(parts[-1])
        at += len(piece) - len(stream.unused_data) - len(stream.unconsumed_tail)
        step = min(2 * step, _PIECE_BYTES)
    return b"".join(parts), at


def _end_of_head(payload: bytes, at: int) -> int:
    """Where the head of the gzip member that begins at a byte ends (RFC 1952, section 2.3)."""
    flags, at = payload[at + 3], at + 10
    if flags & 4:
        at += 2 + int.from_bytes(payload[at : at + 2], "little")
    for flag in (8, 16):  # its name, a comment
        if flags & flag:
            at = payload.index(0, at) + 1
    return at + (2 if flags & 2 else 0)


def _inflate_zlib_or_raw(payload: bytes, max_bytes: int) -> bytes:
    """Inflates zlib's format, which RFC 9110 requires for "deflate", or a raw deflate stream, which many servers send."""
    try:
        return inflate(payload, 15, max_bytes)
    except DocumentError:
        return inflate(payload, -15, max_bytes)


def read_limited(reader: BrotliReader | Lz4Reader | ZstdReader, coding: str, max_bytes: int) -> bytes:
    """Reads all bytes from a decompressing reader, but at most `max_bytes` + 1.

    Parameters:
        reader: The reader.
        coding: Its name, for the error message.
        max_bytes: The limit. Bytes.

    Raises DocumentError if the stream is broken.
    """
    parts: list[bytes] = []
    size = 0
    try:
        while size <= max_bytes and (part := reader.read(min(_PIECE_BYTES, max_bytes + 1 - size))):
            parts.append(part)
            size += len(part)
    except (OSError, EOFError) as error:
        raise DocumentError(f"broken {coding}: {error}") from error
    return b"".join(parts)


def _is_chunked(payload: bytes) -> bool:
    """Whether a payload begins with a chunk, and another one follows it, whatever its header says."""
    first = _CHUNK_SIZE.match(payload)
    end = first.end() + int(first[1], 16) if first is not None else 0
    return end > 0 and payload[end : end + 2] == b"\r\n" and _CHUNK_SIZE.match(payload, end + 2) is not None


def _join_chunks(payload: bytes) -> bytes:
    """Joins the chunks of a chunked payload. Example: b"5\\r\\nhello\\r\\n0\\r\\n" -> b"hello".

    A payload that was stored without chunk sizes is returned as it is; a truncated last chunk is kept. Raises DocumentError
    if a chunk is not followed by a chunk size.
    """
    parts: list[bytes] = []
    at = 0
    while size_line := _CHUNK_SIZE.match(payload, at):
        size = int(size_line[1], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(payload[size_line.end() : size_line.end() + size])
        at = size_line.end() + size
        at += 2 if payload[at : at + 2] == b"\r\n" else int(payload[at : at + 1] == b"\n")
    if at < len(payload) and parts and not _END_OF_CHUNKS.fullmatch(payload, at):
        raise DocumentError(f"broken chunks: no chunk size at byte {at}")
    return b"".join(parts) if parts else payload
