"""A connection to a checked address, with one deadline for all that happens on it."""

from __future__ import annotations

import io
import ipaddress
import socket
import time
from collections.abc import Iterator
from typing import Any

_IPV4_BEHIND = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
"""IPv6 addresses whose last 32 bits are the IPv4 address that is reached: NAT64 (RFC 6052), IPv4-compatible."""


class RefusedAddressError(Exception):
    """The host is, or resolves to, an address that is not on the public internet."""


class Deadline:
    """A point in time; `left_s` raises TimeoutError once it has passed."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left_s(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left


def is_public(address: str) -> bool:
    """False for private, loopback, link-local, multicast, reserved and unspecified addresses, however they are wrapped."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    reached: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = [*_wrapped(ip)] or [ip]
    return all(one.is_global and not one.is_multicast and not one.is_reserved for one in reached)


def _wrapped(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 addresses that an IPv6 address stands for: mapped, 6to4, Teredo, NAT64."""
    if isinstance(ip, ipaddress.IPv4Address):
        return
    yield from (one for one in (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())) if one is not None)
    if any(ip in network for network in _IPV4_BEHIND):
        yield ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)


def connect(host: str, port: int, deadline: Deadline, allow_private: bool) -> socket.socket:
    """Connects to the first address of the host that answers, by its number: what was checked is what is reached, even if
    the name resolves differently a moment later. One private address among them refuses the host.

    Raises RefusedAddressError, OSError (socket.gaierror, TimeoutError among them), UnicodeError for an impossible name.
    """
    addresses = list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    if not allow_private and not all(is_public(address) for address in addresses):
        raise RefusedAddressError(host)
    failure = OSError(f"{host} has no address")
    for address in addresses:
        try:
            return socket.create_connection((address, port), deadline.left_s())
        except OSError as error:
            failure = error
    raise failure


class Wire:
    """What `http.client` needs of a socket. Each send and receive waits no longer than the deadline leaves, so that a
    server that drips a byte now and then holds nobody up."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock, self._deadline = sock, deadline

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(self._deadline.left_s())
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Received(self._sock, self._deadline))

    def close(self) -> None:
        """Whoever connected closes: `http.client` would hang up before the body is read."""


class _Received(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        super().__init__()
        self._sock, self._deadline = sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._deadline.left_s())
        return self._sock.recv_into(buffer)
