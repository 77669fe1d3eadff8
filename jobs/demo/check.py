"""Compares a finished run of the demo with what was planted: was each page and image kept, or dropped by the right step?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from interloom.jobs.demo.plan import Plan, PlantedImage, PlantedPage
from interloom.schemas.document import Document

OUT = "out"
_NOT_A_RESPONSE = "record_"
"""How the reasons begin for which records other than responses are dropped (`record_request`). A request has the URL of its
response, so these drops say nothing about the page."""


@dataclass(slots=True)
class Fate:
    """What became of one document: `page` is OUT or the step that dropped it (`use/reason`), and `images` has for the URL of
    each image such a value for every time that it was kept or dropped."""

    url: str = ""
    page: str = ""
    images: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    document: Document | None = None


def check(plan: Plan, decisions: Iterable[Mapping[str, Any]], finished: Iterable[Document]) -> list[str]:
    """One line for each page, image or caption that is not where the plan says, or that was not planted; empty if all is well.

    `decisions` are rows with id, position, url, use, reason and error; `finished` are the documents read from the shards.
    """
    fates = _fates(decisions, finished)
    fates_of: dict[str, list[Fate]] = defaultdict(list)
    for fate in fates:
        fates_of[fate.url].append(fate)
    planted: dict[str, list[PlantedPage]] = defaultdict(list)
    for page in plan.pages:
        planted[page.url].append(page)
    problems = [line for url, pages in planted.items() for line in _check_url(pages, fates_of.get(url, []))]
    not_planted = [f"{fate.url}: kept, but not planted" for fate in fates if fate.page == OUT and fate.url not in planted]
    return problems + not_planted + _check_groups(plan, fates_of)


def _fates(decisions: Iterable[Mapping[str, Any]], finished: Iterable[Document]) -> list[Fate]:
    fates: dict[str, Fate] = defaultdict(Fate)
    for row in decisions:
        reason = row.get("reason") or "quarantined"
        if reason.startswith(_NOT_A_RESPONSE):
            continue
        fate, event = fates[row["id"]], f"{row['use']}/{reason}"
        if row.get("position") is not None:
            fate.images[_short_url(row.get("url") or "")].append(event)
        else:
            fate.url, fate.page = row.get("url") or "", event
    for doc in finished:
        fate = fates[doc.id]
        fate.url, fate.page, fate.document = doc.source.url, OUT, doc
        for image in doc.images:
            fate.images[_short_url(image.url)].append(OUT)
    return list(fates.values())


def _short_url(url: str) -> str:
    """The URL, or `data:` for a data URI, of which the run keeps only the beginning."""
    return "data:" if url.startswith("data:") else url


def _check_url(pages: Sequence[PlantedPage], fates: Sequence[Fate]) -> Iterator[str]:
    """Matches each planted capture of one URL with one document of that URL, and checks the images of the two."""
    unmatched_fates, unmatched_pages = list(fates), []
    for page in sorted(pages, key=lambda page: not page.by):
        fate = next((fate for fate in unmatched_fates if _matches(page, fate)), None)
        if fate is None:
            unmatched_pages.append(page)
        else:
            unmatched_fates.remove(fate)
            yield from _check_images(page, fate)
    for page in unmatched_pages:
        actual = unmatched_fates.pop(0).page if unmatched_fates else "no trace"
        yield f"{page.url or 'a record'} ({page.kind}): expected {_expected(page)}, found {actual or 'only images'}"
    yield from (f"{fate.url}: {fate.page}, more often than it was planted" for fate in unmatched_fates if fate.url)


def _matches(page: PlantedPage, fate: Fate) -> bool:
    """Whether the planted capture can have become this: dropped by an expected step, or kept with its capture time."""
    if fate.page != OUT:
        return _is_one_of(fate.page, page.by)
    return (not page.by or page.group != "") and fate.document is not None and _same_time(fate.document.source.date, page.date)


def _is_one_of(event: str, by: Sequence[str]) -> bool:
    """Whether the step (`use/reason`) is one of `by`, which holds `use` or `use/reason`."""
    return event in by or event.partition("/")[0] in by


def _same_time(first: str, other: str) -> bool:
    return datetime.fromisoformat(first) == datetime.fromisoformat(other)


def _expected(page: PlantedPage | PlantedImage) -> str:
    return " or ".join(page.by) or OUT


def _check_images(page: PlantedPage, fate: Fate) -> Iterator[str]:
    """Checks the images of a document that was kept or dropped by `image_count`; other documents were dropped before their
    images were scored."""
    if fate.page != OUT and not fate.page.startswith("filters.image_count"):
        return
    for image in page.images:
        events = fate.images.get(image.url, [])
        if not any(event == OUT if not image.by else _is_one_of(event, image.by) for event in events):
            name = f"{image.url} ({image.kind}) in {page.url}"
            yield f"{name}: expected {_expected(image)}, found {', '.join(events) or 'no trace'}"
    planted = {image.url for image in page.images}
    for url, events in fate.images.items():
        if OUT in events and (url not in planted or len(events) > 1):
            yield f"{url} in {page.url}: {', '.join(events)}, but planted otherwise"
    yield from _check_captions(page, fate)


def _check_captions(page: PlantedPage, fate: Fate) -> Iterator[str]:
    """Checks that the caption of each kept image is kept, and the caption of each dropped image dropped."""
    texts = [text.text for text in fate.document.texts] if fate.document else []
    for image in page.images:
        kept = OUT in fate.images.get(image.url, [])
        if fate.document and image.caption and kept != (image.caption in texts):
            yield f"{image.url} in {page.url}: its caption {'was lost' if kept else 'was kept'}: {image.caption}"


def _check_groups(plan: Plan, fates_of: Mapping[str, Sequence[Fate]]) -> list[str]:
    """Of each group of duplicates, exactly one page must be kept."""
    groups: dict[str, list[PlantedPage]] = defaultdict(list)
    for page in plan.pages:
        if page.group:
            groups[page.group].append(page)
    kept = {
        name: sum(fate.page == OUT for page in pages for fate in fates_of.get(page.url, [])) for name, pages in groups.items()
    }
    return [f"{name}: {count} of {len(groups[name])} pages were kept, expected 1" for name, count in kept.items() if count != 1]
