"""Measures one whole run at growing sizes: `python -m benchmarks scale [--documents 50000 200000 1000000]
[--words 200] [--runner local]`.

Read, count words, MinHash, Parquet shards of default size, over documents of about so many words of which a tenth are planted
duplicates. For each size: documents per second, peak memory of all processes and of the driver's alone, objects and bytes that
the run reads and writes per document (without the input), and the share of each phase in the seconds of all units.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from benchmarks import _corpus
from benchmarks._command import Usage, measure

_TITLES = ("documents", "seconds", "documents/s", "CPU s", "peak MB", "driver MB", "writes", "reads", "written B", "read B")


def recipe(folder: Path) -> Path:
    """Writes the recipe whose run is measured."""
    steps = [
        {"use": "stages.read_documents", "with": {"paths": str(folder / "documents.jsonl")}},
        {"use": "filters.word_count", "with": {"at_least": 10, "at_most": 100_000}},
        {"use": "stages.dedup_minhash", "with": {"keep": "first"}},
        {"use": "stages.write_parquet"},
    ]
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({"name": "scale", "seed": 1, "run": str(folder / "run"), "steps": steps}))
    return path


def measured(count: int, words: int, runner: str) -> tuple[Usage, Counter[str], Counter[str]]:
    """What one run took, its requests and bytes, and the seconds of the units of each phase."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _corpus.write(folder / "documents.jsonl", count, words_each=words)
        command = [sys.executable, "-m", "benchmarks._counted_run", str(folder / "run"), str(folder / "counts")]
        usage = measure([*command, "run", str(recipe(folder)), "--runner", runner], folder / "log")
        traffic: Counter[str] = Counter()
        for counts in folder.glob("counts*"):
            traffic.update(json.loads(counts.read_text()))
        return usage, traffic, seconds_of_phases(folder / "run")


def seconds_of_phases(run: Path) -> Counter[str]:
    """The seconds of the units of each phase, from their commits."""
    seconds: Counter[str] = Counter()
    for path in run.glob("work/*/commits/*.json"):
        commit: dict[str, Any] = json.loads(path.read_text())
        seconds[path.parents[1].name.rsplit("-", 1)[0]] += commit["seconds"]
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, nargs="+", default=[50_000, 200_000, 1_000_000])
    parser.add_argument("--words", type=int, default=200)
    parser.add_argument("--runner", choices=("local", "ray"), default="local")
    given = parser.parse_args()
    print("".join(f"{title:>12}" for title in _TITLES))
    phases = {}
    for count in given.documents:
        usage, traffic, phases[count] = measured(count, given.words, given.runner)
        each = [traffic[name] / count for name in ("writes", "reads", "bytes of writes", "bytes of reads")]
        figures = [
            f"{count:,}",
            f"{usage.seconds:.1f}",
            f"{count / usage.seconds:,.0f}",
            f"{usage.cpu_s:.1f}",
            f"{usage.peak_mb:,.0f}",
            f"{usage.own_peak_mb:,.0f}",
        ]
        figures += [f"{each[0]:.5f}", f"{each[1]:.5f}", f"{each[2]:,.0f}", f"{each[3]:,.0f}"]
        print("".join(f"{figure:>12}" for figure in figures), flush=True)
    print(f"\n{'share of each phase':<30}" + "".join(f"{count:>12,}" for count in phases))
    for name in next(iter(phases.values())):
        shares = (seconds[name] / seconds.total() for seconds in phases.values())
        print(f"{name:<30}" + "".join(f"{share:>12.1%}" for share in shares))


if __name__ == "__main__":
    main()
