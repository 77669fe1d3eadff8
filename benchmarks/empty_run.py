"""Measures the fixed cost of a run: whole commands that take one document from `read_documents` to `write_parquet`.

`python -m benchmarks empty_run [--runs 5]`. Figures are medians; the first run of each command fills the disk cache and is not
counted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import yaml

from benchmarks import _corpus
from benchmarks._command import Usage, measure


def run_once(folder: Path, arguments: list[str]) -> Usage:
    """The usage of one `interloom` command in this folder; `arguments` are the command and its options."""
    _corpus.write(folder / "one.jsonl", 1)
    steps = [{"use": "stages.read_documents", "with": {"paths": str(folder / "one.jsonl")}}, {"use": "stages.write_parquet"}]
    recipe = folder / "one.yaml"
    recipe.write_text(yaml.safe_dump({"name": "one", "seed": 1, "run": str(folder / "run"), "steps": steps}))
    command = [sys.executable, "-m", "interloom.jobs", arguments[0], str(recipe), *arguments[1:]]
    return measure(command, folder / "log")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    print(f"{'command':<24}{'seconds':>9}{'CPU s':>9}{'peak MB':>9}")
    for arguments in (["validate"], ["run", "--runner", "local"], ["run", "--runner", "ray"]):
        usages = []
        for _ in range(runs + 1):
            with tempfile.TemporaryDirectory() as folder:
                usages.append(run_once(Path(folder), arguments))
        columns = ("seconds", "cpu_s", "peak_mb")
        seconds, cpu, peak = (statistics.median(getattr(usage, column) for usage in usages[1:]) for column in columns)
        print(f"{' '.join(arguments):<24}{seconds:>9.2f}{cpu:>9.2f}{peak:>9,.0f}", flush=True)


if __name__ == "__main__":
    main()
