"""Measures retrieval among planted vectors: `python -m benchmarks retrieve [--items 1000000] [--queries 100000]`.

The exchanges of `retrieve_texts` run over stored sketches as in a recipe, through a folder on disk, in whole commands whose start
is included. Recall is that of the nearest 3 against exact search, over a sample of the queries; `planted` is the share of queries
whose planted neighbour was found. Beside it faiss in memory: IndexIVFFlat with as many lists, searched with the least number of
probes that reaches the same recall, and exact search, both for the sample. `search` is processor time per query: of ours all but
k-means, so that sending items and queries to their lists counts; of faiss the search alone. `all` has k-means too, and what faiss
needs to add its items. Both compute with one thread, because threads that wait for others use processor time. Then the same
again with 1, 2 and 4 workers of Ray, with other parts of documents, and killed on the way and started again: the results must
have the same sha256.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks import _planted_vectors
from benchmarks._command import Usage, measure
from benchmarks._retrieval_peers import COUNT, recall, sampled
from interloom.stages.retrieve_texts.volume import lists_for

_TRAINING = ("draws", "centres")
_HEAD = ("seconds", "CPU s", "peak MB", "recall@3", "planted", "search us", "all us")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=100_000)
    parser.add_argument("--sample", type=int, default=10_000)
    parser.add_argument("--probes", type=int, default=16)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--without-peers", action="store_true", help="search with faiss neither exactly nor in lists")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _planted_vectors.write(folder, given.items, given.queries)
        print(f"{'':<24}{''.join(f'{title:>10}' for title in _HEAD)}", flush=True)
        if not given.without_peers:
            _peer(folder, given, "exact", "exact")
        content, reached = _ours(folder, given)
        if not given.without_peers:
            _peer(folder, given, "faiss IVF", "ivf", str(reached), str(lists_for(given.items, None)))
        _again(folder, given, content)


def _command(folder: Path, runner: str, probes: int) -> list[str]:
    parameters = json.dumps({"probes": probes, "count": COUNT})
    return [sys.executable, "-m", "benchmarks._retrieval_run", str(folder), runner, parameters]


def _measured(command: list[str], folder: Path) -> Usage:
    return measure(command, folder / "log", OMP_NUM_THREADS="1")


def _last_line(folder: Path) -> dict[str, Any]:
    line: dict[str, Any] = json.loads((folder / "log").read_text().splitlines()[-1])
    return line


def _line(what: str, usage: Usage, *more: str) -> None:
    measured = (f"{usage.seconds:.1f}", f"{usage.cpu_s:.1f}", f"{usage.peak_mb:,.0f}", *more)
    print(f"{what:<24}{''.join(f'{value:>10}' for value in measured)}", flush=True)


def _ours(folder: Path, given: argparse.Namespace) -> tuple[str, float]:
    """Prints the line of a local run; the sha256 of its results, and its recall."""
    usage = _measured(_command(folder, "local", given.probes), folder)
    line = _last_line(folder)
    reached, planted = (1.0, 1.0) if given.without_peers else _quality(folder, given)
    search = sum(seconds for phase, seconds in line["cpu_s"].items() if phase not in _TRAINING) / given.queries
    total = sum(line["cpu_s"].values()) / given.queries
    quality = ("", "") if given.without_peers else (f"{reached:.4f}", f"{planted:.4f}")
    _line("retrieve_texts, local", usage, *quality, f"{search * 1e6:.0f}", f"{total * 1e6:.0f}")
    print("    CPU s by phase: " + ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in line["cpu_s"].items()))
    return line["sha256"], reached


def _quality(folder: Path, given: argparse.Namespace) -> tuple[float, float]:
    """The recall over the sample, and the share of planted neighbours that were found."""
    table = pq.read_table(folder / "results.parquet")
    query, item = (_numbers(table[name], prefix) for name, prefix in (("id", "query"), ("source", "item")))
    nearest = np.full((given.queries, COUNT), -1)
    nearest[query, table["rank"].to_numpy() - 1] = item
    numbers = sampled(folder, min(given.sample, given.queries))
    planted = np.arange(_planted_vectors.planted_count(given.items, given.queries))
    return recall(nearest[numbers], np.load(folder / "exact.npy")), float((nearest[planted] == planted[:, None]).any(1).mean())


def _numbers(names: Any, prefix: str) -> Any:
    return pc.utf8_slice_codeunits(names, len(prefix)).cast("int64").to_numpy()


def _peer(folder: Path, given: argparse.Namespace, what: str, index: str, *arguments: str) -> None:
    """Prints the line of a search with faiss."""
    sample = min(given.sample, given.queries)
    command = [sys.executable, "-m", "benchmarks._retrieval_peers", str(folder), index, str(sample), *arguments]
    usage = _measured(command, folder)
    line = _last_line(folder)
    search = line["search_cpu_s"] / sample
    total = search + line["build_cpu_s"] / given.queries
    _line(f"{what}, {sample} queries", usage, f"{line['recall']:.4f}", "", f"{search * 1e6:.0f}", f"{total * 1e6:.0f}")
    print(f"    built in {line['build_cpu_s']:.1f} CPU s; {line.get('probes', 'all')} probes", flush=True)


def _again(folder: Path, given: argparse.Namespace, content: str) -> None:
    """Prints a line for each further run and whether its results are the same."""
    for workers in given.workers:
        _forget(folder)
        usage = _measured(_command(folder, str(workers), given.probes), folder)
        _line(f"Ray, {workers} workers", usage, "same" if _last_line(folder)["sha256"] == content else "DIFFERENT")
    _forget(folder)
    _killed(_command(folder, "local", given.probes), folder)
    usage = _measured(_command(folder, "local", given.probes), folder)
    _line("killed, started again", usage, "same" if _last_line(folder)["sha256"] == content else "DIFFERENT")
    _forget(folder)
    _planted_vectors.write_sketches(folder, _planted_vectors.PART_ROWS * 3)
    usage = _measured(_command(folder, "local", given.probes), folder)
    _line("in larger parts", usage, "same" if _last_line(folder)["sha256"] == content else "DIFFERENT")


def _forget(folder: Path) -> None:
    for results in (folder / "run" / "work").glob("retrieve_texts.*"):
        shutil.rmtree(results)


def _killed(command: list[str], folder: Path) -> None:
    """Kills the command with SIGKILL when some units of the lists are committed."""
    root = Path(__file__).parents[1]
    child = subprocess.Popen(command, cwd=root, env={"PYTHONPATH": f"{root}:{root}/src"}, stdout=subprocess.DEVNULL)
    while child.poll() is None and len([*folder.glob("run/work/retrieve_texts.lists-*/commits/*")]) < 3:
        time.sleep(0.2)
    child.kill()
    child.wait()


if __name__ == "__main__":
    main()
