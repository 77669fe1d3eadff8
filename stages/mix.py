from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pyarrow as pa

from interloom.pipeline.contents import Content, Need, labels
from interloom.pipeline.stage import Exchange, GlobalStage, Rows
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Dropped, Outcome
from interloom.stages._dedup.duplicates import hash64
from interloom.stages._select import mixture, quotas, reports
from interloom.stages._select.groups import COPY, GROUPS, copies_of, group_of, tokens_of

_GROUPS = "groups"


_LEAST_TEMPERATURE = 0.05
"""Below it the powers of large groups are no numbers. At it the largest group has nearly all."""


@dataclass(frozen=True, kw_only=True)
class Mix(GlobalStage):
    """Mixes groups of documents, such as languages, by weights or temperatures: each group gets a quota.

    Quotas are whole numbers by largest remainder. What a group lacks for its quota goes to the others. A draw by hash decides
    which documents of a group fill it; the others are dropped as `over_quota` (value: their draw; limit: below it they stay),
    decided by the group. Reports: `groups` (documents and sizes before and after, quotas), `evenness`, `extremes`, `examples`.

    Parameters:
        by: What makes a group: "domain", "dump", "length" (tokens in powers of two), "images" (how many), "modalities" (1 for
            text, 2 for images, 4 for video, added, as UNITE has them), or the name of a label, as `language` or `topic`.
            Documents without it are the group "". No default.
        weights: The weights of groups, in any scale; groups that are not named get nothing. Null: each group has the weight of
            its size. Default null.
        temperature: Without weights, a group's share p counts as p to the power 1 / temperature: 1 leaves shares as they are,
            more makes them more equal. Published: 3.3 for languages (mT5, arXiv 2010.11934). Default 1.
        total: What all quotas make together. Documents or tokens; null: as much as there is in these shares. Default null.
        counted_in: In what groups are measured: "documents" or "tokens" (of running text, estimated). Default "documents".
        most_repeats: A document occurs at most so often (copies have the ids `<id>#1` and so on, and the label `copy` numbers
            those that occur several times from 0): so small groups can fill larger quotas. Default 1: nothing is repeated.
        seed: Seed of the draw. Default: the recipe's seed.
    """

    causes: ClassVar[Mapping[str, str | None]] = {"over_quota": None}
    sketch_params: ClassVar[tuple[str, ...]] = ("by", "counted_in")
    reports: ClassVar[tuple[str, ...]] = (_GROUPS, *reports.NAMES)

    by: str
    weights: dict[str, float] | None = None
    temperature: float = 1.0
    total: int | None = None
    counted_in: Literal["documents", "tokens"] = "documents"
    most_repeats: int = 1
    seed: int = 0

    def needs(self) -> Iterable[Need]:
        return labels(self.by) if self.by not in GROUPS else ()

    def provides(self) -> Iterable[Content]:
        return labels(COPY) if self.most_repeats > 1 else ()

    def check(self) -> Iterable[str]:
        if self.by in ("", "none"):
            yield f"by: must be one of {', '.join(name for name in GROUPS if name != 'none')}, or the name of a label"
        if self.weights is not None and not (all(weight >= 0 for weight in self.weights.values()) and any(self.weights.values())):
            yield "weights: must be at least 0, and one of them above 0"
        if self.weights is not None and self.temperature != 1:
            yield "temperature: weights leave nothing to it; give one of the two"
        if not self.temperature >= _LEAST_TEMPERATURE:
            yield f"temperature: must be at least {_LEAST_TEMPERATURE}"
        for name in ("total", "most_repeats"):
            if (getattr(self, name) or 1) < 1 or getattr(self, name) == 0:
                yield f"{name}: must be at least 1"

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        """Returns the columns id, group (a hash of its name), name, size and draw."""
        names = [group_of(doc, self.by) for doc in docs]
        columns = {
            "id": pa.array([doc.id for doc in docs], pa.string()),
            "group": pa.array([hash64(name) for name in names], pa.uint64()),
            "name": pa.array(names, pa.string()),
            "size": pa.array([tokens_of(doc) if self.counted_in == "tokens" else 1 for doc in docs], pa.int64()),
            "draw": pa.array([hash64(f"{doc.id} -1") for doc in docs], pa.uint64()),
        }
        return pa.table(columns)

    def exchanges(self) -> tuple[Exchange, ...]:
        """Sizes of groups, quotas, the first document that does not fit, reports. Verdicts: documents that do not occur once."""
        shared, seeded = (mixture.QUOTAS, mixture.CUTS), ("seed",)
        counts = Exchange(name=mixture.COUNTS, reads=("sketch",), send=mixture.send_counts, meet=mixture.meet_counts, params=())
        quota_params = ("weights", "temperature", "total", "most_repeats")
        quota = Exchange(
            name=mixture.QUOTAS, reads=(counts.name,), send=mixture.send_to_one, meet=self._meet_quotas, params=quota_params
        )
        cuts = Exchange(
            name=mixture.CUTS,
            reads=("sketch",),
            send=self._send_members,
            meet=mixture.meet_members,
            shared=(quota.name,),
            params=seeded,
        )
        groups = Exchange(
            name=_GROUPS, reads=(quota.name,), send=mixture.send_quotas, meet=mixture.meet_quotas, shared=(cuts.name,), params=()
        )
        copies = Exchange(
            name="copies", reads=("sketch",), send=self._send_copies, meet=mixture.meet_copies, shared=shared, params=seeded
        )
        return counts, quota, cuts, groups, *reports.report_exchanges(_GROUPS, mixture.members), copies

    def _meet_quotas(self, rows: Rows) -> Iterator[pa.Table]:
        tables = [table.select(mixture.QUOTA.names[:4]) for table in rows.read()]
        table = pa.concat_tables(tables).sort_by("name")
        sizes = dict(zip(table["name"].to_pylist(), table["size_before"].to_pylist(), strict=True))
        before = dict(zip(table["name"].to_pylist(), table["before"].to_pylist(), strict=True))
        share = quotas.shares(sizes, self.weights, self.temperature)
        names = sorted(share)
        wanted, most = [share[name] for name in names], [sizes.get(name, 0) * self.most_repeats for name in names]
        total = quotas.largest_total(wanted, most) if self.total is None else self.total
        columns = {
            "group": [hash64(name) for name in names],
            "name": names,
            "before": [before.get(name, 0) for name in names],
            "size_before": [sizes.get(name, 0) for name in names],
            "quota": quotas.quotas(wanted, most, total),
        }
        yield pa.table(columns, schema=mixture.QUOTA)

    def _send_members(self, which: str, sketch: pa.Table, shared: Mapping[str, pa.Table]) -> pa.Table:
        return mixture.send_members(sketch, self.seed)

    def _send_copies(self, which: str, sketch: pa.Table, shared: Mapping[str, pa.Table]) -> pa.Table:
        return mixture.send_copies(sketch, shared, self.seed)

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        for doc in docs:
            verdict = next(iter(verdicts.get(doc.id, [])), None)
            if verdict is None or verdict["copies"]:
                yield from copies_of(doc, verdict["copies"] if verdict else 1)
            else:
                drop = Drop("over_quota", verdict["draw"], verdict["limit"])
                yield Dropped(doc.id, drop, url=doc.source.url, kept=f"{self.by} {group_of(doc, self.by)}")
