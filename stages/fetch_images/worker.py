"""The attempts at URLs, on an event loop: redirects, `robots.txt`, turns at hosts, pauses."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from time import monotonic

from interloom.schemas.outcome import Drop
from interloom.stages.fetch_images.client import Client, Response, Target, target_of
from interloom.stages.fetch_images.failure import Failed, Fetched, FetchError
from interloom.stages.fetch_images.hosts import Hosts
from interloom.stages.fetch_images.http import Fetcher
from interloom.stages.fetch_images.robots import ROBOTS_BYTES, Rules, product_token, read_rules

_PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which another attempt may succeed."""
_MAX_REDIRECTS = 5
"""Redirects that are followed in one attempt. Our choice; RFC 9309 wants at least so many for `robots.txt`."""
_MAX_PAUSE_S = 8.0
"""Longest pause before another attempt, before it is spread. Our choice."""
_MOST_SITES = 20_000
"""Sites whose `robots.txt` a worker remembers. Our choice."""


class Worker:
    """What a fetcher keeps between calls, for its event loop."""

    def __init__(self, limits: Fetcher) -> None:
        self._limits = limits
        self._client = Client(limits.user_agent, limits.allow_private, limits.opt_out)
        self._hosts = Hosts(limits.manners)
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._agent = product_token(limits.user_agent)
        self._rules: dict[str, asyncio.Task[Rules]] = {}

    async def fetch_all(self, urls: Sequence[str]) -> list[Fetched | Failed]:
        self._hosts.forget_if_many()
        if len(self._rules) > _MOST_SITES:
            self._rules.clear()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._fetch(url)) for url in urls]
        return [task.result() for task in tasks]

    async def _fetch(self, url: str) -> Fetched | Failed:
        """The image, or why the last attempt failed."""
        attempt = 0
        while True:
            try:
                return await self._attempt(url)
            except FetchError as error:
                if not error.is_passing or error.is_given_up or attempt >= self._limits.retries:
                    return Failed(error.drop, error.is_passing)
            await asyncio.sleep(pause_s(url, attempt, self._limits.pause_s))
            attempt += 1

    async def _attempt(self, url: str) -> Fetched:
        """The image. Raises FetchError."""
        answer = await self._follow(url, self._limits.max_bytes, is_rules=False)
        if answer.status != 200:
            raise FetchError(Drop(f"http_{answer.status}"), answer.status in _PASSING_STATUSES)
        return Fetched(answer.body, answer.opt_out)

    async def _follow(self, url: str, max_bytes: int, *, is_rules: bool) -> Response:
        """The answer at the end of redirects. Raises FetchError."""
        left_s = self._limits.timeout_s
        for _ in range(_MAX_REDIRECTS + 1):
            target = target_of(url)
            rules = await self._rules_of(target) if self._limits.robots and not is_rules else Rules()
            if not rules.allows(target.url):
                raise FetchError(Drop("robots_disallowed"))
            host = self._hosts.named(target.host)
            host.delay_s = max(host.delay_s, rules.delay_s * self._limits.manners.workers)
            async with host.turn(), self._slots:
                started = monotonic()
                try:
                    answer = await self._client.get(target, left_s, max_bytes, is_rules=is_rules)
                except FetchError as error:
                    if error.drop.reason == "timed_out":
                        error.drop = Drop("timed_out", None, self._limits.timeout_s)
                    host.failed(error)
                    raise
                host.answered(answer.status, answer.wait_s)
            if not answer.location:
                return answer
            left_s -= monotonic() - started
            url = answer.location
        raise FetchError(Drop("too_many_redirects", None, _MAX_REDIRECTS))

    async def _rules_of(self, target: Target) -> Rules:
        """The rules of the target's site, asked for once. Raises FetchError if it cannot answer; the next attempt asks again."""
        task = self._rules.get(target.origin)
        if task is None:
            task = self._rules[target.origin] = asyncio.create_task(self._load_rules(target))
        try:
            return await task
        except FetchError:
            if self._rules.get(target.origin) is task:
                del self._rules[target.origin]
            raise

    async def _load_rules(self, target: Target) -> Rules:
        try:
            answer = await self._follow(f"{target.origin}/robots.txt", ROBOTS_BYTES, is_rules=True)
        except FetchError as error:
            if error.drop.reason in ("too_many_redirects", "refused_address", "bad_url", "broken_coding"):
                return Rules()
            raise
        return read_rules(answer.status, answer.body, self._agent)

    async def close(self) -> None:
        await self._client.close()


def pause_s(url: str, attempt: int, first_s: float) -> float:
    """Returns the pause before attempt number `attempt` + 2, in seconds.

    The pause doubles with each attempt up to 8 s. A hash of the URL spreads it from 50 % to 150 % of that, so that not all
    attempts come at the same time.

    Parameters:
        url: The URL.
        attempt: Number of the failed attempt, from 0.
        first_s: The pause after attempt 0, before it is spread. Seconds.
    """
    spread = hashlib.blake2b(f"{attempt} {url}".encode(errors="replace"), digest_size=4).digest()
    return min(_MAX_PAUSE_S, first_s * 2.0**attempt) * (0.5 + int.from_bytes(spread, "big") / 2**32)
