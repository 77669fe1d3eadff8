"""The pages of the demo crawl that read well: those that come out, and those that are duplicates or lose their pictures."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

from interloom.jobs.demo import images, text
from interloom.jobs.demo.html import Page, render
from interloom.jobs.demo.images import Picture
from interloom.jobs.demo.plan import PlantedPage
from interloom.jobs.demo.text import Article
from interloom.jobs.demo.warc_writer import Capture

WIDESPREAD_PAGES = 15
"""How many good pages show the same picture; `dedup_image` in the recipe allows 10."""
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Planted:
    """A page, its capture, and the captures of its pictures."""

    page: PlantedPage
    capture: Capture
    pictures: tuple[Capture, ...] = ()


@dataclass(frozen=True)
class Slot:
    """A place in the crawl: the `nth` page of its kind and its `number` among all."""

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


def plant(slot: Slot, article: Article, shown: Sequence[Picture] = (), **expected: object) -> Planted:
    """The page as a capture. `expected` are fields of PlantedPage that differ from the slot's (url, by, group, date)."""
    page = PlantedPage(slot.url(article.title), slot.date, slot.kind, images=tuple(p.planted for p in shown))
    page = replace(page, **expected)  # type: ignore[arg-type]
    links = [(f"/2024/related-{n}.html", text.write_title(slot.rng, slot.topic)) for n in range(5)]
    base = images.CDN if any(p.planted.kind == "based" for p in shown) else ""
    layout = Page(article=article, figures=[p.figure for p in shown], links=links, theme=slot.number, base=base)
    captures = [Capture(p.figure.url, page.date, p.content_type, p.data) for p in shown if p.data is not None]
    return Planted(page, Capture(page.url, page.date, HTML, render(layout).encode("utf-8")), tuple(captures))


def pictures(slot: Slot, article: Article, count: int, host: str = "") -> list[Picture]:
    url = slot.url(article.title, host)
    way = images.WAYS[slot.nth % len(images.WAYS)]
    ways = ["based"] if way == "based" else [way, "relative", "absolute"][:count]
    return [images.good(slot.rng, url, f"{slot.topic}-{slot.number}-{n}", way) for n, way in enumerate(ways)]


def good(slot: Slot) -> list[Planted]:
    """Comes out; on most pages one picture of FURNITURE, a doubled or a widespread one must go."""
    article = slot.article()
    shown = pictures(slot, article, 1 + slot.nth % 3)
    kinds = [*images.FURNITURE, "twice", ""]
    kind = kinds[slot.nth % len(kinds)] if shown[0].planted.kind != "based" else ""
    name = f"{slot.topic}-{slot.number}"
    if kind == "twice" and shown[-1].data is not None:
        shown.append(images.twice(shown[-1], name))
    elif kind in images.FURNITURE:
        shown.insert(slot.rng.randrange(len(shown) + 1), images.furniture(slot.rng, slot.url(article.title), name, kind))
    if slot.nth < WIDESPREAD_PAGES:
        shown.append(images.widespread(slot.seed))
    return [plant(slot, article, shown)]


def text_only(slot: Slot) -> list[Planted]:
    return [plant(slot, slot.article(), by=("filters.image_count/too_few_images",))]


def furniture_only(slot: Slot) -> list[Planted]:
    article, kinds = slot.article(), list(images.FURNITURE)
    chosen = [kinds[(slot.nth + step) % len(kinds)] for step in (0, 5)]
    url = slot.url(article.title)
    shown = [images.furniture(slot.rng, url, f"{slot.number}-{n}", kind) for n, kind in enumerate(chosen)]
    return [plant(slot, article, shown, by=("filters.image_count/too_few_images",))]


def mismatched(slot: Slot) -> list[Planted]:
    article = slot.article()
    shown = [images.mismatch(slot.rng, slot.url(article.title), f"{slot.topic}-{slot.number}")]
    return [plant(slot, article, shown, by=("filters.image_count/too_few_images",))]


def exact_duplicate(slot: Slot) -> list[Planted]:
    """The same article and pictures at two sites."""
    article = slot.article()
    shown = pictures(slot, article, 1)
    mirror = slot.url(article.title, f"mirror.{slot.topic}-copies.example")
    copied = [replace(p, figure=replace(p.figure, src=p.figure.url)) for p in shown]
    group, by = f"exact-{slot.nth}", ("stages.dedup_exact/duplicate_text",)
    return [plant(slot, article, shown, by=by, group=group), plant(slot, article, copied, by=by, group=group, url=mirror)]


def near_duplicate(slot: Slot) -> list[Planted]:
    """The same article at two sites, two words of more than 300 changed: a Jaccard similarity of 5-grams over 0.9."""
    article = slot.article(320, 460)
    host = f"www.{slot.topic}-digest.example"
    group, by = f"near-{slot.nth}", ("stages.dedup_minhash/near_duplicate",)
    changed = text.change_words(slot.rng, article, 2)
    copy = plant(slot, changed, pictures(slot, article, 1, host), by=by, group=group, url=slot.url(article.title, host))
    return [plant(slot, article, pictures(slot, article, 1), by=by, group=group), copy]


def same_url(slot: Slot) -> list[Planted]:
    """Crawled twice: the newer capture comes out."""
    article = slot.article(250, 440)
    shown = pictures(slot, article, 1)
    older = replace(article, blocks=article.blocks[:-1])
    earlier = _iso(datetime(2023, 7, 1, 12, tzinfo=UTC) + timedelta(minutes=slot.number))
    return [plant(slot, article, shown), plant(slot, older, shown, by=("stages.dedup_url/duplicate_url",), date=earlier)]
