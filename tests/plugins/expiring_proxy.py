"""A server in front of an S3 server, at which credentials expire after some requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from faulty_proxy import FaultyProxy, serving_in_front

_EXPIRED = b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"


class ExpiringProxy(FaultyProxy):
    """Passes on so many requests as are `left`; then it refuses all of them."""

    left: int

    def _pass_on(self) -> None:
        type(self).left -= 1
        if self.left >= 0:
            return self._pass_whole()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(400)
        self.send_header("Content-Length", "0" if self.command == "HEAD" else str(len(_EXPIRED)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else _EXPIRED)


@contextmanager
def expiring(endpoint: str, requests: int) -> Iterator[str]:
    """The address of a proxy to the server at this address, which passes on so many requests."""
    proxy = type("ThisProxy", (ExpiringProxy,), {"left": requests})
    with serving_in_front(endpoint, proxy) as address:
        yield address
