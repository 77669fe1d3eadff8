"""JSON objects, one per line, from a share of a file."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, cast

import pyarrow as pa

from interloom.pipeline.stage import Split
from interloom.pipeline.store import storage

_PACKED = (".gz", ".zst")
_PIECE_BYTES = 64 << 10
JSON_ENDINGS = tuple(f"{kind}{packed}" for kind in (".jsonl", ".ndjson", ".json") for packed in ("", *_PACKED))


@dataclass(frozen=True, slots=True)
class Line:
    """What a line holds: `value`, or the `error` in it. `offset` in (unpacked) bytes."""

    offset: int
    value: dict[str, Any]
    error: str = ""


def is_json_lines(path: str) -> bool:
    return path.lower().endswith(JSON_ENDINGS)


def line_splits(files: list[Split], size_bytes: int) -> list[Split]:
    """Files of JSON lines cut into shares of `size_bytes`; packed ones stay whole."""
    return [share for file in files for share in _shares(file, size_bytes)]


def _shares(file: Split, size_bytes: int) -> Iterator[Split]:
    size = file.stop or 0
    if not is_json_lines(file.path) or file.path.lower().endswith(_PACKED) or size <= size_bytes:
        yield file
        return
    for start in range(0, size, size_bytes):
        yield replace(file, start=start, stop=min(start + size_bytes, size))


def json_lines(split: Split, max_line_bytes: int) -> Iterator[Line]:
    """The objects of the lines that begin in the split. Broken and overlong lines come with their error; blank ones do not."""
    with _opened(split.path) as file:
        start, stop = _bounds(file, split)
        try:
            for offset, line in _lines(file, start, stop, max_line_bytes):
                if len(line) > max_line_bytes:
                    yield Line(offset, {}, f"too large: a line of more than {max_line_bytes} bytes")
                elif not line.isspace():
                    yield _parsed(offset, line)
        except (EOFError, OSError, zlib.error, pa.ArrowException) as error:
            yield Line(-1, {}, f"broken file: {error}")


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    with storage.open(path) as file:
        if path.lower().endswith(".gz"):
            yield cast(BinaryIO, gzip.GzipFile(fileobj=file))
        elif path.lower().endswith(".zst"):
            yield io.BufferedReader(pa.input_stream(file, compression="zstd"), _PIECE_BYTES)  # what is lost when a file is cut
        else:
            yield file


def _bounds(file: BinaryIO, split: Split) -> tuple[int, int | None]:
    """A line belongs to the share that its first byte is in."""
    if split.path.lower().endswith(_PACKED):
        return 0, None
    if split.start == 0:
        return 0, split.stop
    file.seek(split.start - 1)
    at = split.start - 1
    while piece := file.readline(1 << 20):
        at += len(piece)
        if piece.endswith(b"\n"):
            break
    return at, split.stop


def _lines(file: BinaryIO, at: int, stop: int | None, max_bytes: int) -> Iterator[tuple[int, bytes]]:
    while stop is None or at < stop:
        line = file.readline(max_bytes + 1)
        if not line:
            return
        yield at, line
        at += len(line)
        while len(line) > max_bytes and not line.endswith(b"\n"):
            line = file.readline(max_bytes + 1)
            at += len(line)


def _parsed(offset: int, line: bytes) -> Line:
    try:
        value = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        return Line(offset, {}, f"broken JSON: {error}"[:300])
    return Line(offset, value) if isinstance(value, dict) else Line(offset, {}, "not a JSON object")
