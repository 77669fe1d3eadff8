"""Clusters embeddings of images or texts with k-means, once for all steps that need clusters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pyarrow as pa

from interloom.pipeline.contents import CLUSTERS, Content, Need, clustering, embeddings
from interloom.pipeline.stage import Exchange, GlobalStage
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome, Side
from interloom.stages._embed import kmeans
from interloom.stages._embed.kmeans import CENTRES, Training
from interloom.stages._embed.stored import stored_items
from interloom.stages.cluster_embeddings.assignment import ASSIGNED, Assignment
from interloom.stages.cluster_embeddings.sizes import SIZES, sizes

_MOST_AT_ONCE = 4096
"""More clusters than these are made in two levels. Our choice."""


@dataclass(frozen=True, kw_only=True)
class ClusterEmbeddings(GlobalStage):
    """Clusters the embeddings of images or texts that steps above stored, with spherical k-means, and keeps every document.

    A row of the side table `clusters` tells the cluster of each item and its cosine similarity to the centre, rounded to 4
    decimals. K-means trains on a sample that a hash draws, in one unit on one thread (faiss), so the same bytes come out on
    machines of one kind. More than 4,096 clusters are made in two levels: the square root of so many lists, each of which trains
    its share of clusters on its own items, in units side by side. The report `sizes` has the items and the mean similarity of
    each cluster. Published: 50,000 clusters and 100 rounds (SemDeDup, arXiv 2303.09540), 1 million (RealSyn, arXiv 2502.12513).

    Parameters:
        of: Which embeddings: "image", "text", "sentence", "paragraph" or "document". Default "image".
        model: The model of the embeddings, as their step names it; null if the run has one. Default null.
        clusters: How many clusters. Fewer come out of fewer different vectors. Default 1000, our choice.
        name: Names the clustering for the steps that read it; "" is the value of `of`. Default "".
        per_cluster: Items that the sample has for each cluster. Default 128, our choice.
        iterations: Rounds of k-means. Default 20, our choice.
        seed: Seed of the sample and of the first centres. Default: the recipe's seed.
    """

    memory_bytes: ClassVar[int] = 340_000_000
    checkpoint: ClassVar[bool] = True
    sketch_params: ClassVar[tuple[str, ...]] = ("of", "model")
    sketch_tables: ClassVar[tuple[str, ...]] = ("embeddings",)
    reports: ClassVar[tuple[str, ...]] = (SIZES,)
    verdicts_of: ClassVar[str] = ASSIGNED

    of: Literal["image", "text", "sentence", "paragraph", "document"] = "image"
    model: str | None = None
    clusters: int = 1000
    name: str = ""
    per_cluster: int = 128
    iterations: int = 20
    seed: int = 0

    def needs(self) -> Iterable[Need]:
        return (embeddings(self.of, self.model),)

    def provides(self) -> Iterable[Content]:
        return (CLUSTERS, clustering(self.name or self.of, self.of))

    def check(self) -> Iterable[str]:
        for name in ("clusters", "per_cluster", "iterations"):
            if getattr(self, name) < 1:
                yield f"{name}: must be at least 1, not {getattr(self, name)}"
        yield from kmeans.problems()

    def notes(self) -> Iterable[str]:
        lists = self._lists
        per_vector = f"{2 * lists * self.iterations:,} x width flops each"
        yield f"k-means trains {lists:,} centres on {lists * self.per_cluster:,} vectors in one unit: {per_vector}"
        if lists < self.clusters:
            vectors = self.clusters * self.per_cluster
            yield f"then units train {self.clusters:,} clusters in {lists:,} lists on {vectors:,} vectors"

    @property
    def _lists(self) -> int:
        """How many centres the first level has."""
        return self.clusters if self.clusters <= _MOST_AT_ONCE else math.ceil(math.sqrt(self.clusters))

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        return self.sketch_with(docs, {})

    def sketch_with(self, docs: Sequence[Document], sides: Mapping[str, Sequence[pa.Table]]) -> pa.Table:
        """Returns the columns id, position, window, tie, model and vector."""
        rows = stored_items(docs, sides.get("embeddings", ()), (self.of,), self.model)
        return rows.select(["id", "position", "window", "tie", "model", "vector"])

    def exchanges(self) -> tuple[Exchange, ...]:
        """The centres of k-means; the cluster of each item; the size of each cluster."""
        lists = self._lists
        training = Training(
            clusters=lambda total: lists, per_cluster=self.per_cluster, iterations=self.iterations, seed=self.seed
        )
        trained = training.exchanges(("clusters", "per_cluster", "seed"), ("clusters", "iterations", "seed"))
        assignment = Assignment(training, self.clusters if lists < self.clusters else 0)
        params = ("clusters", "per_cluster", "iterations", "seed") if assignment.in_two_levels else ()
        assigned = Exchange(
            name=ASSIGNED, reads=("sketch",), send=assignment.send, meet=assignment.meet, shared=(CENTRES,), params=params
        )
        return *trained, assigned, sizes(self.clusters)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        name = self.name or self.of
        for doc in docs:
            rows = sorted(verdicts.get(doc.id, ()), key=lambda row: (row["position"], row["window"]))
            for row in rows:
                place = {"id": doc.id, "position": row["position"], "window": row["window"], "name": name}
                yield Side("clusters", {**place, "cluster": row["cluster"], "similarity": row["similarity"]})
            yield doc
