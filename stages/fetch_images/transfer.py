"""One transfer of libcurl: its settings, and what it receives, piece by piece, until it has too much."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any

import certifi
import pycurl

from interloom.schemas.outcome import Drop
from interloom.stages.fetch_images.failure import FetchError

_BUFFER_BYTES = 1 << 16
_UNWANTED_BYTES = 1 << 14
"""So much of a body that is not wanted (of a redirect, an error) is read, so that the connection is kept. Our choice."""
_END_OF_TRANSFER = -1
_STATUS_LINE = re.compile(r"HTTP/[0-9.]+\s+(\d{3})\b", re.IGNORECASE)
_MOST_ANNOUNCED = 1 << 53
"""A larger size that a header announces counts as this one: tables of decisions hold no larger number exactly."""
_MOST_DIGITS = 17


class Transfer:
    """What is received in answer to one request: the status, the headers by their names in lower case (of several with a name,
    the last), the evidence of an opt-out in them (not in those of an error, which say nothing about the picture), and the pieces
    of the body.

    Parameters:
        max_bytes: A body that is larger, or announced to be, is refused. Bytes.
        is_rules: Whether a larger body is cut off instead.
        allows: Whether an address may be connected to.
        evidence: What the headers say about an opt-out; it raises FetchError if they forbid us the image. Default: not asked.
    """

    def __init__(
        self,
        max_bytes: int,
        is_rules: bool,
        allows: Callable[[str], bool],
        evidence: Callable[[Iterable[tuple[str, str]]], str] | None,
    ) -> None:
        self._max_bytes, self._is_rules, self._allows, self._evidence = max_bytes, is_rules, allows, evidence
        self.status, self.opt_out = 0, ""
        self.has_headers, self.is_cut_off = False, False
        self.pieces: list[bytes] = []
        self.named: dict[str, str] = {}
        self.failure: FetchError | None = None
        self._fields: list[tuple[str, str]] = []
        self._sockets: list[socket.socket] = []
        self._size, self._is_at_status_line = 0, True

    def attach(self, curl: pycurl.Curl) -> None:
        """Makes the handle report to this transfer."""
        curl.setopt(pycurl.HEADERFUNCTION, self._header)
        curl.setopt(pycurl.WRITEFUNCTION, self._body)
        curl.setopt(pycurl.OPENSOCKETFUNCTION, self._socket)

    def _socket(self, _: int, address: Any) -> socket.socket | int:
        """A socket for an address that is about to be connected: the last check, which sees every address however it was found
        (an address in the URL is not looked up)."""
        family, kind, protocol, place = address
        if not self._allows(place[0]):
            self.failure = FetchError(Drop("refused_address"))
            return int(pycurl.SOCKET_BAD)
        self._sockets.append(socket.socket(family, kind, protocol))
        return self._sockets[-1]

    def close(self) -> None:
        """Closes our sides of the sockets, of which libcurl has copies."""
        for each in self._sockets:
            each.close()

    def _header(self, line: bytes) -> int | None:
        text = line.decode("latin-1").rstrip("\r\n")
        if self.has_headers:  # then it is of the trailer
            return None
        if self._is_at_status_line:
            return self._begin_answer(text)
        if not text:
            self._is_at_status_line = self.status < 200
            return None if self._is_at_status_line else self._judge_headers()
        if text[0] in " \t" and self._fields:
            name, value = self._fields[-1]
            self._fields[-1] = name, f"{value} {text.strip()}"
        else:
            name, _, value = text.partition(":")
            self._fields.append((name, value.strip()))
        return None

    def _begin_answer(self, status_line: str) -> int | None:
        """Begins the answer, or another one after an interim one."""
        match = _STATUS_LINE.match(status_line)
        if match is None:
            return self._fail(FetchError(Drop("bad_response"), is_passing=True))
        self.status, self._fields, self._is_at_status_line = int(match[1]), [], False
        return None

    def _judge_headers(self) -> int | None:
        self.has_headers = True
        try:
            self.opt_out = self._evidence(self._fields) if self._evidence and self.status < 400 else ""
        except FetchError as error:
            return self._fail(error)
        self.named = {name.lower(): value for name, value in self._fields}
        length = _announced(self.named.get("content-length", ""))
        if self.status == 200 and not self._is_rules and length > self._max_bytes:
            return self._fail(FetchError(Drop("too_large", length, self._max_bytes)))
        return None

    def _body(self, piece: bytes) -> int | None:
        room = (self._max_bytes if self.is_wanted else _UNWANTED_BYTES) - self._size
        self._size += len(piece)
        if self.is_wanted and not self._is_rules and len(piece) > room:
            return self._fail(FetchError(Drop("too_large", None, self._max_bytes)))
        if self.is_wanted:
            self.pieces.append(piece[:room])
        self.is_cut_off = len(piece) > room
        return _END_OF_TRANSFER if self.is_cut_off else None

    @property
    def is_wanted(self) -> bool:
        """Whether the body is what was asked for: an image (200), or rules (2xx, as RFC 9309 has it)."""
        return self.status == 200 or (self._is_rules and 200 <= self.status < 300)

    def _fail(self, error: FetchError) -> int:
        self.failure = error
        return _END_OF_TRANSFER


def _announced(length: str) -> int:
    """The size in a header `Content-Length`; 0 if it is no number."""
    digits = length.lstrip("0") if length.isdecimal() else ""
    return min(int(digits[:_MOST_DIGITS] or 0), _MOST_ANNOUNCED)


def new_handle(user_agent: str) -> pycurl.Curl:
    """A handle of libcurl that follows no redirects and uses nothing of the environment.

    Proxies that the environment names are not used, because then the proxy's address would be checked instead of the host's.
    """
    curl = pycurl.Curl()
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.PROXY, "")
    curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    curl.setopt(pycurl.PATH_AS_IS, 1)
    curl.setopt(pycurl.BUFFERSIZE, _BUFFER_BYTES)
    curl.setopt(pycurl.CAINFO, authorities())
    curl.setopt(pycurl.USERAGENT, user_agent)
    curl.setopt(pycurl.HTTPHEADER, ["Accept: image/*,*/*;q=0.8", "Accept-Encoding: identity"])
    return curl


def authorities() -> str:
    """The file of certificates that this system, or `SSL_CERT_FILE`, trusts; else those of Mozilla."""
    return ssl.get_default_verify_paths().cafile or certifi.where()
