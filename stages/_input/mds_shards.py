"""Reads shards of MosaicML Streaming (MDS), whose header says how their samples are encoded."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from interloom.pipeline.errors import DocumentError, Failure, until_broken
from interloom.pipeline.stage import Split
from interloom.stages._input.json_lines import Line, open_decompressed

MDS_ENDINGS = (".mds", ".mds.zst", ".mds.zstd", ".mds.gz")
_NUMBERS: Mapping[str, str] = {
    **{
        "uint8": "B",
        "uint16": "H",
        "uint32": "I",
        "uint64": "Q",
        "int8": "b",
        "int16": "h",
        "int32": "i",
        "int64": "q",
        "int": "q",
    },
    **{"float16": "e", "float32": "f", "float64": "d"},
}
_BYTES = frozenset({"bytes", "jpeg", "png"})
_MAX_HEADER_BYTES = 1 << 20
"""Longest description of the columns that is believed. Our choice."""
_UINT32 = 4


@dataclass(frozen=True, slots=True)
class _Header:
    """Where samples begin (and the last one ends), and the columns: name, encoding, size (None: it varies)."""

    offsets: Sequence[int]
    columns: Sequence[tuple[str, str, int | None]]


def is_mds(path: str) -> bool:
    """Returns whether the file's name ends as one of MDS shards."""
    return path.lower().endswith(MDS_ENDINGS)


def read_mds(split: Split, max_sample_bytes: int) -> Iterator[Line]:
    """Yields the samples of a shard. Columns with pickles, arrays and raw pixels are left out: nothing is unpickled.

    Parameters:
        split: The shard.
        max_sample_bytes: A larger sample ends the shard, with an error. Bytes.
    """
    for number, row in enumerate(until_broken(_samples(split, max_sample_bytes))):
        yield Line(number, {}, f"broken MDS: {row.message}") if isinstance(row, Failure) else Line(number, row)


def _samples(split: Split, max_bytes: int) -> Iterator[dict[str, Any]]:
    with open_decompressed(split.path) as file:
        header = _header(file)
        for start, end in zip(header.offsets, header.offsets[1:], strict=False):
            if not 0 <= end - start <= max_bytes:
                raise DocumentError(f"a sample of {end - start} bytes")
            yield _decoded(header, _exactly(file, end - start))


def _header(file: BinaryIO) -> _Header:
    [samples] = struct.unpack("<I", _exactly(file, _UINT32))
    offsets = [n for piece in _pieces(file, samples + 1) for n in piece]
    size = offsets[0] - _UINT32 * (samples + 2)
    if not 0 < size <= _MAX_HEADER_BYTES:
        raise DocumentError(f"columns are described in {size} bytes")
    config = json.loads(_exactly(file, size))
    columns = zip(config["column_names"], config["column_encodings"], config["column_sizes"], strict=True)
    return _Header(offsets, [(str(name), str(encoding), length) for name, encoding, length in columns])


def _pieces(file: BinaryIO, count: int) -> Iterator[tuple[int, ...]]:
    """The next numbers, read in pieces: the count may be a lie."""
    while count:
        some = min(count, 1 << 16)
        yield struct.unpack(f"<{some}I", _exactly(file, _UINT32 * some))
        count -= some


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise DocumentError(f"cut off: wanted {size} bytes, got {len(data)}")
    return data


def _decoded(header: _Header, data: bytes) -> dict[str, Any]:
    varying = sum(length is None for _, _, length in header.columns)
    lengths = iter(struct.unpack_from(f"<{varying}I", data))
    at, row = _UINT32 * varying, dict[str, Any]()
    for name, encoding, length in header.columns:
        size = next(lengths) if length is None else length
        content = data[at : at + size]
        if len(content) != size:
            raise DocumentError(f"column '{name}' is cut off")
        at += size
        if (value := _value(encoding, content)) is not None:
            row[name] = value
    return row


def _value(encoding: str, content: bytes) -> Any:
    """The value of a column; None for an encoding that is not read."""
    if encoding in _NUMBERS:
        return struct.unpack(f"<{_NUMBERS[encoding]}", content)[0]
    if encoding in _BYTES:
        return content
    if encoding == "json":
        return json.loads(content)
    if encoding in ("str", "str_int", "str_float", "str_decimal"):
        text = content.decode("utf-8", "replace")
        return text if encoding == "str" else int(text) if encoding == "str_int" else float(text)
    return None
