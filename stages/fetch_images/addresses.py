"""Looks up hosts and refuses addresses that are not on the public internet."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

_EMBEDDED_IPV4 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
"""IPv6 addresses whose last 32 bits are the IPv4 address that is reached: NAT64 (RFC 6052), IPv4-compatible."""
_REMEMBERED_S = 60.0
"""So long a failed look-up is not repeated. Our choice; RFC 2308 allows up to hours."""
_LOOK_UPS = 64
"""Look-ups at a time, each in a thread. Our choice."""
_MOST_REMEMBERED = 10_000
"""Failed look-ups that are remembered. Our choice."""


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


class CheckedResolver(AbstractResolver):
    """Looks up hosts. A host with one address that is not public is refused as a whole; a failed look-up is remembered for a
    minute.

    The addresses that were checked are the ones that are connected to, so a name that resolves differently a moment later
    cannot lead into our own network.

    Parameters:
        allow_private: Whether addresses that are not public are allowed.
    """

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._threads = ThreadPoolExecutor(_LOOK_UPS, "look-up")
        self._failed: dict[str, tuple[float, int | None]] = {}

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_UNSPEC) -> list[ResolveResult]:
        """Returns the addresses of the host. Raises RefusedAddressError; socket.gaierror if there are none."""
        loop = asyncio.get_running_loop()
        until, number = self._failed.get(host, (0.0, 0))
        if loop.time() < until:
            raise socket.gaierror(number, "the look-up failed a moment ago")
        try:
            infos = await loop.run_in_executor(self._threads, _look_up, host, port)
        except socket.gaierror as error:
            self._remember(host, loop.time() + _REMEMBERED_S, error.errno)
            raise
        addresses = {str(info[4][0]): info[0] for info in infos}
        if not self._allow_private and not all(is_public(address) for address in addresses):
            raise RefusedAddressError(host)
        return [
            {"hostname": host, "host": address, "port": port, "family": version, "proto": 0, "flags": socket.AI_NUMERICHOST}
            for address, version in addresses.items()
        ]

    def _remember(self, host: str, until: float, number: int | None) -> None:
        if number == socket.EAI_AGAIN:  # the name server's fault, and over soon
            return
        if len(self._failed) >= _MOST_REMEMBERED:
            self._failed.clear()
        self._failed[host] = until, number

    def checked_socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for an address, as `getaddrinfo` describes it, that is about to be connected: the last check, which sees
        every address however it was found (an address in the URL is not looked up). Raises RefusedAddressError."""
        family, kind, protocol, _, address = info
        if not self._allow_private and not is_public(str(address[0])):
            raise RefusedAddressError(str(address[0]))
        return socket.socket(family, kind, protocol)

    async def close(self) -> None:
        """Ends the threads."""
        self._threads.shutdown(wait=False)


def _look_up(host: str, port: int) -> list[tuple[Any, ...]]:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
