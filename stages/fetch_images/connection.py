"""Connects to a checked address and enforces one deadline for all sends and receives."""

from __future__ import annotations

import io
import ipaddress
import socket
import time
from collections.abc import Iterator
from typing import Any

_EMBEDDED_IPV4 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
"""IPv6 addresses whose last 32 bits are the IPv4 address that is reached: NAT64 (RFC 6052), IPv4-compatible."""


class RefusedAddressError(Exception):
    """The host is, or resolves to, an address that is not on the public internet."""


class Deadline:
    """A point in time, some seconds after its creation."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left_s(self) -> float:
        """Returns the seconds until the deadline. Raises TimeoutError if it has passed."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left


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


def connect(host: str, port: int, deadline: Deadline, allow_private: bool) -> socket.socket:
    """Connects to the first address of the host that answers.

    It connects to the IP address that was checked, so that a name that resolves differently a moment later cannot lead into
    our own network. A host with one address that is not public is refused as a whole.

    Parameters:
        host: Name or IP address of the host.
        port: The port.
        deadline: When the connection must be made.
        allow_private: Whether addresses that are not public are allowed.

    Raises RefusedAddressError; OSError (socket.gaierror and TimeoutError, too) if no address answers; UnicodeError if the
    name is impossible.
    """
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
    if not allow_private and not all(is_public(address) for address in addresses):
        raise RefusedAddressError(host)
    failure = OSError(f"{host} has no address")
    for address in addresses:
        try:
            return socket.create_connection((address, port), deadline.left_s())
        except OSError as error:
            failure = error
    raise failure


class DeadlineSocket:
    """The part of a socket that `http.client` uses, with a deadline.

    Each send and receive waits no longer than the deadline allows, so that a server that sends a byte now and then cannot
    keep us waiting.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock, self._deadline = sock, deadline

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(self._deadline.left_s())
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Receiver(self._sock, self._deadline))

    def close(self) -> None:
        """Does nothing: the caller closes the socket, because `http.client` would close it before the body is read."""


class _Receiver(io.RawIOBase):
    """The received bytes of a socket as a file, with a deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        super().__init__()
        self._sock, self._deadline = sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._deadline.left_s())
        return self._sock.recv_into(buffer)
