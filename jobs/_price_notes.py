"""What `plan --sample` says beside the price: what the sample was, what a run would warn of, and what it cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from interloom.pipeline.execution.balance import Book
from interloom.pipeline.execution.losses import losses
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.pricing.costs import Sample
from interloom.pipeline.pricing.price import Price
from interloom.pipeline.pricing.runs import asks_web_sites

_ENOUGH = 10
"""Of fewer documents or images of a sample a share says little. Our choice."""


def notes(plan: Plan, price: Price, sample: Sample, keeps: Mapping[str, float]) -> Iterator[str]:
    """The lines, in the order in which they are to be read."""
    yield from _looked_at(sample)
    for loss in losses(plan.steps, sample.large.books, _ENOUGH):
        yield loss.text()
    for quarantined in _quarantines(sample.large.books):
        yield quarantined.text(plan.max_error_rate)
    for step in price.steps:
        if not step.flow.sampled and step.key not in sample.sources:
            yield f"{step.key}: no document of the sample came so far; take a larger one: its cost is not in the sums"
    if asking := asks_web_sites(plan):
        yield (
            f"{', '.join(asking)}: the sample asked web sites, for an eighth of its images three times, and the run asks them "
            "again; waits for limits of hosts are not in the time by the clock"
        )
    unlike = [step.key for step in plan.steps if step.shape == "global" and step.key not in keeps]
    if unlike and any(step.flow.scale > 1 for step in price.steps):
        yield f"{', '.join(unlike)}: a sample holds little of what belongs together; give --keeps STEP=SHARE if you know better"
    if any(step.gpu_s is None for step in price.steps):
        yield "GPU s: this machine has no GPU; the sample ran on CPUs, and its CPU seconds stand for a CPU"


def of_sample(plan: Plan, sample: Sample) -> dict[str, Any]:
    """The same about the sample for machines: what was read of each source, what a run would warn of, what was quarantined."""
    read = {
        key: {"files": source.files_read, "of_files": source.files, "share": round(source.share, 6)}
        for key, source in sample.sources.items()
    }
    return {
        "read": read,
        "warnings": [asdict(loss) for loss in losses(plan.steps, sample.large.books, _ENOUGH)],
        "quarantined": [asdict(each) for each in _quarantines(sample.large.books)],
        "max_error_rate": plan.max_error_rate,
        "asks_web_sites": asks_web_sites(plan),
    }


def _looked_at(sample: Sample) -> Iterator[str]:
    for key, source in sample.sources.items():
        line = f"{key}: the sample is from {source.files_read:,} of {source.files:,} files, {source.share:.1%} of the input"
        later = "; only the beginnings of files were read: if what comes later differs, the price does, too"
        yield line + (later if source.is_of_beginnings else "")


@dataclass(frozen=True, slots=True)
class _Quarantine:
    """A step quarantined so many of the documents or images that came to it in the sample."""

    step: str
    kind: str
    count: int
    of: int

    def text(self, allowed: float) -> str:
        share = self.count / self.of
        what = f"{self.step} quarantined {self.count:,} of {self.of:,} {self.kind} of the sample ({100 * share:.2g}%)"
        if share > allowed:
            return f"warning: {what}; a run stops above max_error_rate, {100 * allowed:.3g}%"
        return f"{what}; max_error_rate allows {100 * allowed:.3g}%"


def _quarantines(books: Mapping[str, Book]) -> Iterator[_Quarantine]:
    for key, book in books.items():
        for kind, account in (("documents", book.documents), ("images", book.images)):
            if account.quarantined:
                yield _Quarantine(key, kind, account.quarantined, account.seen)
