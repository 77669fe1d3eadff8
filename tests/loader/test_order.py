"""The order of a source: every epoch has each sample once, in another order, and reads few shards at a time."""

from __future__ import annotations

import numpy as np
import pytest

from interloom.loader.order import SourceOrder, shuffled

COUNTS = np.array([3, 0, 5, 2, 7, 1])
SAMPLES = 18


def places(order: SourceOrder, epoch: int) -> list[tuple[int, int]]:
    found = order.places(np.arange(epoch * SAMPLES, (epoch + 1) * SAMPLES))
    assert found.epochs.tolist() == [epoch] * SAMPLES
    return list(zip(found.shards.tolist(), found.rows.tolist(), strict=True))


@pytest.mark.parametrize("window", [0, 1, 2, 100])
def test_an_epoch_has_every_sample_once(window: int) -> None:
    order = SourceOrder(COUNTS, 1, window)
    for epoch in (0, 1, 5):
        assert sorted(places(order, epoch)) == [(shard, row) for shard in range(6) for row in range(COUNTS[shard])]


def test_epochs_and_keys_have_orders_of_their_own() -> None:
    order = SourceOrder(COUNTS, 1, 2)
    orders = [places(order, 0), places(order, 1), places(SourceOrder(COUNTS, 2, 2), 0)]
    assert len({tuple(some) for some in orders}) == 3


def test_without_shuffling_samples_come_as_they_lie() -> None:
    assert places(SourceOrder(COUNTS, 1, 0), 3) == [(shard, row) for shard in range(6) for row in range(COUNTS[shard])]


def test_one_window_of_shards_is_read_at_a_time() -> None:
    order = SourceOrder(np.full(20, 10), 1, 4)
    shards = order.places(np.arange(200)).shards.reshape(5, 40)
    assert [len(set(window)) for window in shards.tolist()] == [4] * 5


@pytest.mark.parametrize(("window", "in_a_row"), [(4, 4), (1, 1)])
def test_a_window_of_parquet_files_is_read_some_row_groups_at_a_time(window: int, in_a_row: int) -> None:
    order = SourceOrder(np.full(4, 12), 1, window, lambda shard: [3] * 4)
    found = order.places(np.arange(48))
    groups = (found.shards * 4 + found.rows // 3).reshape(-1, 3 * in_a_row)
    assert [len(set(some)) for some in groups.tolist()] == [in_a_row] * (16 // in_a_row)
    assert len(set(zip(found.shards.tolist(), found.rows.tolist(), strict=True))) == 48


def test_a_sample_is_found_without_those_before_it() -> None:
    order = SourceOrder(COUNTS, 1, 2)
    alone = order.places(np.array([SAMPLES + 11]))
    assert (alone.shards[0], alone.rows[0]) == places(SourceOrder(COUNTS, 1, 2), 1)[11]


def test_a_permutation_is_the_same_in_every_version() -> None:
    """A state is good for nothing if an update of numpy, or ours, changes the order."""
    assert shuffled(10, 7).tolist() == [1, 8, 5, 7, 0, 9, 4, 6, 3, 2]
