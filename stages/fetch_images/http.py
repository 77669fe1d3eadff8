"""Fetches one address over HTTP: within limits, and never from inside our own network."""

from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
import string
import time
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import cast
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from interloom.schemas.outcome import Drop
from interloom.stages.fetch_images.wire import Deadline, RefusedAddressError, Wire, connect

_MOVED = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may be gone a moment later."""
_REDIRECTS = 5
_PIECE = 1 << 16
_LONGEST_PAUSE_S = 8.0
_PRINTABLE = string.ascii_letters + string.digits + string.punctuation


class _FetchError(Exception):
    """An attempt failed: `drop` says how; it is worth another one if the fault may be `passing`."""

    def __init__(self, drop: Drop, passing: bool = False) -> None:
        super().__init__(drop.reason)
        self.drop, self.passing = drop, passing


@dataclass(frozen=True, kw_only=True)
class Fetcher:
    """`fetch` gives an address's bytes or why there are none. Safe to share between threads; proxies of the environment
    are not used, because the check of addresses would not see through them.

    `timeout_s` covers an attempt from the first look-up to the last byte, redirects included. After a passing fault there
    are `retries` more, each after twice the pause, spread by a hash of the address. `opt_out` are the words in
    `X-Robots-Tag` that forbid us the picture.
    """

    timeout_s: float
    retries: int
    max_bytes: int
    user_agent: str
    allow_private: bool
    opt_out: frozenset[str]
    pause_s: float = 0.5

    def fetch(self, url: str) -> bytes | Drop:
        attempt = 0
        while True:
            try:
                return self._attempt(url)
            except _FetchError as error:
                if not error.passing or attempt >= self.retries:
                    return error.drop
            time.sleep(pause_s(url, attempt, self.pause_s))
            attempt += 1

    def _attempt(self, url: str) -> bytes:
        deadline = Deadline(self.timeout_s)
        for _ in range(_REDIRECTS + 1):
            answer = self._told(url, deadline)
            if isinstance(answer, bytes):
                return answer
            url = answer
        raise _FetchError(Drop("too_many_redirects", None, _REDIRECTS))

    def _told(self, url: str, deadline: Deadline) -> bytes | str:
        """The body, or where the server sends us. All that can go wrong comes out as _FetchError."""
        try:
            return self._ask(urlsplit(url), deadline)
        except TimeoutError as error:
            raise _FetchError(Drop("timed_out", None, self.timeout_s), passing=True) from error
        except RefusedAddressError as error:
            raise _FetchError(Drop("refused_address")) from error
        except (socket.gaierror, ssl.SSLCertVerificationError) as error:
            raise _FetchError(Drop("unreachable"), passing=error.errno == socket.EAI_AGAIN) from error
        except http.client.IncompleteRead as error:
            raise _FetchError(Drop("cut_short"), passing=True) from error
        except http.client.InvalidURL as error:
            raise _FetchError(Drop("bad_url")) from error
        except (OSError, http.client.HTTPException) as error:
            raise _FetchError(Drop("unreachable"), passing=True) from error
        except ValueError as error:
            raise _FetchError(Drop("bad_url")) from error

    def _ask(self, url: SplitResult, deadline: Deadline) -> bytes | str:
        host, is_tls = url.hostname or "", url.scheme == "https"
        if url.scheme not in {"http", "https"}:
            raise RefusedAddressError(url.scheme)
        if not host:
            raise ValueError("no host")
        with closing(connect(host, url.port or (443 if is_tls else 80), deadline, self.allow_private)) as plain:
            if not is_tls:
                return self._converse(url, plain, deadline)
            plain.settimeout(deadline.left_s())
            with closing(self._tls.wrap_socket(plain, server_hostname=host)) as secured:
                return self._converse(url, secured, deadline)

    def _converse(self, url: SplitResult, sock: socket.socket, deadline: Deadline) -> bytes | str:
        connection = http.client.HTTPConnection(url.hostname or "")
        connection.sock = cast(socket.socket, Wire(sock, deadline))
        target = quote(url._replace(scheme="", netloc="", fragment="", path=url.path or "/").geturl(), safe=_PRINTABLE)
        host = url.netloc.rpartition("@")[2].encode("idna").decode("ascii")
        headers = {"Host": host, "User-Agent": self.user_agent, "Accept": "image/*,*/*;q=0.8", "Accept-Encoding": "identity"}
        connection.request("GET", target, headers={**headers, "Connection": "close"})
        return self._judge(url, connection.getresponse())

    def _judge(self, url: SplitResult, response: http.client.HTTPResponse) -> bytes | str:
        if self._forbids(response.headers.get_all("X-Robots-Tag") or []):
            raise _FetchError(Drop("opted_out"))
        if response.status in _MOVED and (location := response.headers.get("Location")):
            return urljoin(url.geturl(), location)
        if response.status != 200:
            raise _FetchError(Drop(f"http_{response.status}"), response.status in _PASSING)
        if response.length is not None and response.length > self.max_bytes:
            raise _FetchError(Drop("too_large", response.length, self.max_bytes))
        return self._body(response)

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        announced, body = response.length, bytearray()
        while announced is None or len(body) < announced:
            piece = response.read1(_PIECE)
            if not piece:
                break
            body += piece
            if len(body) > self.max_bytes:
                raise _FetchError(Drop("too_large", None, self.max_bytes))
        if announced is not None and len(body) < announced:
            raise _FetchError(Drop("cut_short"), passing=True)
        return bytes(body)

    def _forbids(self, tags: list[str]) -> bool:
        """Whether a tag (`noai, noindex`, or `somebot: noai`) holds for us and has one of our words."""
        for tag in tags:
            name, colon, words = tag.lower().rpartition(":")
            if colon and name.strip() not in self.user_agent.lower():
                continue
            if not self.opt_out.isdisjoint(word.strip() for word in words.split(",")):
                return True
        return False

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def pause_s(url: str, attempt: int, first_s: float) -> float:
    """Seconds before attempt `attempt` + 2: doubling, and 50% to 150% of that by a hash, so that not all come at once."""
    spread = hashlib.blake2b(f"{attempt} {url}".encode(errors="replace"), digest_size=4).digest()
    return min(_LONGEST_PAUSE_S, first_s * 2.0**attempt) * (0.5 + int.from_bytes(spread, "big") / 2**32)
