from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from interloom.pipeline.contents import IMAGES, Content, Need, labels, scores
from interloom.pipeline.exchange_rows import Ints, Keys
from interloom.pipeline.stage import Exchange, GlobalStage, RangeRows
from interloom.pipeline.store.merging import column
from interloom.schemas.document import Document, Element
from interloom.schemas.outcome import Drop, Outcome
from interloom.stages._dedup.duplicates import hash64
from interloom.stages._select import budgets, orders, ranks
from interloom.stages._select.decisions import On, applied, items_of
from interloom.stages._select.groups import COPY, GROUPS, NO_GROUPS, copies_of, group_of, hash_of_group, tokens_of

_RANDOM = "random"


@dataclass(frozen=True, kw_only=True)
class SelectTop(GlobalStage):
    """Keeps the documents or images with the highest scores, a number or a share of them, of all or of each group.

    The order is exact and the same in every run: equal scores are ordered by a hash of seed and id. What is behind the last one
    that is kept is dropped as `below_top`, of groups with a greatest number as `above_cap` (value: its rank in its group,
    counted from 1; limit: the last rank that is kept; in tokens, the tokens up to its last one, and the budget). What has no
    such score, or NaN, is dropped as `not_scored` and counts for no share. Published: DataComp keeps the 30 % of images with the
    highest CLIP similarity (ViT-L/14; arXiv 2304.14108, table 3); HowToCaption the best 25 million pairs (arXiv 2310.04900);
    Arctic-SnowCoder the best 12.5 billion tokens four times (arXiv 2409.02326). The phases of a training are branches of a
    recipe: for each phase a `select_top` from the same step, and a sink.

    Parameters:
        of: Name of the score; "random" draws without one. No default.
        on: What is ranked: "document" or "image". Default "document".
        at_most: How many are kept, of each group. Documents, images or tokens; null if `share` is given. Default null.
        share: Which share is kept, of each group, rounded up: of a group of one, this one. Above 0, at most 1. Default null.
        counted_in: In what at_most and share are counted: "items" (documents or images) or "tokens" of documents (estimated
            without a tokenizer): the first documents are kept whose tokens together are at most so many. Default "items".
        repeats: How often each document that is kept occurs: the copies have the ids `<id>#1` and so on, and the label `copy`
            numbers all from 0. Default 1.
        by: What makes a group: "none" (all are one), "domain" (the host of the document's URL, without www.), "dump" (its label
            `dump`, else the name of Common Crawl's dump in its path), "length" (tokens in powers of two), "images" (how many),
            "modalities" (1 for text, 2 for images, 4 for video, added), or the name of a label, as `language`. Documents without
            it are one group. Default "none".
        lowest: Whether the lowest scores are kept. Default false.
        seed: Seed of draws and of the order of equal scores; a draw by other groups is another one. Default: the recipe's seed.
    """

    causes: ClassVar[Mapping[str, str | None]] = {"below_top": None, "above_cap": None}
    sketch_params: ClassVar[tuple[str, ...]] = ("of", "on", "by", "counted_in")

    of: str
    on: On = "document"
    at_most: int | None = None
    share: float | None = None
    counted_in: Literal["items", "tokens"] = "items"
    repeats: int = 1
    by: str = NO_GROUPS
    lowest: bool = False
    seed: int = 0

    def needs(self) -> Iterable[Need]:
        yield from scores(self.on, self.of) if self.of != _RANDOM else ()
        yield from [IMAGES] if self.on == "image" else ()
        yield from labels(self.by) if self.by not in GROUPS else ()

    def provides(self) -> Iterable[Content]:
        return labels(COPY) if self.repeats > 1 else ()

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
            yield f"by: must be one of {', '.join(GROUPS)}, or the name of a label"
        if self.on == "image" and (self.repeats > 1 or self._is_in_tokens):
            yield "repeats and counted_in: tokens are for documents, not for images"
        if self.repeats < 1:
            yield "repeats: must be at least 1"

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        """Returns the columns id, position, score, draw (a hash of the two), group (a hash), size; without a score no row."""
        scored = [(doc, position, self._score(judged)) for doc in docs for position, judged in items_of(doc, self.on)]
        rows = [(doc, position, score) for doc, position, score in scored if score is not None]
        columns = {
            "id": pa.array([doc.id for doc, _, _ in rows], pa.string()),
            "position": pa.array([position for _, position, _ in rows], pa.int32()),
            "score": pa.array([score for _, _, score in rows], pa.float64()),
            "draw": pa.array([hash64(f"{doc.id} {position}") for doc, position, _ in rows], pa.uint64()),
            "group": pa.array([hash_of_group(doc, self.by) for doc, _, _ in rows], pa.uint64()),
            "size": pa.array([tokens_of(doc) if self._is_in_tokens else 1 for doc, _, _ in rows], pa.int64()),
        }
        return pa.table(columns)

    def _score(self, judged: Document | Element) -> float | None:
        score = 0.0 if self.of == _RANDOM else judged.scores.get(self.of)
        return None if score is None or math.isnan(score) else score

    @property
    def _is_in_tokens(self) -> bool:
        return self.counted_in == "tokens"

    def exchanges(self) -> tuple[Exchange, ...]:
        """Ranks of all by score, unless a group's draw is enough; then the places in groups, or the sizes of blocks of ranks and
        what is behind a budget. Verdicts are `ranks.BEHIND`."""
        order = ("lowest", "seed")
        ranked = Exchange(name="ranks", reads=("sketch",), send=self._send_to_ranks, meet=self._meet_ranks)
        if self.by == NO_GROUPS and not self._is_in_tokens:
            return (ranked,)
        ranked = replace(ranked, params=order)
        if self.by == NO_GROUPS:
            return (ranked, *self._budget(ranked.name))
        above = "sketch" if self.of == _RANDOM else ranked.name
        groups = Exchange(name="groups", reads=(above,), send=self._send_to_groups, meet=self._meet_in_groups)
        return (groups,) if self.of == _RANDOM else (ranked, groups)

    def _budget(self, above: str) -> tuple[Exchange, ...]:
        """Sizes of blocks of ranks, and what is behind the budget."""

        def send(which: str, ranked: pa.Table) -> pa.Table:
            return budgets.send_to_blocks(ranked)

        def send_on(which: str, ranked: pa.Table, shared: Mapping[str, pa.Table]) -> pa.Table:
            return budgets.send_by_block(ranked, shared)

        def meet(rows: RangeRows, shared: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
            return budgets.behind_all(rows, self._limit, shared)

        blocks = Exchange(name=budgets.BLOCKS, reads=(above,), send=send, meet=budgets.meet_in_blocks, params=())
        return blocks, Exchange(name="budget", reads=(above,), send=send_on, meet=meet, shared=(blocks.name,))

    def _send_to_ranks(self, which: str, sketch: pa.Table) -> pa.Table:
        draws = self._draws(sketch)
        if self.of == _RANDOM:
            return _sent(sketch, draws, np.zeros(len(draws), np.int64))
        keys, rests = orders.keys_of_numbers(column(sketch, "score"), highest_first=not self.lowest)
        return _sent(sketch, keys, orders.orders_of_ties(rests, draws))

    def _draws(self, sketch: pa.Table) -> Keys:
        return orders.drawn(column(sketch, "draw"), self.seed, self.by)

    def _meet_ranks(self, rows: RangeRows) -> Iterator[pa.Table]:
        is_last = self.by == NO_GROUPS and not self._is_in_tokens
        return ranks.behind_all(rows, self._limit) if is_last else ranks.rank_all(rows)

    def _send_to_groups(self, which: str, rows: pa.Table) -> pa.Table:
        order = self._draws(rows).view(np.int64) if which == "sketch" else column(rows, "rank")
        return _sent(rows, column(rows, "group"), order)

    def _meet_in_groups(self, rows: RangeRows) -> Iterator[pa.Table]:
        selected = budgets.behind_in_groups if self._is_in_tokens else ranks.behind_in_groups
        return selected(rows, self._limit)

    @property
    def _limit(self) -> ranks.Limit:
        return ranks.Limit(self.at_most, self.share)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        for outcome in applied(docs, verdicts, self.on, self._judged):
            yield from copies_of(outcome, self.repeats) if isinstance(outcome, Document) else [outcome]

    def _judged(self, judged: Document | Element, verdict: Mapping[str, Any] | None) -> tuple[Drop, str] | None:
        group = group_of(judged, self.by) if isinstance(judged, Document) else ""
        decider = f"{self.by} {group}" if group else ""
        if verdict is not None:
            is_cap = self.by != NO_GROUPS and self.at_most is not None
            return Drop("above_cap" if is_cap else "below_top", verdict["rank"], verdict["limit"]), decider
        return (Drop("not_scored"), "") if self._score(judged) is None else None


def _sent(rows: pa.Table, keys: Keys, order: Ints) -> pa.Table:
    """Returns the rows on their way to these keys."""
    return pa.table([pa.array(keys), pa.array(order), *rows.select(ranks.SENT).columns], names=["key", "order", *ranks.SENT])
