"""A web server for measurements: many hosts (addresses 127.0.0.0/8), pictures of one size, a short delay, open connections.

`python _fetch_server.py PICTURE_BYTES DELAY_S`: prints its port, then serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import random
import sys


class Connection(asyncio.Protocol):
    """Answers each request after a delay; `/robots.txt` is not there."""

    picture = b""
    delay_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.received = transport, b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        while b"\r\n\r\n" in self.received:
            request, _, self.received = self.received.partition(b"\r\n\r\n")
            asyncio.get_running_loop().call_later(self.delay_s, self.answer, request)

    def answer(self, request: bytes) -> None:
        if request.startswith(b"GET /robots.txt"):
            self.transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        else:
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n" % len(self.picture))
            self.transport.write(b'Cache-Control: max-age=3600\r\nETag: "x"\r\nServer: bench\r\n\r\n' + self.picture)
        if b"connection: close" in request.lower():
            self.transport.close()


async def serve(picture_bytes: int, delay_s: float) -> None:
    Connection.picture = b"\x89PNG\r\n\x1a\n" + random.Random(0).randbytes(picture_bytes - 8)
    Connection.delay_s = delay_s
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "0.0.0.0", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
