"""Holds a finished run of the demo against what was planted: did each page and picture come out, or go where expected?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from interloom.jobs.demo.plan import Plan, PlantedImage, PlantedPage
from interloom.schemas.document import Document

OUT = "out"
_NOISE = "record_"
"""Reasons of records that are no capture (requests, warcinfo); they share the URL of their response."""


@dataclass(slots=True)
class Fate:
    """What became of one document: `page` and each picture's URL with the steps that dropped it (`use/reason`) or OUT."""

    url: str = ""
    page: str = ""
    images: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    document: Document | None = None


def check(plan: Plan, decisions: Iterable[Mapping[str, Any]], finished: Iterable[Document]) -> list[str]:
    """One line for each planted thing that did not fare as planned, and for each that nobody planted; empty when all is well.

    `decisions` are rows {id, position, url, use, reason, error}; `finished` are the documents read from the shards.
    """
    fates = _fates(decisions, finished)
    found: dict[str, list[Fate]] = defaultdict(list)
    for fate in fates:
        found[fate.url].append(fate)
    planted: dict[str, list[PlantedPage]] = defaultdict(list)
    for page in plan.pages:
        planted[page.url].append(page)
    problems = [line for url, pages in planted.items() for line in _check_url(pages, found.get(url, []))]
    strangers = [f"{fate.url}: came out, but nobody planted it" for fate in fates if fate.page == OUT and fate.url not in planted]
    return problems + strangers + _check_groups(plan, found)


def _fates(decisions: Iterable[Mapping[str, Any]], finished: Iterable[Document]) -> list[Fate]:
    fates: dict[str, Fate] = defaultdict(Fate)
    for row in decisions:
        reason = row.get("reason") or "quarantined"
        if reason.startswith(_NOISE):
            continue
        fate, event = fates[row["id"]], f"{row['use']}/{reason}"
        if row.get("position") is not None:
            fate.images[_name(row.get("url") or "")].append(event)
        else:
            fate.url, fate.page = row.get("url") or "", event
    for doc in finished:
        fate = fates[doc.id]
        fate.url, fate.page, fate.document = doc.source.url, OUT, doc
        for image in doc.images:
            fate.images[_name(image.url)].append(OUT)
    return list(fates.values())


def _name(url: str) -> str:
    """`data:` URIs are long, and kept in part only."""
    return "data:" if url.startswith("data:") else url


def _check_url(pages: Sequence[PlantedPage], fates: Sequence[Fate]) -> Iterator[str]:
    """Each planted capture of one URL is matched with one document of that URL."""
    left, unmet = list(fates), []
    for page in sorted(pages, key=lambda page: not page.by):
        fate = next((fate for fate in left if _fits(page, fate)), None)
        if fate is None:
            unmet.append(page)
        else:
            left.remove(fate)
            yield from _check_images(page, fate)
    for page in unmet:
        found = left.pop(0).page if left else "no trace"
        yield f"{page.url or 'a record'} ({page.kind}): expected {_expected(page)}, found {found or 'pictures only'}"
    yield from (f"{fate.url}: {fate.page}, once more than it was planted" for fate in left if fate.url)


def _fits(page: PlantedPage, fate: Fate) -> bool:
    if fate.page != OUT:
        return _is_one_of(fate.page, page.by)
    return (not page.by or page.group != "") and fate.document is not None and _same_time(fate.document.source.date, page.date)


def _is_one_of(event: str, by: Sequence[str]) -> bool:
    """`by` holds `use` or `use/reason`."""
    return event in by or event.partition("/")[0] in by


def _same_time(one: str, other: str) -> bool:
    return datetime.fromisoformat(one) == datetime.fromisoformat(other)


def _expected(page: PlantedPage | PlantedImage) -> str:
    return " or ".join(page.by) or OUT


def _check_images(page: PlantedPage, fate: Fate) -> Iterator[str]:
    """Pictures are judged only of documents that came as far as the last step that judges pictures."""
    if fate.page != OUT and not fate.page.startswith("filters.image_count"):
        return
    for image in page.images:
        events = fate.images.get(image.url, [])
        if not any(event == OUT if not image.by else _is_one_of(event, image.by) for event in events):
            what = f"{image.url} ({image.kind}) in {page.url}"
            yield f"{what}: expected {_expected(image)}, found {', '.join(events) or 'no trace'}"
    planted = {image.url for image in page.images}
    for url, events in fate.images.items():
        if OUT in events and (url not in planted or len(events) > 1):
            yield f"{url} in {page.url}: {', '.join(events)}, but it was not planted so"
    yield from _check_captions(page, fate)


def _check_captions(page: PlantedPage, fate: Fate) -> Iterator[str]:
    """A caption stays with its picture and leaves with it."""
    texts = [text.text for text in fate.document.texts] if fate.document else []
    for image in page.images:
        out = OUT in fate.images.get(image.url, [])
        if fate.document and image.caption and out != (image.caption in texts):
            yield f"{image.url} in {page.url}: its caption {'is lost' if out else 'is still there'}: {image.caption}"


def _check_groups(plan: Plan, found: Mapping[str, Sequence[Fate]]) -> list[str]:
    groups: dict[str, list[PlantedPage]] = defaultdict(list)
    for page in plan.pages:
        if page.group:
            groups[page.group].append(page)
    kept = {name: sum(fate.page == OUT for page in pages for fate in found.get(page.url, [])) for name, pages in groups.items()}
    return [f"{name}: {count} of {len(groups[name])} pages came out, expected 1" for name, count in kept.items() if count != 1]
