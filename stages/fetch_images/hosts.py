"""How often a host is asked: its requests at a time, their rate, the pauses that it wants, and a host that is down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Self

from interloom.schemas.outcome import Drop
from interloom.stages.fetch_images.failure import FetchError

_HOST_STATUSES = frozenset({429, 503})
"""Statuses with which a host says that it has too much to do."""
_FAILURES_IN_A_ROW = 10
"""After so many failures in a row, none of which is about a single URL, a host counts as down. Our choice."""
_DOWN_S = 60.0
"""So long a host that is down is not asked; then one request tries. Seconds. Our choice."""
_LONGEST_PAUSE_S = 60.0
"""A host that wants to be left alone for longer is not waited for: its images are left to a later step. Seconds. Our choice."""
_MOST_HOSTS = 20_000
"""Hosts that a worker remembers. Our choice."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How a worker treats a host.

    Parameters:
        per_host: Requests to a host at a time.
        requests_per_s: Requests to a host that begin in a second; 0 sets no limit.
        patience_s: An image that waits longer for its turn is left to a later step. Seconds. Default 600, our choice.
        workers: How many workers treat hosts so at the same time; delays that a host asks for are so many times longer, because
            it asks all of them. Default 1.
    """

    per_host: int
    requests_per_s: float
    patience_s: float = 600.0
    workers: int = 1

    @classmethod
    def shared(cls, per_host: int, requests_per_s: float, workers: int) -> Self:
        """The part of one of some workers, of what they may do together."""
        return cls(max(1, per_host // workers), requests_per_s / workers, workers=workers)


@dataclass(slots=True)
class Host:
    """A host, as a worker knows it. Times are of the clock `monotonic`, in seconds."""

    manners: Manners
    slots: asyncio.Semaphore
    delay_s: float = 0.0
    next_start: float = 0.0
    paused_until: float = 0.0
    down_until: float = 0.0
    failures: int = 0
    failure: Drop = field(default_factory=lambda: Drop("unreachable"))

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits until the host may be asked, and holds a place there. Raises FetchError if it must not be asked now."""
        if self.slots.locked():
            try:
                async with asyncio.timeout(self.manners.patience_s):
                    await self.slots.acquire()
            except TimeoutError as error:
                raise self._busy() from error
        else:
            await self.slots.acquire()
        try:
            await self._wait()
            yield
        finally:
            self.slots.release()

    async def _wait(self) -> None:
        self._refuse_if_down(monotonic())
        start = max(monotonic(), self.next_start)
        if start - monotonic() > self.manners.patience_s:
            raise self._busy()
        self.next_start = start + self.delay_s
        while (wait_s := max(start, self.paused_until) - monotonic()) > 0:
            await asyncio.sleep(wait_s)
            self._refuse_if_down(monotonic())

    def _refuse_if_down(self, now: float) -> None:
        if now < self.down_until or self.paused_until - now > _LONGEST_PAUSE_S:
            raise FetchError(self.failure, is_passing=True, is_given_up=True)
        if self.failures >= _FAILURES_IN_A_ROW:
            self.down_until = now + _DOWN_S  # this request tries, the others wait for what it finds

    def _busy(self) -> FetchError:
        return FetchError(Drop("host_busy", None, self.manners.patience_s), is_passing=True, is_given_up=True)

    def failed(self, error: FetchError) -> None:
        """Takes note of a request without an answer."""
        if error.is_of_host:
            self._count(error.drop)
        else:
            self._reset()

    def answered(self, status: int, wait_s: float | None) -> None:
        """Takes note of an answer, and of the seconds for which the host wants to be left alone."""
        if status not in _HOST_STATUSES:
            self._reset()
            return
        self._count(Drop(f"http_{status}"))
        if wait_s is not None:
            self.paused_until = max(self.paused_until, monotonic() + wait_s)

    def _count(self, failure: Drop) -> None:
        self.failures, self.failure = self.failures + 1, failure
        if self.failures >= _FAILURES_IN_A_ROW:
            self.down_until = monotonic() + _DOWN_S

    def _reset(self) -> None:
        self.failures, self.down_until = 0, 0.0


class Hosts:
    """The hosts that a worker knows, by name."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners
        self._hosts: dict[str, Host] = {}

    def named(self, name: str) -> Host:
        """The host of this name, which all URLs with the name share."""
        host = self._hosts.get(name)
        if host is None:
            rate = self._manners.requests_per_s
            slots = asyncio.Semaphore(self._manners.per_host)
            host = self._hosts[name] = Host(self._manners, slots, 1 / rate if rate else 0.0)
        return host

    def forget_if_many(self) -> None:
        """Forgets hosts if there are too many, except those that are to be left alone now.

        It is called when none is being asked.
        """
        if len(self._hosts) > _MOST_HOSTS:
            now = monotonic()
            self._hosts = {name: host for name, host in self._hosts.items() if max(host.paused_until, host.down_until) > now}
