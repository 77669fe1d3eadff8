"""Reads JSON objects, one per line, from a split of a file."""

from __future__ import annotations

import codecs
import gzip
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, cast

import pyarrow as pa

from interloom.pipeline.errors import Failure, until_broken
from interloom.pipeline.stage import Split
from interloom.pipeline.store import storage

_COMPRESSED = (".gz", ".zst")
_BUFFER_BYTES = 64 << 10
"""Buffer for decompressed zstd. At most this much is lost before the place at which a file is truncated. Our choice."""
_SKIP_BYTES = 1 << 20
"""Bytes that are read at once while the rest of a line that began before the split is skipped."""
_MAX_ERROR_CHARS = 300
JSON_ENDINGS = tuple(f"{kind}{compression}" for kind in (".jsonl", ".ndjson", ".json") for compression in ("", *_COMPRESSED))


@dataclass(frozen=True, slots=True)
class Line:
    """A line: its object in `value`, or in `error` why it could not be read.

    `offset` is its first byte in the decompressed file, -1 if the file itself is broken.
    """

    offset: int
    value: dict[str, Any]
    error: str = ""


def is_json_lines(path: str) -> bool:
    """Returns whether the file's name ends as one of JSON lines, compressed or not."""
    return path.lower().endswith(JSON_ENDINGS)


def line_splits(files: list[Split], size_bytes: int) -> list[Split]:
    """Cuts uncompressed files of JSON lines into splits of `size_bytes`; all other files stay whole.

    Parameters:
        files: One split per file.
        size_bytes: Size of a split. Bytes.
    """
    return [part for file in files for part in _cut(file, size_bytes)]


def _cut(file: Split, size_bytes: int) -> Iterator[Split]:
    size = file.stop or 0
    if not is_json_lines(file.path) or file.path.lower().endswith(_COMPRESSED) or size <= size_bytes:
        yield file
        return
    for start in range(0, size, size_bytes):
        yield replace(file, start=start, stop=min(start + size_bytes, size))


def read_json_lines(split: Split, max_line_bytes: int) -> Iterator[Line]:
    """Yields the lines that begin in the split, without the blank ones. Broken and overlong lines have an error, and so have
    those that are not UTF-8. A byte order mark before the first line is skipped.

    Parameters:
        split: A file or a part of it.
        max_line_bytes: A longer line is an error and is not held in memory. Bytes.
    """
    for line in until_broken(_unbroken_lines(split, max_line_bytes)):
        yield Line(-1, {}, f"broken file: {line.message}") if isinstance(line, Failure) else line


def _unbroken_lines(split: Split, max_line_bytes: int) -> Iterator[Line]:
    """As `read_json_lines`; raises what a broken file makes the libraries raise."""
    with open_decompressed(split.path) as file:
        start, stop = _bounds(file, split)
        for offset, line in bounded_lines(file, start, stop, max_line_bytes):
            if offset == 0:
                line = line.removeprefix(codecs.BOM_UTF8)
            if len(line) > max_line_bytes:
                yield Line(offset, {}, f"too large: a line of more than {max_line_bytes} bytes")
            elif line and not line.isspace():
                yield _parse(offset, line)


@contextmanager
def open_decompressed(path: str) -> Iterator[BinaryIO]:
    """Opens a file; of one that ends in `.gz`, `.zst` or `.zstd` what is in it."""
    with storage.open(path) as file:
        if path.lower().endswith(".gz"):
            yield cast(BinaryIO, gzip.GzipFile(fileobj=file))
        elif path.lower().endswith((".zst", ".zstd")):
            yield io.BufferedReader(pa.input_stream(file, compression="zstd"), _BUFFER_BYTES)
        else:
            yield file


def _bounds(file: BinaryIO, split: Split) -> tuple[int, int | None]:
    """Returns where the first line of the split begins, and where the split ends (None: with the file).

    A line belongs to the split that contains its first byte, so the rest of a line that began before is skipped.
    """
    if split.path.lower().endswith(_COMPRESSED):
        return 0, None
    if split.start == 0:
        return 0, split.stop
    file.seek(split.start - 1)
    at = split.start - 1
    while piece := file.readline(_SKIP_BYTES):
        at += len(piece)
        if piece.endswith(b"\n"):
            break
    return at, split.stop


def bounded_lines(file: BinaryIO, at: int, stop: int | None, max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yields the offset and the bytes of each line that begins before `stop`; of an overlong line only `max_bytes` + 1."""
    while stop is None or at < stop:
        line = file.readline(max_bytes + 1)
        if not line:
            return
        yield at, line
        at += len(line)
        while len(line) > max_bytes and not line.endswith(b"\n"):
            line = file.readline(max_bytes + 1)
            at += len(line)


def _parse(offset: int, line: bytes) -> Line:
    try:
        value = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        return Line(offset, {}, f"broken JSON: {error}"[:_MAX_ERROR_CHARS])
    return Line(offset, value) if isinstance(value, dict) else Line(offset, {}, "not a JSON object")
