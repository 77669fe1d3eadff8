"""The fixed cost of a run: one document from `read_documents` to `write_parquet`, as whole commands.

`python -m benchmarks empty_run [--runs 5]`. Medians; the first command of each kind warms the disk and is not counted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import yaml

from benchmarks import _corpus
from benchmarks._command import Spent, spent


def once(folder: Path, arguments: list[str]) -> Spent:
    """One command in a folder of its own."""
    _corpus.write(folder / "one.jsonl", 1)
    steps = [{"use": "stages.read_documents", "with": {"paths": str(folder / "one.jsonl")}}, {"use": "stages.write_parquet"}]
    recipe = folder / "one.yaml"
    recipe.write_text(yaml.safe_dump({"name": "one", "seed": 1, "run": str(folder / "run"), "steps": steps}))
    command = [sys.executable, "-m", "interloom.jobs", arguments[0], str(recipe), *arguments[1:]]
    return spent(command, folder / "log")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    print(f"{'command':<24}{'seconds':>9}{'CPU s':>9}{'peak MB':>9}")
    for arguments in (["validate"], ["run", "--runner", "local"], ["run", "--runner", "ray"]):
        took = []
        for _ in range(runs + 1):
            with tempfile.TemporaryDirectory() as folder:
                took.append(once(Path(folder), arguments))
        columns = ("seconds", "cpu_s", "peak_mb")
        seconds, cpu, peak = (statistics.median(getattr(one, column) for one in took[1:]) for column in columns)
        print(f"{' '.join(arguments):<24}{seconds:>9.2f}{cpu:>9.2f}{peak:>9,.0f}", flush=True)


if __name__ == "__main__":
    main()
