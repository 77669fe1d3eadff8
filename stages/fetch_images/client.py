"""Sends one request over HTTP, within limits of time and size, and never into our own network."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from urllib.parse import quote, urljoin, urlsplit

import aiohttp
from yarl import URL

from interloom.pipeline.errors import DocumentError
from interloom.schemas.outcome import Drop
from interloom.stages._web.content_coding import TooLargeError, decode
from interloom.stages._web.opt_out import AI_TOKENS, header_evidence, opts_out
from interloom.stages._web.urls import PRINTABLE
from interloom.stages.fetch_images.addresses import CheckedResolver, RefusedAddressError
from interloom.stages.fetch_images.failure import FetchError

_REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
_FIELD_BYTES = 32 << 10
"""Longest header, and longest first line, of an answer: policies and cookies can be long. Our choice."""
_IDLE_S = 15.0
"""An idle connection is closed after so long. Seconds. Default of aiohttp."""
_DNS_S = 300
"""An address that was found is kept so long. Seconds. Our choice."""

_FAILURES = (
    (RefusedAddressError, "refused_address", False, False),
    (aiohttp.InvalidURL, "bad_url", False, False),
    (aiohttp.ClientSSLError, "tls_failed", False, False),
    (aiohttp.ClientPayloadError, "cut_short", True, False),
    (aiohttp.ClientResponseError, "bad_response", True, False),
    (aiohttp.ClientError, "unreachable", True, True),
    (OSError, "unreachable", True, True),
)
"""Kinds of errors, the first that fits: the reason, whether it passes, and whether it is about the host."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: its status, its body (of status 200 only), the evidence of an opt-out, where a redirect leads, and for how many
    seconds the host wants to be left alone."""

    status: int
    body: bytes = b""
    opt_out: str = ""
    location: str = ""
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in parts: as it is sent, the name of its host, and its origin (scheme, host and port)."""

    url: URL
    host: str
    origin: str


def target_of(url: str) -> Target:
    """The parts of a URL. Raises FetchError if it is not a possible URL of http or https."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise FetchError(Drop("refused_address"))
        host, port = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
        if not host:
            raise FetchError(Drop("bad_url"))
        name = f"[{host}]" if ":" in host else host
        origin = f"{parts.scheme}://{name}{'' if port is None else f':{port}'}"
        rest = parts._replace(scheme="", netloc="", fragment="", path=parts.path or "/").geturl()
        return Target(URL(origin + quote(rest, safe=PRINTABLE), encoded=True), host, origin)
    except ValueError as error:
        raise FetchError(Drop("bad_url")) from error


class Client:
    """Keeps connections and addresses of hosts. It belongs to one event loop.

    Proxies that the environment names are not used, because then the proxy's address would be checked instead of the host's.

    Parameters:
        user_agent: The header `User-Agent`.
        allow_private: Whether addresses that are not on the public internet are allowed.
        policy: Tokens of `docs/opt_out.md`, in lower case, that forbid us the image.
    """

    def __init__(self, user_agent: str, allow_private: bool, policy: frozenset[str]) -> None:
        self._user_agent, self._policy, self._tokens = user_agent, policy, AI_TOKENS | policy
        self._resolver = resolver = CheckedResolver(allow_private)
        connector = aiohttp.TCPConnector(
            limit=0,
            ssl=ssl.create_default_context(),
            resolver=resolver,
            ttl_dns_cache=_DNS_S,
            keepalive_timeout=_IDLE_S,
            socket_factory=resolver.checked_socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": user_agent, "Accept": "image/*,*/*;q=0.8", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            max_line_size=_FIELD_BYTES,
            max_field_size=_FIELD_BYTES,
        )

    async def get(self, target: Target, timeout_s: float, max_bytes: int, *, is_rules: bool = False) -> Response:
        """Returns the answer. Raises FetchError for everything that goes wrong.

        Parameters:
            target: What is asked for.
            timeout_s: Maximum time, from the look-up of the host to the last byte. Seconds.
            max_bytes: Maximum size of the body, with and without its content coding. Bytes.
            is_rules: Whether it is `robots.txt`: a larger body is cut off instead of refused, and no opt-out is read. Default
                false.
        """
        try:
            async with asyncio.timeout(timeout_s), self._session.get(target.url, allow_redirects=False) as response:
                return await self._read(response, str(target.url), max_bytes, is_rules)
        except (RefusedAddressError, aiohttp.ClientError, OSError, ValueError) as error:
            raise _failure(error, timeout_s) from error

    async def _read(self, response: aiohttp.ClientResponse, url: str, max_bytes: int, is_rules: bool) -> Response:
        evidence = "" if is_rules else self._evidence(response.headers.items())
        if response.status in _REDIRECT_STATUSES and (location := response.headers.get("Location")):
            return Response(response.status, b"", evidence, urljoin(url, location))
        if response.status != 200:
            return Response(response.status, wait_s=retry_after_s(response.headers.get("Retry-After", ""), time()))
        if not is_rules and (response.content_length or 0) > max_bytes:
            raise FetchError(Drop("too_large", response.content_length, max_bytes))
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > max_bytes:
                if is_rules:
                    break
                raise FetchError(Drop("too_large", None, max_bytes))
        coding = response.headers.get("Content-Encoding", "")
        return Response(200, _decoded(bytes(body), coding, max_bytes) if coding else bytes(body), evidence)

    def _evidence(self, fields: Iterable[tuple[str, str]]) -> str:
        """The evidence of an opt-out in headers. Raises FetchError if it forbids us the image."""
        evidence = header_evidence(fields, self._tokens)
        if evidence and opts_out(evidence, self._policy, self._user_agent):
            raise FetchError(Drop("opted_out"))
        return evidence

    async def close(self) -> None:
        """Closes all connections and ends the look-ups."""
        await self._session.close()
        await self._resolver.close()


def _failure(error: Exception, timeout_s: float) -> FetchError:
    """What an error of the network or of the library means."""
    if isinstance(error, TimeoutError):
        return FetchError(Drop("timed_out", None, timeout_s), is_passing=True, is_of_host=True)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return FetchError(Drop("unreachable"), is_passing=error.errno == socket.EAI_AGAIN, is_of_host=True)
    for kind, reason, is_passing, is_of_host in _FAILURES:
        if isinstance(error, kind):
            return FetchError(Drop(reason), is_passing, is_of_host)
    return FetchError(Drop("bad_url"))


def _decoded(body: bytes, coding: str, max_bytes: int) -> bytes:
    """The body without its content coding, which servers send though we ask for none. Raises FetchError."""
    try:
        return decode(body, "", coding, max_bytes)
    except TooLargeError as error:
        raise FetchError(Drop("too_large", None, max_bytes)) from error
    except DocumentError as error:
        raise FetchError(Drop("broken_coding")) from error


def retry_after_s(value: str, now: float) -> float | None:
    """The seconds that a header `Retry-After` asks for: "120" -> 120.0; a date counts from `now`, a Unix time. None without."""
    if value.strip().isdecimal():
        return float(value.strip()[:9])
    try:
        return max(parsedate_to_datetime(value).timestamp() - now, 0.0)
    except (ValueError, OverflowError):
        return None
