"""K-means on a sample of vectors: which rows of all sketches are the sample, and their centres.

Two exchanges. "draws" finds the hash up to which rows belong to the sample, which so has an exact size; "centres" lets the sample
meet in one unit, where faiss trains on one thread. The same sample gives the same centres on machines of one kind.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.exchange_rows import Keys
from interloom.pipeline.stage import Exchange, RangeRows
from interloom.pipeline.store.merging import column
from interloom.stages._embed.nearest import Base, Search, Vectors
from interloom.stages._embed.stored import column_of, vectors_in
from interloom.stages._select.orders import drawn

DRAWS, CENTRES = "draws", "centres"
_CENTRES_OF_STARTS, _MOST_STARTS = 1000, 8
"""The fewer clusters, the more k-means depends on its start: it is tried from up to 8 starts of 1,000 centres together, and the
best result is taken. Our choice."""
_SEEDS = 1 << 31
"""Faiss takes seeds below this."""


def problems() -> Iterable[str]:
    """What is missing for k-means."""
    if importlib.util.find_spec("faiss") is None:
        yield "k-means needs the package 'faiss-cpu'; install it: pip install 'interloom[retrieve]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How centres are trained.

    Parameters:
        clusters: How many centres there are for so many items.
        per_cluster: Items of the sample for each centre.
        iterations: Rounds of k-means.
        seed: Seed of the sample and of the first centres.
    """

    clusters: Callable[[int], int]
    per_cluster: int
    iterations: int
    seed: int

    def exchanges(self, draw_params: tuple[str, ...], centre_params: tuple[str, ...]) -> tuple[Exchange, Exchange]:
        """The exchanges DRAWS and CENTRES.

        Sketches have the columns `tie` (a hash of the row's place), `model` and `vector`, and may have `is_base`, which is false
        for rows that are no items. A row of the result has `number`, `items` (of the sample that are nearest to it), `total`
        (items of all), `sample`, `model` and `vector`.
        """
        draws = Exchange(name=DRAWS, reads=("sketch",), send=self._send_draws, meet=self._last_of_sample, params=draw_params)
        shared, params = (DRAWS,), centre_params
        sample, train = self._send_sample, self._train
        return draws, Exchange(name=CENTRES, reads=("sketch",), send=sample, meet=train, shared=shared, params=params)

    def _send_draws(self, which: str, sketch: pa.Table) -> pa.Table:
        draws = self.draws(items(sketch))
        return pa.table({"key": draws, "order": np.zeros(len(draws), np.int64)})

    def draws(self, rows: pa.Table) -> Keys:
        """A hash of each row: the sample has the rows with the least ones."""
        return drawn(column(rows, "tie"), self.seed, "k-means")

    def _last_of_sample(self, rows: RangeRows) -> Iterator[pa.Table]:
        """The hash of the last item of the sample, from the range in which it lies, and how many items there are."""
        last = min(rows.total, self.clusters(rows.total) * self.per_cluster) - 1 - rows.before
        if not 0 <= last < rows.count:
            return
        for table in rows.read(["key"]):
            if last < table.num_rows:
                yield pa.table({"last": table["key"][last : last + 1], "total": pa.array([rows.total], pa.int64())})
                return
            last -= table.num_rows

    def _send_sample(self, which: str, sketch: pa.Table, shared: Mapping[str, pa.Table]) -> pa.Table:
        rows = items(sketch)
        draws, threshold = self.draws(rows), shared[DRAWS]
        is_sample = draws <= column(threshold, "last")[0] if threshold.num_rows else np.zeros(len(draws), np.bool_)
        taken = rows.filter(pa.array(is_sample)).select(["model", "vector"])
        columns = [np.zeros(taken.num_rows, np.uint64), draws[is_sample].view(np.int64)]
        return pa.table([*columns, *taken.columns], names=["key", "order", "model", "vector"])

    def _train(self, rows: RangeRows, shared: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
        total = shared[DRAWS]["total"][0].as_py()
        tables = list(rows.read(["model", "vector"]))
        if not tables:
            return
        sample = pa.concat_tables(tables)
        model = the_model(sample)
        vectors = vectors_in(sample["vector"])
        centres = trained(vectors, self.clusters(total), self.iterations, self.seed)
        nearest, _ = Search.of(Base.of(centres), 1).nearest(vectors)
        same = {"total": (total, pa.int64()), "sample": (len(vectors), pa.int64()), "model": (model, pa.uint64())}
        yield pa.table(
            {
                "number": np.arange(len(centres), dtype=np.int64),
                "items": np.bincount(nearest[:, 0], minlength=len(centres)),
                **{name: pa.array([value] * len(centres), kind) for name, (value, kind) in same.items()},
                "vector": column_of(centres),
            }
        )


def items(sketch: pa.Table) -> pa.Table:
    """The rows of a sketch that are items."""
    return sketch.filter(sketch["is_base"]) if "is_base" in sketch.column_names else sketch


def the_model(rows: pa.Table, centres: pa.Table | None = None) -> int:
    """The hash of the model of all rows. Raises ConfigError if there are several, or one other than that of the centres."""
    models = {*pc.unique(rows["model"]).to_pylist(), *(centres["model"][:1].to_pylist() if centres is not None else ())}
    if len(models) > 1:
        raise ConfigError("the stored embeddings are of several models, or of several versions of one; name one as `model`")
    return int(next(iter(models), 0))


def trained(vectors: Vectors, clusters: int, iterations: int, seed: int) -> Vectors:
    """The centres of so many clusters, unit vectors; different vectors themselves if there are no more of them than clusters."""
    rows = np.ascontiguousarray(vectors)
    _, firsts = np.unique(rows.view(f"V{rows.strides[0]}")[:, 0], return_index=True)
    if len(firsts) <= clusters:
        return rows[firsts]
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # so that sums are made in one order
    try:
        limits = {"min_points_per_centroid": 1, "max_points_per_centroid": len(rows)}
        starts = min(max(_CENTRES_OF_STARTS // clusters, 1), _MOST_STARTS)
        options = {"niter": iterations, "nredo": starts, "seed": seed % _SEEDS, "spherical": True, **limits}
        means = faiss.Kmeans(rows.shape[1], clusters, **options)
        means.train(rows.astype(np.float32))
    finally:
        faiss.omp_set_num_threads(threads)
    return np.asarray(means.centroids, np.float16)
