"""Sends one request over HTTP, within limits of time and size, and never into our own network."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import monotonic, time
from urllib.parse import quote, urljoin, urlsplit

import pycurl

from interloom.pipeline.errors import DocumentError
from interloom.schemas.outcome import Drop
from interloom.stages._web.content_coding import TooLargeError, decode
from interloom.stages._web.opt_out import AI_TOKENS, header_evidence, opts_out
from interloom.stages._web.urls import PRINTABLE
from interloom.stages.fetch_images.addresses import Addresses, RefusedAddressError
from interloom.stages.fetch_images.failure import FetchError
from interloom.stages.fetch_images.transfer import Transfer, new_handle

_REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
_TLS_ERRORS = frozenset(
    (
        *(pycurl.E_SSL_CONNECT_ERROR, pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CERTPROBLEM, pycurl.E_SSL_CIPHER),
        *(pycurl.E_SSL_ISSUER_ERROR, pycurl.E_SSL_INVALIDCERTSTATUS, pycurl.E_SSL_PINNEDPUBKEYNOTMATCH),
    )
)
_UNREACHABLE_ERRORS = frozenset((pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_GOT_NOTHING))
_BROKEN_OFF_ERRORS = frozenset((pycurl.E_RECV_ERROR, pycurl.E_SEND_ERROR, pycurl.E_PARTIAL_FILE))
_BROKEN_OFF = re.compile("Recv failure|Send failure|SSL_ERROR_SYSCALL|unexpected eof")
"""What libcurl and OpenSSL say of a connection that ended while TLS was agreed on."""
_OPEN_CONNECTIONS = 2000
"""Connections that a worker keeps open. Our choice."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: its status, its body (if it is wanted), the evidence of an opt-out, where a redirect leads, and for how many
    seconds the host wants to be left alone."""

    status: int
    body: bytes = b""
    opt_out: str = ""
    location: str = ""
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in parts: as it is sent, its scheme, the name and port of its host, and its origin (scheme, host and port)."""

    url: str
    host: str
    port: int
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
        rest = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        is_plain = rest.isascii() and rest.isprintable() and " " not in rest
        sent = origin + (rest if is_plain else quote(rest, safe=PRINTABLE))
        return Target(sent, host, port or (443 if parts.scheme == "https" else 80), origin)
    except ValueError as error:
        raise FetchError(Drop("bad_url")) from error


class Client:
    """Keeps connections and addresses of hosts. It belongs to one event loop.

    Parameters:
        user_agent: The header `User-Agent`.
        allow_private: Whether addresses that are not on the public internet are allowed.
        policy: Tokens of `docs/opt_out.md`, in lower case, that forbid us the image.
    """

    def __init__(self, user_agent: str, allow_private: bool, policy: frozenset[str]) -> None:
        self._user_agent, self._policy, self._tokens = user_agent, policy, AI_TOKENS | policy
        self._addresses = Addresses(allow_private)
        self._multi = pycurl.AsyncCurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, _OPEN_CONNECTIONS)
        self._idle: list[pycurl.Curl] = []

    async def get(self, target: Target, timeout_s: float, max_bytes: int, *, is_rules: bool = False) -> Response:
        """Returns the answer. Raises FetchError for everything that goes wrong.

        Parameters:
            target: What is asked for.
            timeout_s: Maximum time, from the look-up of the host to the last byte. Seconds.
            max_bytes: Maximum size of the body, with and without its content coding. Bytes.
            is_rules: Whether it is `robots.txt`: a larger body is cut off instead of refused, and no opt-out is read. Default
                false.
        """
        transfer = Transfer(max_bytes, is_rules, self._addresses.allows, None if is_rules else self._evidence)
        started = monotonic()
        try:
            addresses = self._addresses.known(target.host, target.port)
            if addresses is None:
                async with asyncio.timeout(timeout_s):
                    addresses = await self._addresses.look_up(target.host, target.port)
                timeout_s -= monotonic() - started
            await self._run(transfer, target, addresses, timeout_s)
            return _response(transfer, target.url, max_bytes, is_rules=is_rules)
        except TimeoutError as error:
            raise _timed_out(timeout_s) from error
        except RefusedAddressError as error:
            raise FetchError(Drop("refused_address")) from error
        except socket.gaierror as error:
            raise FetchError(Drop("unreachable"), error.errno == socket.EAI_AGAIN, is_of_host=True) from error
        except OSError as error:
            raise FetchError(Drop("unreachable"), is_passing=True, is_of_host=True) from error
        except (ValueError, pycurl.error) as error:  # of the URL, or of the one that it redirects to
            raise FetchError(Drop("bad_url")) from error

    async def _run(self, transfer: Transfer, target: Target, addresses: str, timeout_s: float) -> None:
        curl = self._idle.pop() if self._idle else new_handle(self._user_agent)
        transfer.attach(curl)
        curl.setopt(pycurl.TIMEOUT_MS, max(int(timeout_s * 1000), 1))
        curl.setopt(pycurl.URL, target.url)
        curl.setopt(pycurl.RESOLVE, [f"+{target.host}:{target.port}:{addresses}"] if addresses else [])
        try:
            await self._multi.perform(curl)
        except pycurl.error as error:
            if not transfer.is_cut_off:
                raise transfer.failure or _failure(error.args[0], error.args[1], transfer, timeout_s) from error
        finally:
            transfer.close()
        self._idle.append(curl)  # not after a cancellation, where it may still be in use

    def _evidence(self, fields: Iterable[tuple[str, str]]) -> str:
        """The evidence of an opt-out in headers. Raises FetchError if it forbids us the image."""
        evidence = header_evidence(fields, self._tokens)
        if evidence and opts_out(evidence, self._policy, self._user_agent):
            raise FetchError(Drop("opted_out"))
        return evidence

    async def close(self) -> None:
        """Closes all connections and ends the look-ups."""
        await self._multi.aclose()
        self._addresses.close()


