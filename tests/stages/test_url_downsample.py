"""url_downsample: as many documents of each URL as are expected."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from global_steps import outcomes

from interloom.pipeline.planning import plugins
from interloom.schemas.document import Document, Source
from interloom.schemas.outcome import Dropped
from interloom.stages.url_downsample import UrlDownsample


def pages(urls: Sequence[str]) -> list[Document]:
    return [Document(id=f"{n}", source=Source(url=url)) for n, url in enumerate(urls)]


def kept(stage: UrlDownsample, docs: Sequence[Document], parts: int = 3, ranges: int = 1) -> set[str]:
    said = outcomes(stage, *(list(docs[first::parts]) for first in range(parts)), partitions=ranges)
    gone = {one.id for one in said if isinstance(one, Dropped)}
    assert {one.id for one in said if isinstance(one, Document)} | gone == {doc.id for doc in docs}
    return {doc.id for doc in docs} - gone


@pytest.mark.parametrize(("copies", "expected"), [(2, 1.0), (5, 1.0), (5, 2.5), (3, 9.0)])
def test_each_url_stays_as_often_as_expected(copies: int, expected: float) -> None:
    urls = 600
    docs = pages([f"https://x/{n}" for n in range(urls)] * copies)
    probability = min(expected / copies, 1)
    found = len(kept(UrlDownsample(expected=expected), docs))
    total = urls * copies
    assert abs(found - total * probability) <= 5 * math.sqrt(total * probability * (1 - probability))


def test_a_url_may_keep_none_or_several() -> None:
    docs = pages([f"https://x/{n % 100}" for n in range(300)])
    found = Counter(int(id_) % 100 for id_ in kept(UrlDownsample(), docs))
    assert {*found.values()} >= {1, 2} and len(found) < 100


def test_a_single_url_and_no_url_stay() -> None:
    assert kept(UrlDownsample(), pages(["https://x/a", "https://x/b", "", " "])) == {"0", "1", "2", "3"}


def test_urls_are_compared_normalised() -> None:
    docs = pages([f"{scheme}://x/a{query}" for scheme in ("http", "https") for query in ("", "?p=1") for _ in range(20)])
    alike = UrlDownsample(strip_query=True, expected=1)
    [limit] = {one.drop.threshold for one in outcomes(alike, docs) if isinstance(one, Dropped)}
    assert limit == 1 / 80
    apart = {one.drop.threshold for one in outcomes(UrlDownsample(merge_schemes=False), docs) if isinstance(one, Dropped)}
    assert apart == {1 / 20}


def test_the_order_of_documents_parts_and_ranges_change_nothing() -> None:
    docs = pages([f"https://x/{n % 40}" for n in range(200)])
    usual = kept(UrlDownsample(), docs)
    for parts, ranges in ((1, 1), (7, 64), (200, 7)):
        assert kept(UrlDownsample(), random.Random(1).sample(docs, len(docs)), parts, ranges) == usual
    assert kept(UrlDownsample(seed=1), docs) != usual


def test_nothing_to_expect_is_refused() -> None:
    step: Any = plugins.find("stages.url_downsample").build({"expected": 0})
    assert list(step.check()) == ["expected: must be above 0"]
