"""How many lists there are, and what a retrieval costs, before it is known how many items there are."""

from __future__ import annotations

import math
from collections.abc import Iterator

_MOST_LISTS = 1 << 14
"""Each vector is compared with the centre of each list. Our choice."""
_WIDTH = 512
"""Numbers of a vector in the examples, as those of ViT-B-32."""
_ROW_BYTES = 40
"""What a row has beside its vector, about."""
_EXAMPLES = (1_000_000, 100_000_000)


def lists_for(total: int, lists: int | None) -> int:
    """How many lists so many items have, unless it is given: the square root of their number, at most _MOST_LISTS."""
    return lists or min(max(round(math.sqrt(total)), 1), _MOST_LISTS)


def volume(count: int, probes: int, lists: int | None, per_cluster: int) -> Iterator[str]:
    """A line for each example: what as many queries among as many items take."""
    for items in _EXAMPLES:
        number = lists_for(items, lists)
        visited = min(probes, number)
        flops = 2 * _WIDTH * items * (2 * number + visited * items / number)
        sent = items * (1 + visited) * (2 * _WIDTH + _ROW_BYTES) + items * visited * count * _ROW_BYTES
        held = number * per_cluster * _WIDTH * 6
        yield (
            f"for {items:,} queries among {items:,} items of width {_WIDTH}: {number:,} lists of about {items // number:,} "
            f"items, {flops:.1e} flops, {sent / 1e9:,.0f} GB through the exchange, {held / 1e9:.1f} GB held while k-means trains"
        )
