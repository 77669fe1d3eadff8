"""Images within 4 bits of each other, ours against faiss, on one core: `python -m benchmarks dedup_image [hashes ...]`.

Both count how many of the same hashes lie within the distance of each: ours by its exchanges in memory, with sorting and
verdicts; faiss by a search for each hash. `IndexBinaryMultiHash` has 4 hashes of 16 bits, of which one bit may be flipped, so
it is exact up to 7 bits; `IndexBinaryFlat` compares with all. For the time of all searches that of the first 50,000 or 2,000 is
multiplied, and what these find is compared with ours. Then whole runs of a recipe, from documents to Parquet: what the
step and its distance add to the time, and the peak memory. Each way is a process of its own; seconds are of its processors.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml

from benchmarks import made_hashes
from benchmarks._command import Usage, measure
from interloom.stages.dedup_image import DedupImage, near

sys.path.append(str(Path(__file__).parents[1] / "tests" / "plugins"))
import global_steps

_DISTANCE = 4
_SEARCHES = {"flat": 2_000, "multi": 50_000}
"""A search takes the same time whichever hash is searched for."""
Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]


def all_hashes(count: int) -> Hashes:
    splits = count // made_hashes.PER_SPLIT
    return np.concatenate([made_hashes.hashes(number, splits) for number in range(splits)])


def ours(hashes: Hashes) -> tuple[Counts, float]:
    """How often each occurs within the distance, and the seconds that it took."""
    stage = DedupImage(key="phash", distance=_DISTANCE, at_most=1)
    global_steps.verdicts(stage, [_sketch(hashes[:1000], 0)])
    sketches = [_sketch(hashes, first) for first in range(0, len(hashes), made_hashes.PER_SPLIT)]
    begun = time.process_time()
    verdicts = global_steps.verdicts(stage, sketches)
    seconds = time.process_time() - begun
    counts = np.ones(len(hashes), np.int64)
    counts[verdicts["position"].to_numpy()] = verdicts["count"].to_numpy()
    return counts, seconds


def _sketch(hashes: Hashes, first: int) -> pa.Table:
    some = hashes[first : first + made_hashes.PER_SPLIT]
    columns = [pa.array(["d"] * len(some)), np.arange(first, first + len(some)), some, np.zeros(len(some), np.uint64)]
    return pa.table(columns, names=["id", "position", "hash", "scope"])


def by_faiss(hashes: Hashes, name: str) -> tuple[Counts, float]:
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexBinaryFlat(near.BITS) if name == "flat" else faiss.IndexBinaryMultiHash(near.BITS, 4, 16)
    if name == "multi":
        index.nflip = 1
    vectors = hashes.view(np.uint8).reshape(len(hashes), 8)
    searched = vectors[: _SEARCHES[name]]
    begun = time.process_time()
    index.add(vectors)
    added = time.process_time()
    ends, _, _ = index.range_search(searched, _DISTANCE + 1)  # what is nearer than this
    seconds = added - begun + (time.process_time() - added) * len(vectors) / len(searched)
    return np.diff(ends.astype(np.int64)), seconds


WAYS: Mapping[str, Callable[[Hashes], tuple[Counts, float]]] = {
    "interloom": ours,
    "faiss multi-hash": lambda hashes: by_faiss(hashes, "multi"),
    "faiss flat": lambda hashes: by_faiss(hashes, "flat"),
}


def one_way(name: str, count: int, to: Path) -> None:
    """Writes what one way finds, and its seconds: run in a process of its own."""
    counts, seconds = WAYS[name](all_hashes(count))
    np.save(to, counts)
    to.with_suffix(".json").write_text(json.dumps(seconds))


def side_by_side(count: int) -> None:
    print(
        f"\n{count:,} hashes, distance {_DISTANCE:<8}{'hashes/s':>10}{'seconds':>9}{'peak MB':>9}{'near':>10}{'of':>12}  as ours"
    )
    with tempfile.TemporaryDirectory() as folder:
        own = None
        for name in WAYS:
            file = Path(folder) / "counts.npy"
            command = [sys.executable, "-m", "benchmarks.dedup_image", str(count), "--way", name, "--to", str(file)]
            took = measure(command, Path(folder) / "log")
            counts, seconds = np.load(file), json.loads(file.with_suffix(".json").read_text())
            own = counts if own is None else own
            same = np.array_equal(counts, own[: len(counts)])
            near_ones = int((counts > 1).sum())
            cells = f"{near_ones:>10,}{len(counts):>12,}  {same}"
            print(f"{name:<32}{count / seconds:>10,.0f}{seconds:>9.1f}{took.peak_mb:>9,.0f}{cells}", flush=True)


def whole_run(count: int, distance: int | None) -> Usage:
    parameters = {"key": "phash", "distance": distance, "at_most": 1, "in_document": False}
    steps = [
        {"use": "benchmarks.made_hashes", "with": {"splits_of_50_000": count // made_hashes.PER_SPLIT}},
        *([{"use": "stages.dedup_image", "with": parameters}] if distance is not None else []),
        {"use": "stages.write_parquet", "with": {"shard_size_bytes": 2 << 20}},
    ]
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "recipe.yaml"
        recipe.write_text(yaml.safe_dump({"name": "bench", "seed": 1, "run": f"{folder}/run", "steps": steps}))
        command = [sys.executable, "-m", "interloom.jobs", "run", str(recipe), "--runner", "local"]
        return measure(command, Path(folder) / "log")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("hashes", type=int, nargs="*", default=[1_000_000, 5_000_000])
    parser.add_argument("--way", choices=WAYS, default=None)
    parser.add_argument("--to", type=Path, default=None)
    given = parser.parse_args()
    if given.way:
        one_way(given.way, given.hashes[0], given.to)
        return
    for count in given.hashes:
        side_by_side(count)
        for name, distance in (("without the step", None), ("distance 0", 0), (f"distance {_DISTANCE}", _DISTANCE)):
            took = whole_run(count, distance)
            print(f"whole run, {name}: {took.cpu_s:,.0f} s of processors, peak {took.peak_mb:,.0f} MB", flush=True)


if __name__ == "__main__":
    main()
