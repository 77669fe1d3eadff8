"""How a step is divided: in passes, and among workers that share a limit, such as requests to a web site at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

_workers = 1


class Divisible:
    """What a step says of how it is divided."""

    def divided(self) -> Sequence[Self]:
        """The steps that it is made of, in the order in which documents go through them; each stores what it did before the next
        begins. Most steps are one."""
        return (self,)

    def most_workers(self) -> int | None:
        """How many workers may run it at a time, because each gets its part of a limit. None: as many as fit."""
        return None


def workers() -> int:
    """How many workers, at most, run at a time what this process runs now."""
    return _workers


def share_among(count: int) -> None:
    """Says how many there are. A process that runs a whole run by itself need not say it."""
    global _workers
    _workers = count
