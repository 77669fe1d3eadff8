"""Laws of the totals of images."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from global_steps import Stored

from interloom.pipeline.store.merging import sorted_rows
from interloom.stages.dedup_image import totals

SEEN = [(5, 0), (7, 0), (5, 0), (5, 1), (9, 0), (5, 0), (7, 0)]
"""Hashes and scopes of the occurrences at the nodes 0 to 6."""
TOTALS = {(5, 0): (3, 0), (7, 0): (2, 1), (5, 1): (1, 3), (9, 0): (1, 4)}
"""How often each occurs, and the first node."""


def sketch(first: int, stop: int) -> pa.Table:
    seen = SEEN[first:stop]
    columns = [np.array([one[n] for one in seen], np.uint64) for n in (0, 1)]
    return pa.table([*columns, np.arange(first, first + len(seen))], names=["hash", "scope", "node"])


def key_of(hash_: int, scope: int) -> int:
    return int(totals.image_keys(np.array([hash_], np.uint64), np.array([scope], np.uint64))[0])


def sent(pack: int, size: int) -> Stored:
    """The hashes of sketches of `pack` occurrences, in tables of `size` rows."""
    rows = sorted_rows(pa.concat_tables([totals.send_hashes(sketch(n, n + pack)) for n in range(0, len(SEEN), pack)]))
    return Stored(*(rows.slice(first, size) for first in range(0, len(rows), size)))


@pytest.mark.parametrize("pack", [1, 2, 7])
@pytest.mark.parametrize("size", [1, 2, 100])
def test_each_hash_has_one_row_in_each_scope(pack: int, size: int) -> None:
    rows = [row for table in totals.meet_hashes(sent(pack, size)) for row in table.to_pylist()]
    assert {(row["hash"], row["scope"]): (row["count"], row["first"]) for row in rows} == TOTALS
    assert len(rows) == len(TOTALS)


def test_a_sketch_sends_each_hash_once() -> None:
    assert sent(7, 100).count == len(TOTALS)


@pytest.mark.parametrize("size", [1, 2, 100])
def test_totals_are_summed_over_tables(size: int) -> None:
    found = [one for table in totals.summed(sent(2, size)) for one in zip(*(array.tolist() for array in table), strict=True)]
    expected = [(key_of(*image), *of) for image, of in TOTALS.items()]
    assert sorted(found) == sorted(expected)


def test_occurrences_are_counted_by_their_order() -> None:
    rows = pa.table({"key": np.array([1, 1, 4], np.uint64), "order": [3, 8, 2]})
    found = pa.concat_tables(totals.frequent(totals.summed(Stored(rows), of_one=True), 1))
    assert found.to_pylist() == [{"image": 1, "count": 2, "first": 3}]


def test_without_rows_there_are_no_totals() -> None:
    assert list(totals.meet_hashes(Stored())) == []
    assert [len(keys) for keys, _, _ in totals.summed(Stored())] == [0]
