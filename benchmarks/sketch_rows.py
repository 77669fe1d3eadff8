"""Runs the exchanges of `dedup_minhash` over millions of sketch rows, and compares them with the arithmetic on paper.

`python -m benchmarks sketch_rows [--rows 10000000]`. Few documents give many sketch rows of real size, random but for a tenth
that are copies. So the exchanges do what they do for as many documents, without these being made. `--paper 10000000000` prints
the arithmetic for that many rows and runs nothing. Sizes are compressed, as stored.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks._command import measure
from interloom.pipeline.execution.kinds.exchange import MEET_BYTES, PACK_BYTES, RANGE_BYTES
from interloom.pipeline.store.exchange import LEVEL_BITS, MOST_SEGMENTS

_EACH = 100  # sketch rows of a document
_COPIES = 0.2  # rows that are a copy or have one, as in `planted_sketches`
_BANDS = 32
_RANGES = 1 << LEVEL_BITS
_SKETCH_BYTES, _BAND_BYTES, _BUCKET_BYTES, _SIGNATURE_BYTES = 470, 9.4, 6.2, 150
"""Stored bytes of a sketch row, of a row (band key, node), of a row (node, bucket), and of a row with one of two equal
signatures: what a run of this script stores."""


@dataclass(frozen=True, slots=True)
class Work:
    """What an exchange does: units that send, cut and meet; bytes of rows written by the first two, and by the last."""

    sends: float
    cuts: float
    meets: float
    moved_bytes: float
    result_bytes: float


def on_paper(rows: float, pack_bytes: float = PACK_BYTES) -> Mapping[str, Work]:
    """What the large exchanges of `dedup_minhash` do with so many sketches, of which `_COPIES` share a bucket."""
    copies = rows * _COPIES
    return {
        "buckets": _exchange(rows * _SKETCH_BYTES, rows * _BANDS * _BAND_BYTES, copies * _BANDS * _BUCKET_BYTES, pack_bytes),
        "signatures": _exchange(
            copies * _BANDS * _BUCKET_BYTES, copies * _BANDS * _BUCKET_BYTES, copies * _SIGNATURE_BYTES, pack_bytes
        ),
        "pairs": _exchange(copies * _SIGNATURE_BYTES, copies * _SIGNATURE_BYTES, 0, pack_bytes),
    }


def _exchange(source_bytes: float, row_bytes: float, result_bytes: float, pack_bytes: float) -> Work:
    """Units and bytes, if keys are spread evenly: each level cuts a range that lies in too many files or is too large."""
    sends = files = math.ceil(source_bytes / pack_bytes)
    cuts, level, size = 0.0, 0, row_bytes / _RANGES
    while files > MOST_SEGMENTS or size > RANGE_BYTES:
        files = math.ceil(files / MOST_SEGMENTS)
        level += 1
        cuts += _RANGES**level * files
        size /= _RANGES
    meets = max(1, math.ceil(row_bytes / max(MEET_BYTES, size)))
    return Work(sends, cuts, meets, row_bytes * (level + 1), result_bytes)


def in_the_run(run: Path) -> tuple[Mapping[str, Work], Counter[str]]:
    """What the commits of a run say of each exchange, and the seconds of its units."""
    units, moved, results, seconds = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for path in run.glob("work/*/commits/*.json"):
        commit: dict[str, Any] = json.loads(path.read_text())
        name = path.parents[1].name.rsplit("-", 1)[0].rpartition(".")[2]
        result, size = commit["result"], sum(file["size_bytes"] for file in commit["files"])
        kind = "meet" if "segments" not in result else "cut" if result["level"] else "send"
        units[f"{name}.{kind}"] += 1
        seconds[f"{name}.{kind}"] += commit["seconds"]
        (results if kind == "meet" else moved)[name] += size
    names = dict.fromkeys(name.partition(".")[0] for name in units)
    counts = {name: [units[f"{name}.{kind}"] for kind in ("send", "cut", "meet")] for name in names}
    return {name: Work(*counts[name], moved[name], results[name]) for name in names}, seconds


def _lines(title: str, works: Mapping[str, Work]) -> Iterator[str]:
    yield f"{title:<28}{'sends':>12}{'cuts':>12}{'meets':>12}{'MB moved':>12}{'MB result':>12}"
    for name, work in works.items():
        figures = "".join(f"{number:>12,.0f}" for number in (work.sends, work.cuts, work.meets))
        yield f"{name:<28}{figures}{work.moved_bytes / 1e6:>12,.0f}{work.result_bytes / 1e6:>12,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--paper", type=float)
    parser.add_argument("--runner", choices=("local", "ray"), default="local")
    given = parser.parse_args()
    print(*_lines("on paper", on_paper(given.paper or given.rows)), sep="\n", flush=True)
    if given.paper:
        return
    steps = [
        {"use": "benchmarks.tiny_documents", "with": {"count": given.rows // _EACH}},
        {"use": "benchmarks.planted_sketches", "with": {"each": _EACH, "keep": "first"}},
        {"use": "stages.write_parquet"},
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recipe = folder / "recipe.yaml"
        recipe.write_text(yaml.safe_dump({"name": "rows", "seed": 1, "run": str(folder / "run"), "steps": steps}))
        usage = measure([sys.executable, "-m", "interloom.jobs", "run", str(recipe), "--runner", given.runner], folder / "log")
        works, seconds = in_the_run(folder / "run")
    print(*_lines("in the run", works), sep="\n")
    print(f"{usage.seconds:.0f} s, {usage.cpu_s:.0f} CPU s, {usage.peak_mb:.0f} MB; microseconds a row:")
    print("  ".join(f"{name} {1e6 * took / given.rows:.1f}" for name, took in seconds.most_common(12)))


if __name__ == "__main__":
    main()
