"""Fetches one URL over HTTP, within limits of time and size, and never from inside our own network."""

from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
import time
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import cast
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from interloom.schemas.outcome import Drop
from interloom.stages._web.opt_out import AI_TOKENS, header_evidence, opts_out
from interloom.stages._web.urls import PRINTABLE
from interloom.stages.fetch_images.connection import Deadline, DeadlineSocket, RefusedAddressError, connect

_REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
_TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which another attempt may succeed."""
_MAX_REDIRECTS = 5
"""Redirects that are followed in one attempt. Our choice."""
_READ_BYTES = 1 << 16
_MAX_PAUSE_S = 8.0
"""Longest pause before another attempt, before it is spread. Our choice."""


class _FetchError(Exception):
    """An attempt failed: `drop` says why, `is_transient` whether another attempt may succeed."""

    def __init__(self, drop: Drop, is_transient: bool = False) -> None:
        super().__init__(drop.reason)
        self.drop, self.is_transient = drop, is_transient


@dataclass(frozen=True, slots=True)
class Fetched:
    """The bytes of an image, and the evidence of an opt-out that came with them."""

    data: bytes
    opt_out: str = ""


@dataclass(frozen=True, kw_only=True)
class Fetcher:
    """Fetches URLs with the same limits. It can be shared between threads.

    Proxies that the environment names are not used, because then the proxy's address would be checked instead of the host's.

    Parameters:
        timeout_s: Maximum time of an attempt, from the look-up of the host to the last byte, redirects included. Seconds.
        retries: Attempts after a transient failure, beside the first one.
        max_bytes: Maximum size of a body. Bytes.
        user_agent: The header `User-Agent`.
        allow_private: Whether addresses that are not on the public internet are allowed.
        opt_out: Tokens of `docs/opt_out.md`, in lower case, that forbid us the image.
        pause_s: Pause before the second attempt; it doubles with each attempt. Seconds. Default 0.5, our choice.
    """

    timeout_s: float
    retries: int
    max_bytes: int
    user_agent: str
    allow_private: bool
    opt_out: frozenset[str]
    pause_s: float = 0.5

    def fetch(self, url: str) -> Fetched | Drop:
        """Returns the image at the URL or, after the last attempt, the reason why there are none."""
        attempt = 0
        while True:
            try:
                return self._attempt(url)
            except _FetchError as error:
                if not error.is_transient or attempt >= self.retries:
                    return error.drop
            time.sleep(pause_s(url, attempt, self.pause_s))
            attempt += 1

    def _attempt(self, url: str) -> Fetched:
        """Follows redirects and returns the image. Raises _FetchError."""
        deadline = Deadline(self.timeout_s)
        for _ in range(_MAX_REDIRECTS + 1):
            answer = self._request(url, deadline)
            if isinstance(answer, Fetched):
                return answer
            url = answer
        raise _FetchError(Drop("too_many_redirects", None, _MAX_REDIRECTS))

    def _request(self, url: str, deadline: Deadline) -> Fetched | str:
        """Returns the image, or the URL that the server redirects to. Raises _FetchError for every failure."""
        try:
            return self._connect_and_request(urlsplit(url), deadline)
        except TimeoutError as error:
            raise _FetchError(Drop("timed_out", None, self.timeout_s), is_transient=True) from error
        except RefusedAddressError as error:
            raise _FetchError(Drop("refused_address")) from error
        except (socket.gaierror, ssl.SSLCertVerificationError) as error:
            raise _FetchError(Drop("unreachable"), is_transient=error.errno == socket.EAI_AGAIN) from error
        except http.client.IncompleteRead as error:
            raise _FetchError(Drop("cut_short"), is_transient=True) from error
        except http.client.InvalidURL as error:
            raise _FetchError(Drop("bad_url")) from error
        except (OSError, http.client.HTTPException) as error:
            raise _FetchError(Drop("unreachable"), is_transient=True) from error
        except ValueError as error:
            raise _FetchError(Drop("bad_url")) from error

    def _connect_and_request(self, url: SplitResult, deadline: Deadline) -> Fetched | str:
        host, is_tls = url.hostname or "", url.scheme == "https"
        if url.scheme not in {"http", "https"}:
            raise RefusedAddressError(url.scheme)
        if not host:
            raise ValueError("no host")
        with closing(connect(host, url.port or (443 if is_tls else 80), deadline, self.allow_private)) as plain:
            if not is_tls:
                return self._exchange(url, plain, deadline)
            plain.settimeout(deadline.left_s())
            with closing(self._tls.wrap_socket(plain, server_hostname=host)) as secured:
                return self._exchange(url, secured, deadline)

    def _exchange(self, url: SplitResult, sock: socket.socket, deadline: Deadline) -> Fetched | str:
        connection = http.client.HTTPConnection(url.hostname or "")
        connection.sock = cast(socket.socket, DeadlineSocket(sock, deadline))
        target = quote(url._replace(scheme="", netloc="", fragment="", path=url.path or "/").geturl(), safe=PRINTABLE)
        host = url.netloc.rpartition("@")[2].encode("idna").decode("ascii")
        headers = {"Host": host, "User-Agent": self.user_agent, "Accept": "image/*,*/*;q=0.8", "Accept-Encoding": "identity"}
        connection.request("GET", target, headers={**headers, "Connection": "close"})
        return self._check_response(url, connection.getresponse())

    def _check_response(self, url: SplitResult, response: http.client.HTTPResponse) -> Fetched | str:
        evidence = header_evidence(response.headers.items(), AI_TOKENS | self.opt_out)
        if opts_out(evidence, self.opt_out, self.user_agent):
            raise _FetchError(Drop("opted_out"))
        if response.status in _REDIRECT_STATUSES and (location := response.headers.get("Location")):
            return urljoin(url.geturl(), location)
        if response.status != 200:
            raise _FetchError(Drop(f"http_{response.status}"), response.status in _TRANSIENT_STATUSES)
        if response.length is not None and response.length > self.max_bytes:
            raise _FetchError(Drop("too_large", response.length, self.max_bytes))
        return Fetched(self._read_body(response), evidence)

    def _read_body(self, response: http.client.HTTPResponse) -> bytes:
        announced, body = response.length, bytearray()
        while announced is None or len(body) < announced:
            piece = response.read1(_READ_BYTES)
            if not piece:
                break
            body += piece
            if len(body) > self.max_bytes:
                raise _FetchError(Drop("too_large", None, self.max_bytes))
        if announced is not None and len(body) < announced:
            raise _FetchError(Drop("cut_short"), is_transient=True)
        return bytes(body)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()


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
