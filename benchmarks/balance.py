"""Balance over many rows in bounded memory: `python -m benchmarks balance [--rows N]`.

Measures the exchanges of `balance_clusters`, `balance_entries` and `mix` over that many rows of sketches, in one process, which
makes these first. Clusters (1 million), entries (500,000) and groups (100) are skewed; a document has up to 6 pictures, or 8
entries. `rounds` are those of exchanges: two for each round of strict caps. What each unit reads counts once.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks._balanced_rows import ENTRIES
from benchmarks._command import measure

_STEPS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "pictures, strict": ("stages.balance_clusters", {"cap": 35}),
    "documents, strict": ("stages.balance_clusters", {"cap": 35, "drop": "document"}),
    "documents, minimum": ("stages.balance_clusters", {"cap": 35, "drop": "document", "rule": "minimum"}),
    "entries": ("stages.balance_entries", {"on": "document", "t": 20_000}),
    "mix": ("stages.mix", {"by": "language", "temperature": 3.3}),
}
_COLUMNS = (("rows", 1), ("verdicts", 1), ("rounds", 1), ("units", 1), ("written_bytes", 1e6), ("read_bytes", 1e6))
_HEAD = ("rows", "verdicts", "rounds", "units", "MB written", "MB read")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--only", default="", help="measure what begins with this")
    given = parser.parse_args()
    titles = "".join(f"{title:>12}" for title in ("seconds", "CPU s", "rows/CPU s", "peak MB", *_HEAD))
    print(f"{f'{given.rows:,} rows':<22}{titles}", flush=True)
    for what, (use, parameters) in _STEPS.items():
        if what.startswith(given.only):
            with tempfile.TemporaryDirectory() as name:
                _measure(what, Path(name), use, parameters, given.rows)


def _measure(what: str, folder: Path, use: str, parameters: Mapping[str, object], rows: int) -> None:
    """Prints a line."""
    (folder / "entries.txt").write_text("\n".join(f"entry {number}" for number in range(ENTRIES)))
    given = {**parameters, "entries": str(folder / "entries.txt")} if use == "stages.balance_entries" else parameters
    command = [sys.executable, "-m", "benchmarks._balance_exchange", str(folder), use, json.dumps(given), str(rows)]
    usage = measure(command, folder / "log")
    counts = json.loads((folder / "log").read_text().splitlines()[-1])
    cells = [f"{counts[name] / unit:,.0f}" for name, unit in _COLUMNS]
    measured = (f"{usage.seconds:.1f}", f"{usage.cpu_s:.1f}", f"{counts['rows'] / usage.cpu_s:,.0f}", f"{usage.peak_mb:,.0f}")
    print(f"{what:<22}{''.join(f'{value:>12}' for value in (*measured, *cells))}", flush=True)
    shutil.rmtree(folder / "run", ignore_errors=True)


if __name__ == "__main__":
    main()
