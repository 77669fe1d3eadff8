"""Reads rows from pickles of plain values. What a pickle names is never imported or called, so it cannot run anything."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from interloom.pipeline.errors import DocumentError, Failure, until_broken
from interloom.pipeline.stage import Split
from interloom.pipeline.store import storage
from interloom.stages._input.json_lines import Line

PICKLE_ENDINGS = (".pkl", ".pickle", ".pt", ".pth")
_ZIP = b"PK\x03\x04"
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
"""The first object of files that torch wrote before it wrote zip files; three more stand before the one that was saved."""
_LARGEST_PICKLE = 8 << 30
"""Bytes of a pickle in a zip file that are read at most, because all of it is held. Our choice."""


def is_pickled(path: str) -> bool:
    """Returns whether the file's name ends as one of pickles."""
    return path.lower().endswith(PICKLE_ENDINGS)


class _PlainValues(pickle.Unpickler):
    """Reads lists, mappings, strings, bytes, numbers and None. Raises UnpicklingError for everything else."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it names {module}.{name}, and nothing that a pickle names is run")

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it refers to data outside, such as tensors")


def read_pickled(split: Split) -> Iterator[Line]:
    """Yields the entries of a pickled list, or those of a mapping, with their key as the field `key`. The file is held in memory.

    Files of `torch.save` are read, too, as long as there are no tensors in them.
    """
    for number, row in enumerate(until_broken(_rows(split))):
        if isinstance(row, Failure):
            yield Line(number, {}, f"broken pickle: {row.message}")
        else:
            yield Line(number, row) if isinstance(row, dict) else Line(number, {}, "not a mapping of names to values")


def _rows(split: Split) -> Iterator[object]:
    with storage.open(split.path) as file:
        values = _loaded(file)
    if isinstance(values, dict):
        for key, value in values.items():
            yield {"key": key, **value} if isinstance(value, dict) else value
    elif isinstance(values, list):
        yield from values
    else:
        raise DocumentError("neither a list nor a mapping")


def _loaded(file: BinaryIO) -> object:
    first = file.read(len(_ZIP))
    file.seek(0)
    if first == _ZIP:
        return _PlainValues(io.BytesIO(_in_zip(file))).load()
    value = _PlainValues(file).load()
    if value == _TORCH_MAGIC:
        for _ in range(3):
            value = _PlainValues(file).load()
    return value


def _in_zip(file: BinaryIO) -> bytes:
    with zipfile.ZipFile(cast(io.BufferedReader, file)) as archive:
        info = next((info for info in archive.infolist() if info.filename.rpartition("/")[2] == "data.pkl"), None)
        if info is None:
            raise DocumentError("a zip file without data.pkl")
        if info.file_size > _LARGEST_PICKLE:
            raise DocumentError(f"too large: {info.file_size} bytes")
        with archive.open(info) as content:
            data = content.read(info.file_size + 1)
    if len(data) > info.file_size:
        raise DocumentError("data.pkl is larger than the zip file says")
    return data
