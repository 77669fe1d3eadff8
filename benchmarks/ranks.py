"""Measures exact selections by rank over rows with a score and a group: `python -m benchmarks ranks [--rows 10000000]`.

The rows are those that `select_top` sketches for parts of 1,000 documents; exchanges and verdicts run as in a recipe, through a
folder on disk, in whole commands whose start is included. `top`: the 30 % with the highest scores. `capped`: the 1,000 with the
highest scores of each group, which takes two exchanges. `drawn`: 1,000 of each group, drawn by a hash. The largest group holds a
quarter of the rows; a quarter of the scores are equal. Beside it the same by polars, in memory on all cores, and Ray Data's hash
shuffle of the same rows by group, which is a part of `drawn`, with as many workers. Peak memory is that of all processes
together. Ours counts as read what each unit reads, once.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import _ranked_rows
from benchmarks._command import measure
from benchmarks._rank_peers import AT_MOST, SHARE

_SELECTIONS: dict[str, dict[str, object]] = {
    "top": {"of": "score", "share": SHARE},
    "capped": {"of": "score", "at_most": AT_MOST, "by": "group"},
    "drawn": {"of": "random", "at_most": AT_MOST, "by": "group"},
}
_COLUMNS = (("behind", 1), ("written", 1), ("written_bytes", 1e6), ("read", 1), ("read_bytes", 1e6), ("spilled_bytes", 1e6))
_HEAD = ("behind", "objects", "MB written", "objects", "MB read", "MB spilled")


def commands(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """What is measured, with its command."""
    for what, parameters in _SELECTIONS.items():
        for runner in ("local", "ray"):
            yield f"{what}, {runner}", ["benchmarks._rank_exchange", str(folder), runner, json.dumps(parameters)]
        yield f"{what}, polars", ["benchmarks._rank_peers", str(folder), "polars", what]
    yield "shuffle by group, Ray Data", ["benchmarks._rank_peers", str(folder), "ray", "drawn"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--only", default="", help="measure what begins with this")
    given = parser.parse_args()
    titles = "".join(f"{title:>12}" for title in ("seconds", "CPU s", "rows/s", "peak MB", *_HEAD))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _ranked_rows.write(folder, given.rows)
        print(f"{f'{given.rows:,} rows':<28}{titles}", flush=True)
        for what, arguments in commands(folder):
            if what.startswith(given.only):
                _measure(what, arguments, folder, given.rows)


def _measure(what: str, arguments: list[str], folder: Path, rows: int) -> None:
    """Prints a line. What was made is removed, the rows are not."""
    usage = measure([sys.executable, "-m", *arguments], folder / "log", POLARS_MAX_THREADS=str(os.cpu_count()))
    counts = json.loads((folder / "log").read_text().splitlines()[-1])
    cells = [f"{counts[name] / unit:,.0f}" if name in counts else "" for name, unit in _COLUMNS]
    measured = (f"{usage.seconds:.1f}", f"{usage.cpu_s:.1f}", f"{rows / usage.seconds:,.0f}", f"{usage.peak_mb:,.0f}")
    print(f"{what:<28}{''.join(f'{value:>12}' for value in (*measured, *cells))}", flush=True)
    for results in [*(folder / "run" / "work").glob("select_top.*"), folder / "ray"]:
        shutil.rmtree(results, ignore_errors=True)
    (folder / "polars.parquet").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
