"""Into how many units and files the work of a whole run is cut: the rules of `execution/kinds`, on paper."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from interloom.pipeline.cost import UNIT_COST_S
from interloom.pipeline.execution.kinds.exchange import MEET_BYTES
from interloom.pipeline.pricing.files import Files
from interloom.pipeline.store.exchange import LEVEL_BITS, MOST_SEGMENTS
from interloom.pipeline.store.parts import PART_BYTES, PART_DOCUMENTS

_RANGES = 1 << LEVEL_BITS
_MOST_SIMULATED = 400
"""So many files are dealt to units one by one; of more the rest goes as these do. Our choice."""


@dataclass(frozen=True, slots=True)
class Units:
    """Units that get documents: how many, and the documents of some that follow each other."""

    count: float
    pattern: tuple[float, ...]


def parts(units: Units, documents: float, bytes_: float) -> Files:
    """The parts that units store, with so many documents together: each unit at least one, if it has a document."""
    into = sum(units.pattern)
    if documents <= 0 or not into or not units.count:
        return Files()
    share = documents / (units.count * into / len(units.pattern))
    most = min(PART_DOCUMENTS, max(PART_BYTES * documents / bytes_, 1.0)) if bytes_ else PART_DOCUMENTS
    pattern = [rows for unit in units.pattern for rows in _cut(unit * share, most)][:_MOST_SIMULATED]
    each = sum(math.ceil(unit * share / most) for unit in units.pattern) / len(units.pattern)
    return Files(min(units.count * each, documents), documents, bytes_, tuple(pattern))


def _cut(rows: float, most: float) -> Iterator[float]:
    """2,500 rows, at most 1,000 -> 1,000, 1,000, 500."""
    for _ in range(min(int(rows // most), _MOST_SIMULATED)):
        yield most
    if rows % most:
        yield rows % most


def packs(files: Files, most_bytes: float) -> float:
    """Units that take consecutive files up to so many bytes, and at least one."""
    if files.count <= 0:
        return 0.0
    each = files.bytes / files.count
    return math.ceil(files.count / max(1, math.floor(most_bytes / each) if each else files.count))


def document_packs(files: Files, cost_s: float) -> Units:
    """Units that take consecutive parts of documents, which cost so many seconds together by the constants of the steps."""
    if files.count <= 0:
        return Units(0.0, ())
    most = PART_DOCUMENTS * (1 + 1e-9)
    for whole, largest in ((files.bytes, PART_BYTES), (cost_s, UNIT_COST_S)):
        most = min(most, largest * files.rows / whole) if whole else most
    repeated = files.pattern * max(1, _MOST_SIMULATED // len(files.pattern))
    repeated = repeated[: max(1, min(len(repeated), math.ceil(files.count)))]
    units, pack = list[float](), 0.0
    for rows in repeated:
        if pack and pack + rows > most:
            units += _cut(pack, most)
            pack = 0.0
        pack += rows
    units += _cut(pack, most)
    return Units(max(len(units) * files.count / len(repeated), 1.0), tuple(units))


@dataclass(frozen=True, slots=True)
class Sorted:
    """What units store that sort rows: by level, how many units there are and how many segments they write."""

    units: tuple[float, ...]
    segments: tuple[float, ...]

    @property
    def last_segments(self) -> float:
        return self.segments[-1]


def sorted_rows(sends: float, rows: float, bytes_: float, most_bytes: float) -> Sorted:
    """Units and segments, level by level, if keys are spread evenly: a range that lies in too many files or is larger than
    `most_bytes` is cut into finer ones."""
    files, ranges, size = sends, float(_RANGES), bytes_ / _RANGES
    units, segments = [sends], [min(rows, sends * _RANGES)]
    while sends and (files > MOST_SEGMENTS or size > most_bytes):
        files = math.ceil(files / MOST_SEGMENTS)
        units.append(ranges * files)
        ranges, size = ranges * _RANGES, size / _RANGES
        segments.append(min(rows, ranges * files))
    return Sorted(tuple(units), tuple(segments))


def meets(bytes_: float, sorted_: Sorted) -> float:
    """Units in which rows meet: runs of ranges up to so many bytes."""
    largest = bytes_ / _RANGES ** len(sorted_.units)
    return max(1.0, math.ceil(bytes_ / max(MEET_BYTES, largest))) if sorted_.units[0] else 0.0


def shards(bytes_: float, shard_bytes: float, unit_bytes: float, fewest_units: int) -> tuple[float, float]:
    """How many shards a sink writes, and in how many units."""
    count = math.ceil(bytes_ / shard_bytes)
    length = max(1.0, min(unit_bytes // shard_bytes, math.ceil(count / fewest_units)))
    return float(count), float(math.ceil(count / length))
