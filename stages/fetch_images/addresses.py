"""Looks up hosts and refuses addresses that are not on the public internet."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

_EMBEDDED_IPV4 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
"""IPv6 addresses whose last 32 bits are the IPv4 address that is reached: NAT64 (RFC 6052), IPv4-compatible."""
_FAILED_S = 60.0
"""So long a failed look-up is not repeated. Our choice; RFC 2308 allows up to hours."""
_KEPT_S = 300.0
"""So long an address that was found is used. Our choice."""
_LOOK_UPS = 64
"""Look-ups at a time, each in a thread. Our choice."""
_MOST_KNOWN = 50_000
"""Look-ups that are remembered. Our choice."""


class RefusedAddressError(Exception):
    """The host is, or resolves to, an address that is not on the public internet."""


def is_public(address: str) -> bool:
    """Returns whether an IP address is on the public internet.

    Private, loopback, link-local, multicast, reserved and unspecified addresses are not, also where an IPv6 address contains
    them: "::ffff:10.0.0.1" -> False.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    reached: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = [*_contained_ipv4(ip)] or [ip]
    return all(each.is_global and not each.is_multicast and not each.is_reserved for each in reached)


def _contained_ipv4(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    """Yields the IPv4 addresses that an IPv6 address contains (mapped, 6to4, Teredo, NAT64); none for an IPv4 address."""
    if isinstance(ip, ipaddress.IPv4Address):
        return
    yield from (ipv4 for ipv4 in (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())) if ipv4 is not None)
    if any(ip in network for network in _EMBEDDED_IPV4):
        yield ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)


class Addresses:
    """Looks up hosts. A host with one address that is not public is refused as a whole; what a look-up found is kept for some
    minutes, a failure for one.

    The addresses that were checked are the ones that are connected to, so a name that resolves differently a moment later
    cannot lead into our own network.

    Parameters:
        allow_private: Whether addresses that are not public are allowed.
    """

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._threads = ThreadPoolExecutor(_LOOK_UPS, "look-up")
        self._known: dict[tuple[str, int], tuple[float, str | OSError]] = {}
        self._asked: dict[tuple[str, int], asyncio.Task[str]] = {}

    def allows(self, address: str) -> bool:
        """Whether an address may be connected to."""
        return self._allow_private or is_public(address)

    def known(self, host: str, port: int) -> str | None:
        """The addresses of a host, with commas between them; "" if the host is an address; None if they must be looked up.

        Raises RefusedAddressError; the error of a look-up that failed a moment ago.
        """
        until, answer = self._known.get((host, port), (0.0, ""))
        if monotonic() < until:
            if isinstance(answer, OSError):
                raise socket.gaierror(*answer.args)
            return answer
        if not is_address(host):
            return None
        if not self.allows(host):
            raise RefusedAddressError(host)
        self._remember((host, port), _KEPT_S, "")
        return ""

    async def look_up(self, host: str, port: int) -> str:
        """The addresses of a host, as `known` returns them. Raises RefusedAddressError; socket.gaierror if there are none."""
        task = self._asked.get((host, port))
        if task is None:
            task = self._asked[host, port] = asyncio.create_task(self._ask((host, port)))
            task.add_done_callback(lambda done: self._end((host, port), done))
        return await asyncio.shield(task)

    def _end(self, place: tuple[str, int], asked: asyncio.Task[str]) -> None:
        """Takes note that a look-up is over. Its error is asked for, because nobody may wait for it any more."""
        del self._asked[place]
        if not asked.cancelled():
            asked.exception()

    async def _ask(self, place: tuple[str, int]) -> str:
        try:
            infos = await asyncio.get_running_loop().run_in_executor(self._threads, _look_up, *place)
        except socket.gaierror as error:
            if error.errno != socket.EAI_AGAIN:  # else it is the name server's fault, and over soon
                self._remember(place, _FAILED_S, error)
            raise
        addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
        if not all(self.allows(address) for address in addresses):
            raise RefusedAddressError(place[0])
        answer = ",".join(f"[{address.partition('%')[0]}]" if ":" in address else address for address in addresses)
        self._remember(place, _KEPT_S, answer)
        return answer

    def _remember(self, place: tuple[str, int], seconds: float, answer: str | OSError) -> None:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[place] = monotonic() + seconds, answer

    def close(self) -> None:
        """Ends the threads."""
        self._threads.shutdown(wait=False)


def is_address(host: str) -> bool:
    """Whether a host is an IP address and not a name. Names that systems read as addresses ("127.1") are looked up."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _look_up(host: str, port: int) -> list[tuple[Any, ...]]:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
