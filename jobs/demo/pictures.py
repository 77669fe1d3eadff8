"""The demo crawl's pictures: captioned shapes, and everything that must not come out at the other end."""

from __future__ import annotations

import io
import random
import struct
import zlib

from PIL import Image

from interloom.jobs.demo import shapes

MIME = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif", "bmp": "image/bmp"}
EXTENSION = {"jpeg": "jpg", "png": "png", "webp": "webp", "gif": "gif", "bmp": "bmp"}


def encode(picture: Image.Image, kind: str) -> bytes:
    """The picture in the format `kind` (jpeg, png, webp, gif, bmp)."""
    into = io.BytesIO()
    options = {"quality": 85} if kind in ("jpeg", "webp") else {}
    picture.save(into, kind.upper(), **options)
    return into.getvalue()


def captioned(rng: random.Random, kind: str, size: tuple[int, int] = (256, 256)) -> tuple[bytes, str]:
    """A picture of shapes and the words that are true of it."""
    picture, caption = shapes.draw(rng, size)
    return encode(picture, kind), caption


def mismatched(rng: random.Random, kind: str) -> tuple[bytes, str]:
    """A picture and a caption that names another number, pattern, colour, shape and ground."""
    shown = shapes.scene(rng)
    other = shapes.scene(rng)
    while not set(_named(shown)).isdisjoint(_named(other)):
        other = shapes.scene(rng)
    return encode(shapes.paint(shown, rng, (256, 256)), kind), other.caption(rng.choice(shapes.PHRASINGS))


def _named(scene: shapes.Scene) -> tuple[object, ...]:
    return scene.number, scene.pattern, scene.colour, scene.shape, scene.background


def plain(rng: random.Random, size: tuple[int, int], kind: str = "png") -> bytes:
    """A picture of one colour: a logo, a banner, a button, a tracking pixel."""
    colour = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
    return encode(Image.new("RGB", size, colour), kind)


def truncated(rng: random.Random) -> bytes:
    """A JPEG that breaks off at two fifths of its length."""
    data, _ = captioned(rng, "jpeg")
    return data[: len(data) * 2 // 5]


def bomb(side: int = 30_000) -> bytes:
    """A black PNG of `side` x `side` 1-bit pixels: about 110 kB that want 900 MB as grey or 2.7 GB as colour."""
    row = b"\0" + bytes((side + 7) // 8)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
