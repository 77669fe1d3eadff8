from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from interloom.pipeline.contents import Content, Need, clustering
from interloom.pipeline.errors import FatalError
from interloom.pipeline.exchange_rows import key_counts
from interloom.pipeline.stage import Exchange, GlobalStage, Rows
from interloom.pipeline.store.merging import KEY, ORDER, column
from interloom.schemas.document import DOCUMENT, Document, Element
from interloom.schemas.outcome import Drop, Outcome
from interloom.stages._dedup.splitmix import hashed, unhashed
from interloom.stages._select import clustered
from interloom.stages._select.decisions import applied

_NEAR = "near"
_NO_CLUSTER = -1
_SENT = ("part", "id", "position", "cluster")


@dataclass(frozen=True, kw_only=True)
class NearReference(GlobalStage):
    """Keeps what lies in the clusters of references, for example of the training images of a benchmark, as DataComp does.

    References are documents of the run itself, from a source of their own, so that they are embedded and clustered like all
    others: a cluster is near if it is the nearest one of a reference. What lies in another cluster is dropped as
    `far_from_references` (decided by its cluster), a document that has nothing in a cluster as `in_no_cluster`, references as
    `reference`. The report `near` has the near clusters. Published: 100,000 clusters of images and those of ImageNet's training
    images (DataComp's image-based filter, arXiv 2304.14108).

    Parameters:
        references: Patterns (`*`, `?`) of the paths of the references' files, as their source names them. One must fit a file
            of the sources above, or the first document of one of their first 16 files, or the recipe is refused. No default.
        clusters: The name of the clustering, as its step gives it. Default "image".
        drop: "document": a document stays if something of it lies in a near cluster. "element": each element goes or stays by
            itself. Default "document".
        keep_references: Whether references stay. Default false.
    """

    causes: ClassVar[Mapping[str, str | None]] = {"far_from_references": None, "in_no_cluster": None, "reference": None}
    path_patterns: ClassVar[str] = "references"
    sketch_params: ClassVar[tuple[str, ...]] = ("references", "clusters")
    sketch_tables: ClassVar[tuple[str, ...]] = ("clusters",)
    reports: ClassVar[tuple[str, ...]] = (_NEAR,)

    references: list[str]
    clusters: str = "image"
    drop: Literal["document", "element"] = "document"
    keep_references: bool = False

    def needs(self) -> Iterable[Need]:
        return (clustering(self.clusters),)

    def provides(self) -> Iterable[Content]:
        return ()

    def check(self) -> Iterable[str]:
        if not any(self.references):
            yield "references: name a pattern"

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        return self.sketch_with(docs, {})

    def sketch_with(self, docs: Sequence[Document], sides: Mapping[str, Sequence[pa.Table]]) -> pa.Table:
        """Returns a row for each element and cluster: id, position, cluster and is_reference; a document without any has one with
        cluster -1."""
        rows = clustered.sketch_of(docs, sides.get("clusters", ()), self.clusters).select(["id", "position", "cluster"])
        referring = {doc.id for doc in docs if self._is_reference(doc)}
        clustered_ids = set(rows["id"].to_pylist())
        bare = [doc.id for doc in docs if doc.id not in clustered_ids]
        more = [bare, np.full(len(bare), DOCUMENT), np.full(len(bare), _NO_CLUSTER)]
        both = pa.concat_tables([rows, pa.table(more, schema=rows.schema)])
        order = {doc.id: n for n, doc in enumerate(docs)}
        place = np.argsort([order[id_] for id_ in both["id"].to_pylist()], kind="stable")
        ordered = both.take(pa.array(place, pa.int64()))
        flags = pa.array([id_ in referring for id_ in ordered["id"].to_pylist()], pa.bool_())
        return ordered.append_column("is_reference", flags)

    def _is_reference(self, doc: Document) -> bool:
        return any(fnmatchcase(doc.source.path, pattern) for pattern in self.references)

    def exchanges(self) -> tuple[Exchange, ...]:
        """The clusters of references; verdicts are what has nothing in them."""
        near = Exchange(name=_NEAR, reads=("sketch",), send=_send_references, meet=_meet_references, params=())
        rejected = Exchange(
            name="rejected", reads=("sketch",), send=self._send_far, meet=_meet_far, shared=(_NEAR,), params=("drop",)
        )
        return near, rejected

    def _send_far(self, which: str, sketch: pa.Table, shared: Mapping[str, pa.Table]) -> pa.Table:
        """Sends units that have nothing in a near cluster, with the first of their clusters."""
        if sketch.num_rows and not shared[_NEAR].num_rows:
            raise FatalError(f"no reference is in a cluster of '{self.clusters}'; do the patterns fit the paths of their files?")
        rows = sketch.filter(pa.array(~column(sketch, "is_reference")))
        is_near = np.isin(column(rows, "cluster"), column(shared[_NEAR], "cluster")) if rows.num_rows else np.empty(0, np.bool_)
        names = ["id"] if self.drop == "document" else ["id", "position"]
        units = rows.append_column("is_near", pa.array(is_near)).group_by(["part", *names], use_threads=False)
        by_unit = units.aggregate([("is_near", "max"), ("cluster", "min")])
        far = by_unit.filter(pa.array(~column(by_unit, "is_near_max"))) if by_unit.num_rows else by_unit
        positions = far["position"] if "position" in names else pa.array(np.full(far.num_rows, DOCUMENT, np.int32))
        clusters = column(far, "cluster_min")
        keys = [hashed(clusters), np.zeros(far.num_rows, np.int64)]
        return pa.table([*keys, far["part"], far["id"], positions, clusters], names=[KEY, ORDER, *_SENT])

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        return applied(docs, verdicts, "all", self._judged)

    def _judged(self, item: Document | Element, verdict: Mapping[str, Any] | None) -> tuple[Drop, str] | None:
        if isinstance(item, Document) and not self.keep_references and self._is_reference(item):
            return Drop("reference"), ""
        if verdict is None:
            return None
        is_clustered = verdict["cluster"] != _NO_CLUSTER
        return (Drop("far_from_references"), f"cluster {verdict['cluster']}") if is_clustered else (Drop("in_no_cluster"), "")


def _send_references(which: str, sketch: pa.Table) -> pa.Table:
    rows = sketch.filter(sketch["is_reference"])
    clusters = column(rows, "cluster")
    clusters = clusters[clusters != _NO_CLUSTER]
    return pa.table({KEY: hashed(clusters), ORDER: np.zeros(len(clusters), np.int64)})


def _meet_references(rows: Rows) -> Iterator[pa.Table]:
    for keys, counts in key_counts(rows.read([KEY])):
        yield pa.table({"cluster": unhashed(keys), "references": counts})


def _meet_far(rows: Rows, shared: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
    yield from rows.read(_SENT)
