"""Filters and MinHash over plain text, ours against data-juicer 1.6.1: `python -m benchmarks text_dedup [options]`.

The same 20,000 JSON lines of about 200 words, a tenth of them planted duplicates; the same recipe: number of words, number
of characters, MinHash over 5-grams of words with 256 permutations and threshold 0.8; documents per second of the whole
commands, start included. Runs take turns; medians. data-juicer installs packages when it first needs them, so that one run
over few documents comes first and is not counted; ours has the same. Then ours alone over more documents: memory is flat.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from benchmarks import _corpus, _data_juicer
from benchmarks._command import Usage, measure
from interloom.schemas.document import SOURCE_ID

Run = Callable[[Path, Path], tuple[Usage, set[str]]]
"""Documents and an empty folder in; what the command took and the ids it kept out."""
_WARM = 200
_PAIRS = (("interloom, local", "data-juicer, default"), ("interloom, ray", "data-juicer, ray"))


def ours(runner: str) -> Run:
    def run(documents: Path, folder: Path) -> tuple[Usage, set[str]]:
        steps = [
            {"use": "stages.read_documents", "with": {"paths": str(documents)}},
            {"use": "filters.word_count", "with": {"at_least": 10, "at_most": 10_000}},
            {"use": "benchmarks.text_length"},
            {"use": "stages.dedup_minhash", "with": {"ngram": 5, "threshold": 0.8, "bands": 32, "rows": 8, "keep": "first"}},
            {"use": "stages.write_parquet", "with": {"shard_size_bytes": 16 << 20}},
        ]
        recipe = {"name": "bench", "seed": 1, "run": str(folder / "run"), "steps": steps}
        (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
        command = [sys.executable, "-m", "interloom.jobs", "run", str(folder / "recipe.yaml"), "--runner", runner]
        took = measure(command, folder / "log")
        shards = sorted((folder / "run" / "write_parquet" / "data").glob("*.parquet"))
        labels = (row for shard in shards for row in pq.read_table(shard, columns=["labels"])["labels"].to_pylist())
        return took, {pair["value"] for row in labels for pair in row if pair["name"] == SOURCE_ID}

    return run


def theirs(python: Path, mode: str) -> Run:
    return lambda documents, folder: _data_juicer.run(python, mode, documents, folder)


def measured(run: Run, count: int) -> tuple[Usage, set[str]]:
    """One run over documents made for it alone; what it took, and the ids that it dropped."""
    with tempfile.TemporaryDirectory() as name:
        documents = Path(name) / "documents.jsonl"
        _corpus.write(documents, count)
        folder = Path(name) / "work"
        folder.mkdir()
        took, kept = run(documents, folder)
    return took, {f"d{number:08}" for number in range(count)} - kept


def side_by_side(ways: Mapping[str, Run], count: int, runs: int) -> None:
    for run in ways.values():
        measured(run, _WARM)
    took: dict[str, list[Usage]] = {name: [] for name in ways}
    gone: dict[str, set[str]] = {}
    for _ in range(runs):
        for name, run in ways.items():
            one, gone[name] = measured(run, count)
            took[name].append(one)
    titles = f"{'documents/s':>12}{'per CPU s':>11}{'peak MB':>9}{'dropped':>9}{'as ours':>9}"
    print(f"{f'{count:,} documents':<28}{titles}")
    for name in ways:
        seconds, cpu, peak = (_median(took[name], column) for column in ("seconds", "cpu_s", "peak_mb"))
        same = len(gone[name] & gone[next(iter(ways))])
        print(f"{name:<28}{count / seconds:>12,.0f}{count / cpu:>11,.0f}{peak:>9,.0f}{len(gone[name]):>9,}{same:>9,}", flush=True)
    for mine, peer in _PAIRS:
        if peer in took:
            seconds, cpu, peak = (_median(took[peer], c) / _median(took[mine], c) for c in ("seconds", "cpu_s", "peak_mb"))
            print(f"{mine} against {peer}: {seconds:.1f} x the speed, {cpu:.1f} x per CPU second, {1 / peak:.2f} x the memory")


def _median(took: Sequence[Usage], column: str) -> float:
    return float(statistics.median(getattr(run, column) for run in took))


def growth(run: Run, counts: list[int]) -> None:
    print(f"\nours alone, local{'':<13}{'documents/s':>12}{'peak MB':>9}")
    for count in counts:
        took, _ = measured(run, count)
        print(f"{count:>20,} documents{count / took.seconds:>12,.0f}{took.peak_mb:>9,.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--data-juicer-python", type=Path, default=os.environ.get("DATA_JUICER_PYTHON"))
    given = parser.parse_args()
    ways = {f"interloom, {runner}": ours(runner) for runner in ("local", "ray")}
    if given.data_juicer_python:
        python = Path(given.data_juicer_python)
        ways |= {f"data-juicer, {mode}": theirs(python, mode) for mode in ("default", "ray")}
    else:
        print(f"data-juicer is left out: name its interpreter by --data-juicer-python; set up by {_data_juicer.SETUP}")
    side_by_side(ways, given.documents, given.runs)
    growth(ours("local"), [given.documents * times for times in (1, 2, 4)])


if __name__ == "__main__":
    main()
