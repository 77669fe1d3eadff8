from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from interloom.pipeline.contents import IMAGES, Content, Need, labels, scores
from interloom.pipeline.exchange_rows import Ints, Keys
from interloom.pipeline.stage import Exchange, GlobalStage, RangeRows
from interloom.pipeline.store.merging import column
from interloom.schemas.document import Document, Image
from interloom.schemas.outcome import Drop, Dropped, Outcome
from interloom.stages._dedup.duplicates import hash64
from interloom.stages._select import orders, ranks
from interloom.stages._web.origin import domain_of

_RANDOM, _NO_GROUPS = "random", "none"
_COMPUTED_GROUPS = ("domain", "dump")
_DOCUMENT = -1
"""The position of what is judged, if it is the document."""
_DUMP = re.compile(r"CC-MAIN-\d{4}-\d{2}")


@dataclass(frozen=True, kw_only=True)
class SelectTop(GlobalStage):
    """Keeps the documents or images with the highest scores, a number or a share of them, of all or of each group.

    The order is exact and the same in every run: equal scores are ordered by a hash of seed and id. What is behind the last one
    that is kept is dropped as `below_top`, of groups with a greatest number as `above_cap` (value: its rank in its group,
    counted from 1; limit: the last rank that is kept). What has no such score, or NaN, is dropped as `not_scored` and counts for
    no share. Published: DataComp keeps the 30 % of images with the highest CLIP similarity (ViT-L/14; arXiv 2304.14108, table 3).

    Parameters:
        of: Name of the score; "random" draws without one. No default.
        on: What is ranked: "document" or "image". Default "document".
        at_most: How many are kept, of each group. Documents or images; null if `share` is given. Default null.
        share: Which share is kept, of each group, rounded up: of a group of one, this one. Above 0, at most 1. Default null.
        by: What makes a group: "none" (all are one), "domain" (the host of the document's URL, without www.), "dump" (its label
            `dump`, else the name of Common Crawl's dump in its path), or the name of a label. Documents without it are one
            group. Default "none".
        lowest: Whether the lowest scores are kept. Default false.
        seed: Seed of draws and of the order of equal scores; a draw by other groups is another one. Default: the recipe's seed.
    """

    causes: ClassVar[Mapping[str, str | None]] = {"below_top": None, "above_cap": None}
    sketch_params: ClassVar[tuple[str, ...]] = ("of", "on", "by")

    of: str
    on: Literal["document", "image"] = "document"
    at_most: int | None = None
    share: float | None = None
    by: str = _NO_GROUPS
    lowest: bool = False
    seed: int = 0

    def needs(self) -> Iterable[Need]:
        yield from scores(self.on, self.of) if self.of != _RANDOM else ()
        yield from [IMAGES] if self.on == "image" else ()
        yield from labels(self.by) if self.by not in (_NO_GROUPS, *_COMPUTED_GROUPS) else ()

    def provides(self) -> Iterable[Content]:
        return ()

    def check(self) -> Iterable[str]:
        if (self.at_most is None) == (self.share is None):
            yield "give either at_most or share"
        if self.at_most is not None and self.at_most < 1:
            yield "at_most: must be at least 1"
        if self.share is not None and not 0 < self.share <= 1:
            yield "share: must be above 0 and at most 1"
        if self.lowest and self.of == _RANDOM:
            yield "lowest: a random draw has no lowest scores"
        if not self.by:
            yield 'by: must be "none", "domain", "dump" or the name of a label'

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        """Returns the columns id, position, score, draw (a hash of the two) and group (a hash); what has no score has no row."""
        found = [(doc, position, self._score(judged)) for doc in docs for position, judged in self._judged(doc)]
        rows = [(doc, position, score) for doc, position, score in found if score is not None]
        columns = {
            "id": pa.array([doc.id for doc, _, _ in rows], pa.string()),
            "position": pa.array([position for _, position, _ in rows], pa.int32()),
            "score": pa.array([score for _, _, score in rows], pa.float64()),
            "draw": pa.array([hash64(f"{doc.id} {position}") for doc, position, _ in rows], pa.uint64()),
            "group": pa.array([self._group(doc) for doc, _, _ in rows], pa.uint64()),
        }
        return pa.table(columns)

    def _judged(self, doc: Document) -> Iterator[tuple[int, Document | Image]]:
        """Yields what is ranked, with its position."""
        if self.on == "document":
            yield _DOCUMENT, doc
        else:
            yield from ((image.position, image) for image in doc.images)

    def _score(self, judged: Document | Image) -> float | None:
        score = 0.0 if self.of == _RANDOM else judged.scores.get(self.of)
        return None if score is None or math.isnan(score) else score

    def _group(self, doc: Document) -> int:
        if self.by == _NO_GROUPS:
            return 0
        if self.by == "domain":
            return hash64(domain_of(doc.source.url))
        name = doc.labels.get(self.by, "")
        dump = _DUMP.search(doc.source.path) if self.by == "dump" and not name else None
        return hash64(dump[0] if dump else name)

    def exchanges(self) -> tuple[Exchange, ...]:
        """Ranks of all by score, unless a group's draw is enough; then the places in groups. Verdicts are `ranks.BEHIND`."""
        ranked = Exchange(name="ranks", reads=("sketch",), send=self._send_to_ranks, meet=self._meet_ranks)
        if self.by == _NO_GROUPS:
            return (ranked,)
        above = "sketch" if self.of == _RANDOM else ranked.name
        groups = Exchange(name="groups", reads=(above,), send=self._send_to_groups, meet=self._meet_in_groups)
        return (groups,) if self.of == _RANDOM else (ranked, groups)

    def _send_to_ranks(self, which: str, sketch: pa.Table) -> pa.Table:
        draws = self._draws(sketch)
        if self.of == _RANDOM:
            return _sent(sketch, draws, np.zeros(len(draws), np.int64))
        keys, rests = orders.keys_of_numbers(column(sketch, "score"), highest_first=not self.lowest)
        return _sent(sketch, keys, orders.orders_of_ties(rests, draws))

    def _draws(self, sketch: pa.Table) -> Keys:
        return orders.drawn(column(sketch, "draw"), self.seed, self.by)

    def _meet_ranks(self, rows: RangeRows) -> Iterator[pa.Table]:
        return ranks.behind_all(rows, self._limit) if self.by == _NO_GROUPS else ranks.rank_all(rows)

    def _send_to_groups(self, which: str, rows: pa.Table) -> pa.Table:
        order = self._draws(rows).view(np.int64) if which == "sketch" else column(rows, "rank")
        return _sent(rows, column(rows, "group"), order)

    def _meet_in_groups(self, rows: RangeRows) -> Iterator[pa.Table]:
        return ranks.behind_in_groups(rows, self._limit)

    @property
    def _limit(self) -> ranks.Limit:
        return ranks.Limit(self.at_most, self.share)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        for doc in docs:
            behind = {verdict["position"]: verdict for verdict in verdicts.get(doc.id, [])}
            drops = {position: self._drop(judged, behind.get(position)) for position, judged in self._judged(doc)}
            dropped = {position: drop for position, drop in drops.items() if drop is not None}
            if _DOCUMENT in dropped:
                yield Dropped(doc.id, dropped[_DOCUMENT], url=doc.source.url)
                continue
            for image in doc.images:
                if image.position in dropped:
                    yield Dropped(doc.id, dropped[image.position], image.position, image.url)
            yield doc.without(dropped) if dropped else doc

    def _drop(self, judged: Document | Image, verdict: Mapping[str, Any] | None) -> Drop | None:
        if verdict is not None:
            is_cap = self.by != _NO_GROUPS and self.at_most is not None
            return Drop("above_cap" if is_cap else "below_top", verdict["rank"], verdict["limit"])
        return Drop("not_scored") if self._score(judged) is None else None


def _sent(rows: pa.Table, keys: Keys, order: Ints) -> pa.Table:
    """Returns the rows on their way to these keys."""
    names = [*ranks.ITEM, "group"]
    return pa.table([pa.array(keys), pa.array(order), *rows.select(names).columns], names=["key", "order", *names])
