"""Dealing: whatever the ranks, workers and micro-batches, the same prefix of the epoch is yielded."""

from __future__ import annotations

from itertools import zip_longest

import pytest

from interloom.loader.dealing import Share, length_of, own_numbers, share_problem


def yielded(samples: int, workers: int, micro: int) -> list[int]:
    """The numbers that a rank yields: workers take turns."""
    own = [list(own_numbers(samples, Share(worker=w, workers=workers, micro=micro))) for w in range(workers)]
    return [n for turn in zip_longest(*own) for numbers in turn for n in numbers or ()]


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
@pytest.mark.parametrize("micro", [1, 2, 5])
def test_workers_yield_the_samples_of_their_rank_in_order(workers: int, micro: int) -> None:
    assert yielded(23, workers, micro) == list(range(23))


@pytest.mark.parametrize("taken", range(8))
def test_a_worker_goes_on_after_the_samples_that_it_has_yielded(taken: int) -> None:
    share = Share(worker=1, workers=3, micro=3)
    numbers = [n for some in own_numbers(30, share) for n in some]
    assert [n for some in own_numbers(30, share, taken) for n in some] == numbers[taken:]


@pytest.mark.parametrize(
    ("tail", "ranks", "length"), [("drop", 1, 96), ("drop", 4, 96), ("short", 1, 107), ("short", 4, 104), ("short", 12, 96)]
)
def test_ranks_have_equally_many_samples(tail: str, ranks: int, length: int) -> None:
    assert length_of(107, 24, tail, ranks) == length
    assert length % ranks == 0


@pytest.mark.parametrize(
    ("share", "problem"),
    [
        (Share(ranks=5), "batch: 12 samples cannot be shared equally by 5 ranks"),
        (Share(ranks=3, micro=3), "micro_batch: a rank has 4 of the 12 samples of a batch, no multiple of 3"),
        (Share(ranks=3, rank=3, micro=2), "rank: 3 is none of 3"),
        (Share(ranks=3, rank=2, micro=2), ""),
    ],
)
def test_batches_that_cannot_be_shared_are_refused(share: Share, problem: str) -> None:
    assert share_problem(12, share) == problem
