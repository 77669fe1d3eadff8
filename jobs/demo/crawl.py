"""Generates a small web crawl with planted faults and duplicates, and writes down what was planted."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from interloom.jobs.demo import bad_pages, pages
from interloom.jobs.demo.pages import Planted, Slot
from interloom.jobs.demo.plan import Plan
from interloom.jobs.demo.warc_writer import Capture, write_warc

FILES = 3
PAGES = 300
KINDS: dict[Callable[[Slot], list[Planted]], int] = {
    pages.good: 138,
    pages.text_only: 8,
    pages.boilerplate_only: 12,
    pages.mismatched: 10,
    pages.exact_duplicate: 10,
    pages.near_duplicate: 12,
    pages.same_url: 6,
    bad_pages.short: 8,
    bad_pages.repeated: 6,
    bad_pages.gibberish: 6,
    bad_pages.hashtags: 4,
    bad_pages.short_lines: 4,
    bad_pages.foreign: 18,
    bad_pages.lorem_ipsum: 3,
    bad_pages.curly_bracket: 3,
    bad_pages.javascript: 3,
    bad_pages.blocked_url: 6,
    bad_pages.empty: 4,
    bad_pages.not_found: 5,
    bad_pages.not_html: 5,
}
"""How often each kind is planted in a crawl of 300 pages; each duplicate is a pair of pages."""


def make_crawl(folder: Path, seed: int = 17, pages: int = PAGES) -> Plan:
    """Writes `crawl-<n>.warc.gz` and `planted.json` into the folder, about `pages` pages; a seed always gives the same bytes.

    The last file ends in the middle of its last record. The capture of an image is often in another file than its page.
    Raises ValueError for fewer than 60 pages, because the image that must be shown on more than ten pages needs so many.
    """
    if pages < 60:
        raise ValueError(f"pages: {pages} are too few; give at least 60")
    planted = list(_planted(seed, pages))
    lost = _lost(seed, len(planted))
    folder.mkdir(parents=True, exist_ok=True)
    for number, captures in enumerate(_files(seed, planted)):
        last = number == FILES - 1
        data = write_warc([*captures, lost.capture] if last else captures, break_off=last)
        (folder / f"crawl-{number:05d}.warc.gz").write_bytes(data)
    plan = Plan(seed, tuple(p.page for p in (*planted, lost)))
    plan.save(folder / "planted.json")
    return plan


def _planted(seed: int, pages: int) -> Iterator[Planted]:
    number = 0
    for make, share in KINDS.items():
        for nth in range(max(1, round(share * pages / PAGES))):
            yield from make(Slot(seed, make.__name__, nth, number))
            number += 1


def _lost(seed: int, number: int) -> Planted:
    """A page whose record is cut off, so that not even its URL can be read."""
    [planted] = pages.good(Slot(seed, "truncated", number, number))
    return replace(planted, page=replace(planted.page, url="", by=("stages.read_warc/quarantined",), images=()), images=())


def _files(seed: int, planted: list[Planted]) -> list[list[Capture]]:
    """Distributes the captures over the files in random order; an image that several pages show is captured once."""
    rng = random.Random(f"{seed}/files")
    images = {capture.url: capture for p in planted for capture in p.images}
    files: list[list[Capture]] = [[] for _ in range(FILES)]
    for capture in (*(p.capture for p in planted), *images.values()):
        rng.choice(files).append(capture)
    for captures in files:
        rng.shuffle(captures)
    return files
