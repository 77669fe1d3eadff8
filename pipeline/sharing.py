"""Limits that all workers of a step share, such as requests to a web site at a time: each worker gets its part of them."""

from __future__ import annotations

_workers = 1


def workers() -> int:
    """How many workers, at most, run at a time what this process runs now."""
    return _workers


def share_among(count: int) -> None:
    """Says how many there are. A process that runs a whole run by itself need not say it."""
    global _workers
    _workers = count
