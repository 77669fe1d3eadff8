"""Images of pages in the demo crawl: their URLs, how the page refers to them, and which step must drop them."""

from __future__ import annotations

import base64
import functools
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urljoin

from interloom.jobs.demo import image_files
from interloom.jobs.demo.html import Figure
from interloom.jobs.demo.plan import PlantedImage

CDN = "https://media.cdn.example/store/"
WIDESPREAD = "https://media.cdn.example/season/compass.jpg"
WAYS = ("relative", "root", "absolute", "parent", "protocol", "srcset", "lazy", "data", "based")


@dataclass(frozen=True, slots=True)
class PageImage:
    """An image in a page, what is expected of it, and its bytes; `data` is None if the crawl has no capture of it."""

    figure: Figure
    planted: PlantedImage
    data: bytes | None
    content_type: str


def good(rng: random.Random, page: str, name: str, way: str) -> PageImage:
    """A captioned image of the page with this URL, referred to in one of the WAYS that real pages use."""
    kind = rng.choice(("jpeg", "jpeg", "png", "webp"))
    data, caption = image_files.captioned(rng, kind, rng.choice(((256, 256), (320, 240), (240, 300))))
    file = f"{name}.{image_files.EXTENSION[kind]}"
    if way == "data":
        src = f"data:{image_files.MIME[kind]};base64,{base64.b64encode(data).decode('ascii')}"
        return PageImage(Figure(src, src, caption), PlantedImage("data:", way, caption=caption), None, "")
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
    markup = way if way in ("srcset", "lazy") else "plain"
    return PageImage(Figure(url, src, caption, markup), PlantedImage(url, way, caption=caption), data, image_files.MIME[kind])


def boilerplate(rng: random.Random, page: str, name: str, kind: str) -> PageImage:
    """An image without a caption that one of the steps must drop; `kind` is a key of BOILERPLATE."""
    file, by, content_type, make = BOILERPLATE[kind]
    url = urljoin(page, f"pictures/{name}-{file}")
    return PageImage(Figure(url, url), PlantedImage(url, kind, by), make(rng), content_type)


def mismatch(rng: random.Random, page: str, name: str) -> PageImage:
    """An image with a caption of which no word is true of it."""
    data, caption = image_files.mismatched(rng, "jpeg")
    url = urljoin(page, f"pictures/{name}.jpg")
    return PageImage(
        Figure(url, url, caption), PlantedImage(url, "mismatched", ("filters.score/score_too_low",), caption), data, "image/jpeg"
    )


def repeated(image: PageImage, name: str) -> PageImage:
    """The same bytes at a second URL in the same page."""
    url = urljoin(image.figure.url, f"again-{name}.jpg")
    planted = PlantedImage(url, "twice", ("stages.dedup_image/repeated_in_document",))
    return replace(image, figure=Figure(url, url), planted=planted)


def widespread(seed: int) -> PageImage:
    """A captioned image that many pages show."""
    data, caption = image_files.captioned(random.Random(f"{seed}/widespread"), "jpeg")
    planted = PlantedImage(WIDESPREAD, "widespread", ("stages.dedup_image/seen_too_often",), caption)
    return PageImage(Figure(WIDESPREAD, WIDESPREAD, caption), planted, data, "image/jpeg")


def _html(rng: random.Random) -> bytes:
    return b"<!doctype html><html><head><title>Moved</title></head><body><p>This picture has moved.</p></body></html>"


_Make = Callable[[random.Random], bytes | None]


def _plain(width: int, height: int, kind: str) -> _Make:
    return lambda rng: image_files.plain(rng, (width, height), kind)


@functools.cache
def _bomb() -> bytes:
    return image_files.bomb()


BOILERPLATE: dict[str, tuple[str, tuple[str, ...], str, _Make]] = {
    "logo": ("site-logo.png", ("filters.image_name/named_as_furniture",), "image/png", _plain(200, 200, "png")),
    "banner": ("summer-banner.jpg", ("filters.image_name/named_as_furniture",), "image/jpeg", _plain(400, 240, "jpeg")),
    "button": ("button-join.png", ("filters.image_name/named_as_furniture",), "image/png", _plain(180, 160, "png")),
    "wide": ("view.jpg", ("filters.aspect_ratio/too_long",), "image/jpeg", _plain(900, 160, "jpeg")),
    "pixel": ("p.gif", ("filters.image_size/too_small",), "image/gif", _plain(1, 1, "gif")),
    "small": ("detail.png", ("filters.image_size/too_small",), "image/png", _plain(48, 48, "png")),
    "bitmap": ("scan.bmp", ("filters.image_format/other_format",), "image/bmp", _plain(220, 200, "bmp")),
    "missing": ("lost.jpg", ("stages.fetch_images/not_found",), "image/jpeg", lambda rng: None),
    "broken": ("half.jpg", ("stages.decode_images/quarantined",), "image/jpeg", image_files.truncated),
    "bomb": ("plain.png", ("stages.decode_images/bomb",), "image/png", lambda rng: _bomb()),
    "html": ("moved.jpg", ("stages.decode_images/not_an_image",), "image/jpeg", _html),
}
"""For each kind of image that must be dropped: end of its file name, steps that may drop it, content type, and the function that
generates its bytes."""
