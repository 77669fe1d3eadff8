"""Pictures as pages of the demo crawl hold them: where they lie, how the page names them, and what becomes of them."""

from __future__ import annotations

import base64
import functools
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urljoin

from interloom.jobs.demo import pictures
from interloom.jobs.demo.html import Figure
from interloom.jobs.demo.plan import PlantedImage

CDN = "https://media.cdn.example/store/"
WIDESPREAD = "https://media.cdn.example/season/compass.jpg"
WAYS = ("relative", "root", "absolute", "parent", "protocol", "srcset", "lazy", "data", "based")


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure, its expectation, and its bytes; `data` is None when the crawl has no capture of it."""

    figure: Figure
    planted: PlantedImage
    data: bytes | None
    content_type: str


def good(rng: random.Random, page: str, name: str, way: str) -> Picture:
    """A captioned picture of the page with this URL, named in one of the WAYS that real pages use."""
    kind = rng.choice(("jpeg", "jpeg", "png", "webp"))
    data, caption = pictures.captioned(rng, kind, rng.choice(((256, 256), (320, 240), (240, 300))))
    file = f"{name}.{pictures.EXTENSION[kind]}"
    if way == "data":
        src = f"data:{pictures.MIME[kind]};base64,{base64.b64encode(data).decode('ascii')}"
        return Picture(Figure(src, src, caption), PlantedImage("data:", way, caption=caption), None, "")
    host = page.split("/")[2]
    addresses = {
        "root": f"/media/{file}",
        "absolute": f"{CDN}{file}",
        "parent": f"../shared/{file}",
        "protocol": f"//{host}/wide/{file}",
        "based": file,
    }
    src = addresses.get(way, f"pictures/{file}")
    url = urljoin(CDN if way == "based" else page, src)
    how = way if way in ("srcset", "lazy") else "plain"
    return Picture(Figure(url, src, caption, how), PlantedImage(url, way, caption=caption), data, pictures.MIME[kind])


def furniture(rng: random.Random, page: str, name: str, kind: str) -> Picture:
    """A picture without a caption that one of the steps must drop; `kind` is a key of FURNITURE."""
    file, by, content_type, make = FURNITURE[kind]
    url = urljoin(page, f"pictures/{name}-{file}")
    return Picture(Figure(url, url), PlantedImage(url, kind, by), make(rng), content_type)


def mismatch(rng: random.Random, page: str, name: str) -> Picture:
    """A picture whose caption is wrong in everything."""
    data, caption = pictures.mismatched(rng, "jpeg")
    url = urljoin(page, f"pictures/{name}.jpg")
    return Picture(
        Figure(url, url, caption), PlantedImage(url, "mismatched", ("filters.score/score_too_low",), caption), data, "image/jpeg"
    )


def twice(picture: Picture, name: str) -> Picture:
    """The same bytes at another URL of the same page."""
    url = urljoin(picture.figure.url, f"again-{name}.jpg")
    planted = PlantedImage(url, "twice", ("stages.dedup_image/repeated_in_document",))
    return replace(picture, figure=Figure(url, url), planted=planted)


def widespread(seed: int) -> Picture:
    """One captioned picture that many pages show."""
    data, caption = pictures.captioned(random.Random(f"{seed}/widespread"), "jpeg")
    planted = PlantedImage(WIDESPREAD, "widespread", ("stages.dedup_image/seen_too_often",), caption)
    return Picture(Figure(WIDESPREAD, WIDESPREAD, caption), planted, data, "image/jpeg")


def _html(rng: random.Random) -> bytes:
    return b"<!doctype html><html><head><title>Moved</title></head><body><p>This picture has moved.</p></body></html>"


_Make = Callable[[random.Random], bytes | None]


def _plain(width: int, height: int, kind: str) -> _Make:
    return lambda rng: pictures.plain(rng, (width, height), kind)


@functools.cache
def _bomb() -> bytes:
    return pictures.bomb()


FURNITURE: dict[str, tuple[str, tuple[str, ...], str, _Make]] = {
    "logo": ("site-logo.png", ("filters.image_name/named_as_furniture",), "image/png", _plain(200, 200, "png")),
    "banner": ("summer-banner.jpg", ("filters.image_name/named_as_furniture",), "image/jpeg", _plain(400, 240, "jpeg")),
    "button": ("button-join.png", ("filters.image_name/named_as_furniture",), "image/png", _plain(180, 160, "png")),
    "wide": ("view.jpg", ("filters.aspect_ratio/too_long",), "image/jpeg", _plain(900, 160, "jpeg")),
    "pixel": ("p.gif", ("filters.image_size/too_small",), "image/gif", _plain(1, 1, "gif")),
    "small": ("detail.png", ("filters.image_size/too_small",), "image/png", _plain(48, 48, "png")),
    "bitmap": ("scan.bmp", ("filters.image_format/other_format",), "image/bmp", _plain(220, 200, "bmp")),
    "missing": ("lost.jpg", ("stages.fetch_images/not_found",), "image/jpeg", lambda rng: None),
    "broken": ("half.jpg", ("stages.decode_images/quarantined",), "image/jpeg", pictures.truncated),
    "bomb": ("plain.png", ("stages.decode_images/bomb",), "image/png", lambda rng: _bomb()),
    "html": ("moved.jpg", ("stages.decode_images/not_an_image",), "image/jpeg", _html),
}
