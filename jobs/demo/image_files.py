"""Encoded images of the demo crawl: captioned shapes, and files that a pipeline must drop or survive."""

from __future__ import annotations

import io
import random
import struct
import zlib

from PIL import Image

from interloom.jobs.demo import shapes

MIME = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif", "bmp": "image/bmp"}
EXTENSION = {"jpeg": "jpg", "png": "png", "webp": "webp", "gif": "gif", "bmp": "bmp"}


def encode(image: Image.Image, kind: str) -> bytes:
    """The image in the format `kind` (jpeg, png, webp, gif, bmp)."""
    file = io.BytesIO()
    options = {"quality": 85} if kind in ("jpeg", "webp") else {}
    image.save(file, kind.upper(), **options)
    return file.getvalue()


def captioned(rng: random.Random, kind: str, size: tuple[int, int] = (256, 256)) -> tuple[bytes, str]:
    """An image of shapes and a true caption."""
    image, caption = shapes.draw(rng, size)
    return encode(image, kind), caption


def mismatched(rng: random.Random, kind: str) -> tuple[bytes, str]:
    """An image and a caption with another number, pattern, colour, shape and background."""
    shown = shapes.random_scene(rng)
    other = shapes.random_scene(rng)
    while not set(_properties(shown)).isdisjoint(_properties(other)):
        other = shapes.random_scene(rng)
    return encode(shapes.paint(shown, rng, (256, 256)), kind), other.caption(rng.choice(shapes.PHRASINGS))


def _properties(scene: shapes.Scene) -> tuple[object, ...]:
    return scene.number, scene.pattern, scene.colour, scene.shape, scene.background


def plain(rng: random.Random, size: tuple[int, int], kind: str = "png") -> bytes:
    """An image of one colour, in place of a logo, a banner, a button or a tracking pixel."""
    colour = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
    return encode(Image.new("RGB", size, colour), kind)


def truncated(rng: random.Random) -> bytes:
    """A JPEG file cut off at two fifths of its length."""
    data, _ = captioned(rng, "jpeg")
    return data[: len(data) * 2 // 5]


def bomb(side: int = 30_000) -> bytes:
    """A decompression bomb: a black PNG of `side` x `side` 1-bit pixels, about 110 kB, which take 900 MB decoded to grey and
    2.7 GB decoded to RGB."""
    row = b"\0" + bytes((side + 7) // 8)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
