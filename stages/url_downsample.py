from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from interloom.pipeline.contents import Content, Need
from interloom.pipeline.exchange_rows import frequent_keys
from interloom.pipeline.stage import Exchange, GlobalStage, Rows
from interloom.pipeline.store.merging import KEY, ORDER, column
from interloom.schemas.document import Document
from interloom.schemas.outcome import Drop, Dropped, Outcome
from interloom.stages._dedup.duplicates import hash64, indices_in
from interloom.stages._select.draws import order_of, uniform
from interloom.stages._select.orders import Floats, drawn
from interloom.stages._web.urls import normalise_page_url

_SENT = ("part", "id", "draw")


@dataclass(frozen=True, kw_only=True)
class UrlDownsample(GlobalStage):
    """Samples documents with the same URL so that each URL is expected so often, as MMC4 does.

    Of a URL with n documents each one stays with probability expected / n, whatever becomes of the others: unlike in `dedup_url`,
    a URL may keep none or several. The others are dropped as `url_too_frequent` (value: the draw; limit: the probability).
    URLs are compared as they are normalised by `stages/_web/urls.py`. A document without a URL stays. Published: MMC4, about 3 %
    of URLs occur more than once (arXiv 2304.06939).

    Parameters:
        expected: How many documents of each URL are expected to stay. Default 1.0, published.
        strip_query: Whether URLs that differ only in their query are the same. Default false, our choice.
        merge_schemes: Whether http and https are the same. Default true, our choice.
        seed: Seed of the draws. Default: the recipe's seed.
    """

    causes: ClassVar[Mapping[str, str | None]] = {"url_too_frequent": None}
    sketch_params: ClassVar[tuple[str, ...]] = ("strip_query", "merge_schemes")

    expected: float = 1.0
    strip_query: bool = False
    merge_schemes: bool = True
    seed: int = 0

    def needs(self) -> Iterable[Need]:
        return ()

    def provides(self) -> Iterable[Content]:
        return ()

    def check(self) -> Iterable[str]:
        if not self.expected > 0:
            yield "expected: must be above 0"

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        """Returns the columns id, url (a hash) and draw; a document without a URL has no row."""
        located = [doc for doc in docs if doc.source.url.strip()]
        columns = {
            "id": pa.array([doc.id for doc in located], pa.string()),
            "url": pa.array([hash64(self._normalised(doc)) for doc in located], pa.uint64()),
            "draw": pa.array([hash64(f"{doc.id} -1") for doc in located], pa.uint64()),
        }
        return pa.table(columns)

    def _normalised(self, doc: Document) -> str:
        return normalise_page_url(doc.source.url, strip_query=self.strip_query, merge_schemes=self.merge_schemes)

    def exchanges(self) -> tuple[Exchange, ...]:
        """Documents with the same URL meet; verdicts are rows about those that go."""
        return (Exchange(name="urls", reads=("sketch",), send=_send, meet=self._meet, params=("expected", "seed")),)

    def _meet(self, rows: Rows) -> Iterator[pa.Table]:
        keys, counts = frequent_keys(rows.read([KEY]), 2)
        every = np.append(counts, 1)  # the last one, at -1, is that of a URL with one document
        for table in rows.read([KEY, *_SENT]):
            limits: Floats = self.expected / every[indices_in(keys, column(table, KEY))]
            draws = uniform(drawn(column(table, "draw"), self.seed, "urls"))
            table_of_draws = pa.table([table["part"], table["id"], draws, limits], names=["part", "id", "draw", "limit"])
            yield table_of_draws.filter(pa.array(draws >= limits))

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        for doc in docs:
            verdict = next(iter(verdicts.get(doc.id, [])), None)
            if verdict is None:
                yield doc
            else:
                drop = Drop("url_too_frequent", verdict["draw"], verdict["limit"])
                yield Dropped(doc.id, drop, url=doc.source.url)


def _send(which: str, sketch: pa.Table) -> pa.Table:
    orders = order_of(column(sketch, "draw"))
    return pa.table([sketch["url"], orders, *sketch.select(_SENT).columns], names=[KEY, ORDER, *_SENT])
