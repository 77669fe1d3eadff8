"""Searches the planted vectors with faiss: `FOLDER exact SAMPLE` or `FOLDER ivf SAMPLE RECALL LISTS`.

`exact` stores the nearest 3 of a sample of the queries in `FOLDER/exact.npy`. `ivf` trains an IndexIVFFlat with as many lists,
adds all items, and searches with the least number of probes that reaches the recall. Both print in JSON the seconds and processor
seconds of building and of searching, and the recall. The environment says with how many threads (`OMP_NUM_THREADS`).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

COUNT = 3
_PROBES = range(2, 65, 2)
_TRAINED, _ITERATIONS = 64, 10
"""Items for each list and rounds of k-means, as in `retrieve_texts`."""


def sampled(folder: Path, size: int) -> npt.NDArray[np.int64]:
    """Numbers of queries."""
    queries = len(np.load(folder / "queries.npy", mmap_mode="r"))
    return np.random.default_rng(1).permutation(queries)[:size]


def recall(nearest: npt.NDArray[Any], exact: npt.NDArray[Any]) -> float:
    """The share of the exact nearest that were found."""
    return float(np.mean([len({*ours} & {*other}) / COUNT for ours, other in zip(nearest.tolist(), exact.tolist(), strict=True)]))


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What it returns, its seconds, and its processor seconds."""
    started, cpu = time.perf_counter(), time.process_time()
    done = work()
    return done, time.perf_counter() - started, time.process_time() - cpu


def main() -> None:
    folder, what, size, *more = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), *sys.argv[4:]
    items, queries = (np.load(folder / f"{name}.npy").astype(np.float32) for name in ("items", "queries"))
    queries = queries[sampled(folder, size)]
    if what == "exact":
        inner = faiss.METRIC_INNER_PRODUCT
        (_, nearest), seconds, cpu_s = timed(lambda: faiss.knn(queries, items, COUNT, metric=inner))
        np.save(folder / "exact.npy", nearest)
        print(json.dumps({"search_s": seconds, "search_cpu_s": cpu_s, "build_s": 0, "build_cpu_s": 0, "recall": 1.0}))
    else:
        print(json.dumps(_ivf(folder, items, queries, (float(more[0]), int(more[1])))))


def _ivf(
    folder: Path, items: npt.NDArray[np.float32], queries: npt.NDArray[np.float32], wanted: tuple[float, int]
) -> dict[str, float]:
    at_least, lists = wanted
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(items.shape[1]), items.shape[1], lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter = _ITERATIONS

    def build() -> None:
        index.train(items[np.random.default_rng(2).permutation(len(items))[: lists * _TRAINED]])
        index.add(items)

    _, build_s, build_cpu_s = timed(build)
    exact = np.load(folder / "exact.npy")
    for probes in _PROBES:
        index.nprobe = probes
        (_, nearest), search_s, search_cpu_s = timed(lambda: index.search(queries, COUNT))
        if (reached := recall(nearest, exact)) >= at_least:
            break
    times = {"search_s": search_s, "search_cpu_s": search_cpu_s, "build_s": build_s, "build_cpu_s": build_cpu_s}
    return {**times, "recall": reached, "probes": probes}


if __name__ == "__main__":
    main()
