"""Removes images and texts that mean the same as another one, by their stored embeddings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from interloom.pipeline.contents import Content, Need, clustering, embeddings
from interloom.pipeline.exchange_rows import Ints
from interloom.pipeline.stage import Exchange, GlobalStage, Rows
from interloom.pipeline.store.merging import column
from interloom.schemas.document import DOCUMENT, Document
from interloom.schemas.outcome import Drop, Dropped, Outcome
from interloom.stages._dedup.splitmix import hashed
from interloom.stages._embed.assigned import assigned
from interloom.stages._embed.stored import stored_items
from interloom.stages.dedup_semantic import members

_WIDEST = 0.2
"""The largest `eps`. Pairs that are less similar than 1 - 0.2 are not stored. SemDeDup's widest is 0.03. Our choice."""
_STEPS = 10_000
"""Similarities to centres are compared in steps of 1 / _STEPS."""
_TIE_BITS = 48
"""Bits of a tie that follow them."""
_EMPTY = pa.schema({"id": pa.string()}).empty_table()


@dataclass(frozen=True, kw_only=True)
class DedupSemantic(GlobalStage):
    """Drops images, documents or paragraphs that mean the same as another one in their cluster (SemDeDup, arXiv 2303.09540).

    It needs vectors (side table `embeddings`, from `stages.embed_images`, `stages.embed_texts` or `stages.score_clip`) and
    clusters of them (`stages.cluster_embeddings`). The members of a cluster are put in order by `keep`. A member whose cosine
    similarity to a member before it is above 1 - eps is dropped as `semantic_duplicate` (value: the similarity; limit: 1 - eps;
    kept: what it is a duplicate of, as `document` or `document:position`). So what is dropped at one eps is dropped at each
    larger one. What has no vector or no cluster stays. A paragraph or image is dropped from its document, which stays.

    Similarities are exact, and equal on all machines. Another eps compares nothing anew, unless the method is "connected".

    Parameters:
        of: What is compared: "image", "document" or "paragraph". Default "image".
        model: The model whose vectors are compared. Default: the only one that is stored.
        clusters: The name of the clustering, as in `stages.cluster_embeddings`; "" is the value of `of`. Default "".
        eps: Two with a cosine similarity above 1 - eps are duplicates. Above 0, at most 0.2. Default 0.03, with which SemDeDup
            keeps about half of LAION-440M.
        method: "earlier": a member is a duplicate if any member before it is that similar, also one that is dropped itself
            (SemDeDup). "connected": duplicates of duplicates are duplicates, too, and of each such group the first one stays
            (RealSyn, arXiv 2502.12513: union-find). Default "earlier".
        keep: Which member comes first: the "hardest" (least similar to the cluster's centre; SemDeDup), the "easiest" (most
            similar) or the "first" in the input. Equals come by a hash of their place. Default "hardest".
    """

    sketch_params: ClassVar[tuple[str, ...]] = ("of", "model", "clusters")
    sketch_tables: ClassVar[tuple[str, ...]] = ("embeddings", "clusters")

    of: Literal["image", "document", "paragraph"] = "image"
    model: str | None = None
    clusters: str = ""
    eps: float = 0.03
    method: Literal["earlier", "connected"] = "earlier"
    keep: Literal["hardest", "easiest", "first"] = "hardest"

    def needs(self) -> Iterable[Need]:
        return (embeddings(self.of, self.model), clustering(self.clusters or self.of))

    def provides(self) -> Iterable[Content]:
        return ()

    def check(self) -> Iterable[str]:
        if not 0 < self.eps <= _WIDEST:
            yield f"eps: must be above 0 and at most {_WIDEST}, not {self.eps}"

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        return self.sketch_with(docs, {})

    def sketch_with(self, docs: Sequence[Document], sides: Mapping[str, Sequence[pa.Table]]) -> pa.Table:
        """Returns the columns id, position, tie, cluster, similarity and vector, with a row for each member of a cluster."""
        items = stored_items(docs, sides.get("embeddings", ()), (self.of,), self.model)
        cluster_of = assigned(docs, sides.get("clusters", ()), self.clusters or self.of)
        places = list(zip(*(items[name].to_pylist() for name in ("id", "position", "window")), strict=True))
        taken = [n for n, place in enumerate(places) if place in cluster_of and not place[2]]
        if not taken:
            return _EMPTY
        rows = items.select(["id", "position", "tie", "vector"]).take(pa.array(taken))
        clusters, similarities = zip(*(cluster_of[places[n]] for n in taken), strict=True)
        rows = rows.append_column("cluster", pa.array(clusters, pa.int64()))
        return rows.append_column("similarity", pa.array(similarities, pa.float64()))

    def exchanges(self) -> tuple[Exchange, ...]:
        """The members of a cluster meet. Verdicts are tables DUPLICATES."""
        params = ("keep", "method", *(("eps",) if self.method == "connected" else ()))
        return (Exchange(name="members", reads=("sketch",), send=self._send, meet=self._meet, params=params),)

    def _send(self, which: str, sketch: pa.Table) -> pa.Table:
        if not sketch.num_rows:
            return sketch
        keys = pa.array(hashed(column(sketch, "cluster")))
        columns = [keys, pa.array(self._order(sketch)), *sketch.select([*members.PLACE, "vector"]).columns]
        return pa.table(columns, names=["key", "order", *members.PLACE, "vector"])

    def _order(self, sketch: pa.Table) -> Ints:
        """The order of members, of which the first stays."""
        if self.keep == "first":
            return column(sketch, "node")
        steps = np.clip(np.round(column(sketch, "similarity") * _STEPS), -_STEPS, _STEPS).astype(np.int64)
        ties = (column(sketch, "tie") >> np.uint64(64 - _TIE_BITS)).astype(np.int64)
        return ((steps if self.keep == "hardest" else -steps) << _TIE_BITS) + ties

    def _meet(self, rows: Rows) -> Iterator[pa.Table]:
        return members.meet(rows, 1 - _WIDEST, 1 - self.eps if self.method == "connected" else None)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        for doc in docs:
            dropped = {row["position"]: row for row in verdicts.get(doc.id, []) if self._is_duplicate(row["similarity"])}
            for element in doc.elements:
                if (row := dropped.get(element.position)) is not None:
                    yield self._dropped(doc, row, getattr(element, "url", ""))
            if DOCUMENT in dropped:
                yield self._dropped(doc, dropped[DOCUMENT], doc.source.url)
            else:
                yield doc.without(dropped) if dropped else doc

    def _is_duplicate(self, similarity: float) -> bool:
        return self.method == "connected" or similarity > 1 - self.eps

    def _dropped(self, doc: Document, row: Mapping[str, Any], url: str) -> Dropped:
        is_document = row["position"] == DOCUMENT
        kept = row["kept"] if is_document else f"{row['kept']}:{row['kept_position']}"
        drop = Drop("semantic_duplicate", row["similarity"], 1 - self.eps)
        return Dropped(doc.id, drop, None if is_document else row["position"], url, kept)
