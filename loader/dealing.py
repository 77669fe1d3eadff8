"""Deals the positions of an epoch to ranks and workers.

The i-th sample of rank r of R is position start + i * R + r. A rank's samples are cut into micro-batches, and worker w of W makes
the micro-batches w, w + W, ... So what all ranks have yielded after the same number of micro-batches is a prefix of the epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from interloom.pipeline.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Who reads: worker `worker` of `workers` (at least one) of rank `rank` of `ranks`, micro-batches of `micro`."""

    rank: int = 0
    ranks: int = 1
    worker: int = 0
    workers: int = 1
    micro: int = 1


def share_problem(batch: int, share: Share) -> str:
    """Why a global batch cannot be dealt so; else empty."""
    if batch < 1 or batch % share.ranks:
        return f"batch: {batch} samples cannot be shared equally by {share.ranks} ranks"
    if share.micro < 1 or (batch // share.ranks) % share.micro:
        return f"micro_batch: a rank has {batch // share.ranks} of the {batch} samples of a batch, no multiple of {share.micro}"
    return "" if 0 <= share.rank < share.ranks else f"rank: {share.rank} is none of {share.ranks}"


def length_of(samples: int, batch: int, tail: str, ranks: int) -> int:
    """How many of an epoch's samples are yielded: whole batches, or with the tail "short" all that ranks can share equally."""
    return samples // batch * batch if tail == "drop" else samples // ranks * ranks


def check_start(start: int, length: int, batch: int, ranks: int) -> None:
    """Raises ConfigError if a number of ranks cannot go on at a position, which is then within a batch."""
    if start < length and (length - start) % ranks:
        raise ConfigError(
            f"the state is within a batch, at sample {start % batch} of {batch}, where {ranks} ranks cannot go on; "
            "save states at the end of batches to change the number of ranks"
        )


def own_numbers(samples: int, share: Share, taken: int = 0) -> Iterator[range]:
    """The micro-batches of a worker: ranges of the numbers i of its rank's samples, after `taken` of the worker's own.

    Parameters:
        samples: How many samples the rank has.
        share: Who reads.
        taken: How many samples the worker has yielded.
    """
    own, within = divmod(taken, share.micro)
    first = (own * share.workers + share.worker) * share.micro
    for begin in range(first, samples, share.workers * share.micro):
        numbers = range(begin + within, min(begin + share.micro, samples))
        within = 0
        if numbers:
            yield numbers
