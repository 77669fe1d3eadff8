"""Fetches URLs over HTTP: many at a time, each host with manners, each URL with a few attempts."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Thread
from typing import TYPE_CHECKING

from interloom.stages.fetch_images.failure import Failed, Fetched
from interloom.stages.fetch_images.hosts import Manners

if TYPE_CHECKING:
    from interloom.stages.fetch_images.worker import Worker


@dataclass(frozen=True, kw_only=True)
class Fetcher:
    """Fetches URLs with the same limits, and remembers hosts, connections and `robots.txt` between calls.

    Parameters:
        timeout_s: Maximum time of an attempt, from the look-up of the host to the last byte, redirects included, without the
            time in which it waits for its turn at a host. Seconds.
        retries: Attempts after a passing failure, beside the first one.
        max_bytes: Maximum size of a body. Bytes.
        user_agent: The header `User-Agent`.
        allow_private: Whether addresses that are not on the public internet are allowed.
        opt_out: Tokens of `docs/opt_out.md`, in lower case, that forbid us the image.
        robots: Whether `robots.txt` is honoured.
        manners: How a host is treated.
        concurrency: Requests at a time. Default 1000, our choice.
        pause_s: Pause before the second attempt; it doubles with each attempt. Seconds. Default 0.5, our choice.
    """

    timeout_s: float
    retries: int
    max_bytes: int
    user_agent: str
    allow_private: bool
    opt_out: frozenset[str]
    robots: bool
    manners: Manners
    concurrency: int = 1000
    pause_s: float = 0.5

    def fetch(self, urls: Sequence[str]) -> list[Fetched | Failed]:
        """Returns, for each URL, the image or, after the last attempt, the reason why there is none."""
        runner, worker = self._running
        return runner.run(worker.fetch_all(urls))

    @cached_property
    def _running(self) -> tuple[asyncio.Runner, Worker]:
        """The event loop and what lives in it: kept between calls, closed with this object."""
        runner = asyncio.Runner()
        worker = runner.run(_worker(replace(self)))
        weakref.finalize(self, _close, runner, worker)
        return runner, worker


async def _worker(limits: Fetcher) -> Worker:
    from interloom.stages.fetch_images.worker import Worker  # which imports libcurl

    return Worker(limits)


def _close(runner: asyncio.Runner, worker: Worker) -> None:
    """Ends a worker and its event loop; in a thread if this thread is inside of another loop (it may collect garbage there)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        _run_last(runner, worker)
    else:
        Thread(target=_run_last, args=(runner, worker)).start()


def _run_last(runner: asyncio.Runner, worker: Worker) -> None:
    runner.run(worker.close())
    runner.close()
