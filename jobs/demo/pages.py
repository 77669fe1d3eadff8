"""The pages of the demo crawl with good text: pages to be kept, duplicates, and pages whose images must be dropped."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

from interloom.jobs.demo import page_images, text
from interloom.jobs.demo.html import Page, render
from interloom.jobs.demo.page_images import PageImage
from interloom.jobs.demo.plan import PlantedPage
from interloom.jobs.demo.text import Article
from interloom.jobs.demo.warc_writer import Capture

WIDESPREAD_PAGES = 15
"""How many good pages show the same image; `dedup_image` allows 10 by default."""
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Planted:
    """A page, its capture, and the captures of its images."""

    page: PlantedPage
    capture: Capture
    images: tuple[Capture, ...] = ()


@dataclass(frozen=True)
class Slot:
    """A position in the crawl: the `nth` page of its kind and the `number` of the page among all. Its random generator depends
    on the seed, the kind and `nth` alone."""

    seed: int
    kind: str
    nth: int
    number: int

    @cached_property
    def rng(self) -> random.Random:
        return random.Random(f"{self.seed}/{self.kind}/{self.nth}")

    @property
    def topic(self) -> str:
        return text.topics()[self.number % len(text.topics())]

    @property
    def date(self) -> str:
        return _iso(datetime(2024, 3, 1, tzinfo=UTC) + timedelta(minutes=self.number))

    def url(self, title: str, host: str = "") -> str:
        slug = re.sub(r"[^a-z]+", "-", title.lower()).strip("-")[:48]
        return f"https://{host or f'www.{self.topic}-notes.example'}/2024/{slug or 'page'}-{self.number}.html"

    def article(self, low: int = 180, high: int = 440) -> Article:
        return text.write_article(self.rng, self.topic, self.rng.randint(low, high))


def _iso(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def plant(slot: Slot, article: Article, shown: Sequence[PageImage] = (), **expected: object) -> Planted:
    """The page as a capture, with these images. `expected` are fields of PlantedPage (url, by, group, date) that are not the
    slot's."""
    page = PlantedPage(slot.url(article.title), slot.date, slot.kind, images=tuple(p.planted for p in shown))
    page = replace(page, **expected)  # type: ignore[arg-type]
    links = [(f"/2024/related-{n}.html", text.write_title(slot.rng, slot.topic)) for n in range(5)]
    base = page_images.CDN if any(p.planted.kind == "based" for p in shown) else ""
    layout = Page(article=article, figures=[p.figure for p in shown], links=links, theme=slot.number, base=base)
    captures = [Capture(p.figure.url, page.date, p.content_type, p.data) for p in shown if p.data is not None]
    return Planted(page, Capture(page.url, page.date, HTML, render(layout).encode("utf-8")), tuple(captures))


def captioned_images(slot: Slot, article: Article, count: int, host: str = "") -> list[PageImage]:
    """Up to `count` images to be kept; the first is referred to in another way on each page."""
    url = slot.url(article.title, host)
    way = page_images.WAYS[slot.nth % len(page_images.WAYS)]
    ways = ["based"] if way == "based" else [way, "relative", "absolute"][:count]
    return [page_images.good(slot.rng, url, f"{slot.topic}-{slot.number}-{n}", way) for n, way in enumerate(ways)]


def good(slot: Slot) -> list[Planted]:
    """A page to be kept; most of these pages have an image that must be dropped: boilerplate, repeated or widespread."""
    article = slot.article()
    shown = captioned_images(slot, article, 1 + slot.nth % 3)
    kinds = [*page_images.BOILERPLATE, "twice", ""]
    kind = kinds[slot.nth % len(kinds)] if shown[0].planted.kind != "based" else ""
    name = f"{slot.topic}-{slot.number}"
    if kind == "twice" and shown[-1].data is not None:
        shown.append(page_images.repeated(shown[-1], name))
    elif kind in page_images.BOILERPLATE:
        shown.insert(slot.rng.randrange(len(shown) + 1), page_images.boilerplate(slot.rng, slot.url(article.title), name, kind))
    if slot.nth < WIDESPREAD_PAGES:
        shown.append(page_images.widespread(slot.seed))
    return [plant(slot, article, shown)]


def text_only(slot: Slot) -> list[Planted]:
    """An article without images."""
    return [plant(slot, slot.article(), by=("filters.image_count/too_few_images",))]


def boilerplate_only(slot: Slot) -> list[Planted]:
    """An article with two images that must be dropped."""
    article, kinds = slot.article(), list(page_images.BOILERPLATE)
    chosen = [kinds[(slot.nth + step) % len(kinds)] for step in (0, 5)]
    url = slot.url(article.title)
    shown = [page_images.boilerplate(slot.rng, url, f"{slot.number}-{n}", kind) for n, kind in enumerate(chosen)]
    return [plant(slot, article, shown, by=("filters.image_count/too_few_images",))]


def mismatched(slot: Slot) -> list[Planted]:
    """An article with an image whose caption does not describe it."""
    article = slot.article()
    shown = [page_images.mismatch(slot.rng, slot.url(article.title), f"{slot.topic}-{slot.number}")]
    return [plant(slot, article, shown, by=("filters.image_count/too_few_images",))]


def exact_duplicate(slot: Slot) -> list[Planted]:
    """The same article and images at two sites."""
    article = slot.article()
    shown = captioned_images(slot, article, 1)
    mirror = slot.url(article.title, f"mirror.{slot.topic}-copies.example")
    copied = [replace(p, figure=replace(p.figure, src=p.figure.url)) for p in shown]
    group, by = f"exact-{slot.nth}", ("stages.dedup_exact/duplicate_text",)
    return [plant(slot, article, shown, by=by, group=group), plant(slot, article, copied, by=by, group=group, url=mirror)]


def near_duplicate(slot: Slot) -> list[Planted]:
    """The same article at two sites, with two of more than 300 words changed: the Jaccard similarity of 5-grams is over 0.9."""
    article = slot.article(320, 460)
    host = f"www.{slot.topic}-digest.example"
    group, by = f"near-{slot.nth}", ("stages.dedup_minhash/near_duplicate",)
    changed = text.change_words(slot.rng, article, 2)
    copy = plant(slot, changed, captioned_images(slot, article, 1, host), by=by, group=group, url=slot.url(article.title, host))
    return [plant(slot, article, captioned_images(slot, article, 1), by=by, group=group), copy]


def same_url(slot: Slot) -> list[Planted]:
    """A page captured twice; the newer capture is to be kept."""
    article = slot.article(250, 440)
    shown = captioned_images(slot, article, 1)
    older = replace(article, blocks=article.blocks[:-1])
    earlier = _iso(datetime(2023, 7, 1, 12, tzinfo=UTC) + timedelta(minutes=slot.number))
    return [plant(slot, article, shown), plant(slot, older, shown, by=("stages.dedup_url/duplicate_url",), date=earlier)]