def _timed_out(timeout_s: float) -> FetchError:
    return FetchError(Drop("timed_out", None, timeout_s), is_passing=True, is_of_host=True)


def _failure(number: int, message: str, transfer: Transfer, timeout_s: float) -> FetchError:
    """What an error of libcurl means."""
    if number == pycurl.E_OPERATION_TIMEDOUT:
        return _timed_out(timeout_s)
    if number in _TLS_ERRORS and not _BROKEN_OFF.search(message):
        return FetchError(Drop("tls_failed"))
    if number == pycurl.E_URL_MALFORMAT:
        return FetchError(Drop("bad_url"))
    if number in _BROKEN_OFF_ERRORS and transfer.status:
        return FetchError(Drop("cut_short" if transfer.has_headers else "bad_response"), is_passing=True)
    if number in _UNREACHABLE_ERRORS | _BROKEN_OFF_ERRORS | _TLS_ERRORS:
        return FetchError(Drop("unreachable"), is_passing=True, is_of_host=True)
    return FetchError(Drop("bad_response"), is_passing=True)


def _response(transfer: Transfer, url: str, max_bytes: int, *, is_rules: bool) -> Response:
    """The answer that a transfer has received. Raises FetchError if its content coding is broken or too large, ValueError if it
    redirects to an impossible URL."""
    fields = transfer.named
    location = fields.get("location", "") if transfer.status in _REDIRECT_STATUSES else ""
    if location:
        return Response(transfer.status, opt_out=transfer.opt_out, location=urljoin(url, _from_header(location)))
    if not transfer.is_wanted:
        return Response(transfer.status, wait_s=retry_after_s(fields.get("retry-after", ""), time()))
    body, coding = b"".join(transfer.pieces), fields.get("content-encoding", "")
    return Response(transfer.status, _decoded(body, coding, max_bytes, is_rules) if coding else body, transfer.opt_out)


def _from_header(location: str) -> str:
    """The URL in a header `Location`, whose bytes are those of UTF-8 as browsers read them; others are percent-encoded."""
    raw = location.encode("latin-1")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return quote(raw, safe=PRINTABLE)


def _decoded(body: bytes, coding: str, max_bytes: int, is_rules: bool) -> bytes:
    """The body without its content coding, which servers send though we ask for none. Raises FetchError."""
    try:
        return decode(body, "", coding, max_bytes, is_cut=is_rules)
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
