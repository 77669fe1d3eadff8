from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import pyarrow as pa

from interloom.pipeline.contents import Content, Need, clustering
from interloom.pipeline.stage import Exchange, GlobalStage
from interloom.schemas.document import Document, Element
from interloom.schemas.outcome import Drop, Outcome
from interloom.stages._select import clustered, reports
from interloom.stages._select.capped import Caps
from interloom.stages._select.clustered import Drawing
from interloom.stages._select.decisions import applied

_REPORT = "clusters"


@dataclass(frozen=True, kw_only=True)
class BalanceClusters(GlobalStage):
    """Balances what `cluster_embeddings` has put into clusters, so that no cluster has much more than a cap.

    With `drop: element` only what is too much goes, for example a picture; the positions of all others stay as they are. With
    `drop: document` a document goes or stays with all that it has in clusters. What goes is dropped as `above_cap`, by a
    cluster that is named (value: what it would hold with it; limit: the cap) or, without strict caps, as `not_drawn` (value: its
    draw; limit: the probability to stay). What is in no cluster stays. Clusters are read from the side table, so that another
    cap embeds and clusters nothing anew. Reports: `clusters` (counts before and after), `evenness`, `extremes` and `examples`.
    Published: RealSyn caps 1 million clusters at 20, 35 or 180 for 15, 30 or 100 million images (arXiv 2502.12513).

    Parameters:
        clusters: The name of the clustering, as its step gives it. Default "image".
        cap: Elements (images; texts, if their embeddings are clustered) of a cluster that stay, or clustered documents. One
            with several vectors in a cluster (windows of a long text, sentences of a paragraph) counts once. Default 35,
            published for 30 million.
        drop: "element" or "document". Default "element".
        rule: "strict": in the order of a draw, each one stays that has room in all its clusters; no cluster holds more than the
            cap. "minimum" and "maximum": each one stays with a probability, that of its clusters (cap / items, at most 1) that is
            least, which protects caps, or greatest, which protects small clusters. Default "strict".
        seed: Seed of the draws. Default: the recipe's seed.
    """

    memory_bytes: ClassVar[int] = 310_000_000
    causes: ClassVar[Mapping[str, str | None]] = {"above_cap": None, "not_drawn": None}
    sketch_params: ClassVar[tuple[str, ...]] = ("clusters",)
    sketch_tables: ClassVar[tuple[str, ...]] = ("clusters",)
    reports: ClassVar[tuple[str, ...]] = (_REPORT, *reports.NAMES)

    clusters: str = "image"
    cap: int = 35
    drop: Literal["element", "document"] = "element"
    rule: Literal["strict", "minimum", "maximum"] = "strict"
    seed: int = 0

    def needs(self) -> Iterable[Need]:
        return (clustering(self.clusters),)

    def provides(self) -> Iterable[Content]:
        return ()

    def check(self) -> Iterable[str]:
        if self.cap < 1:
            yield "cap: must be at least 1"
        if not self.clusters:
            yield "clusters: name a clustering"

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        return self.sketch_with(docs, {})

    def sketch_with(self, docs: Sequence[Document], sides: Mapping[str, Sequence[pa.Table]]) -> pa.Table:
        """Returns a row for each element (-1: document) and its cluster: id, position, cluster, count, draw and tie."""
        return clustered.sketch_of(docs, sides.get("clusters", ()), self.clusters)

    def exchanges(self) -> tuple[Exchange, ...]:
        """Counts of clusters; what is rejected; counts after, and reports; verdicts are what is rejected, with ids."""
        counts = Exchange(
            name=clustered.COUNTS, reads=("sketch",), send=clustered.send_counts, meet=clustered.meet_counts, params=()
        )
        report = Exchange(
            name=_REPORT,
            reads=(counts.name, clustered.DECIDED),
            send=clustered.send_counts_left,
            meet=clustered.meet_counts_left,
            params=(),
        )
        rejected = Exchange(
            name="rejected",
            reads=(clustered.DECIDED,),
            send=clustered.send_rejected,
            meet=partial(clustered.meet_rejected, of_documents=self.drop == "document"),
            joins_parts=True,
            params=("drop",),
        )
        return counts, self._decided, report, *reports.report_exchanges(_REPORT, clustered.members), rejected

    @property
    def _decided(self) -> Exchange:
        """The exchange whose result has, of what is rejected, all that it has in clusters."""
        drawing = Drawing(self.cap, self.rule == "maximum", self.drop == "document", self.seed)
        params = ("cap", "drop", "rule", "seed")
        if self.rule == "strict":
            return Caps(self.cap).exchange(clustered.DECIDED, drawing.undecided, params)
        return drawing.exchange(params)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        return applied(docs, verdicts, "all", self._judged)

    def _judged(self, item: Document | Element, verdict: Mapping[str, Any] | None) -> tuple[Drop, str] | None:
        if verdict is None:
            return None
        reason = "above_cap" if self.rule == "strict" else "not_drawn"
        return Drop(reason, verdict["value"], verdict["limit"]), f"cluster {verdict['cluster']}"
