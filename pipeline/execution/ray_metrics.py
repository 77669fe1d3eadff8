"""Counts of a run as metrics of Ray, which Prometheus reads from the node that the driver runs on."""

from __future__ import annotations

from interloom.pipeline.execution.balance import Book
from interloom.pipeline.execution.phase_run import Progress
from interloom.pipeline.store.commits import Commit, FailedUnit

_SECONDS = [0.1, 1.0, 10.0, 60.0, 300.0, 1800.0]
"""Borders of the histogram of units' seconds: a unit is cut to about a minute. Our choice."""


class Metrics:
    """Units, documents, images, bytes, errors and seconds: by phase for units and bytes, by step for the others. Ray puts `ray_`
    before their names."""

    def __init__(self) -> None:
        from ray.util.metrics import Counter, Histogram

        self._units = Counter("interloom_units", "Units that ended", ("phase", "status"))
        self._bytes = Counter("interloom_bytes", "Bytes that units stored", ("phase",))
        self._unit_s = Histogram("interloom_unit_seconds", "Seconds of work of a unit", _SECONDS, ("phase",))
        self._documents = Counter("interloom_documents", "Documents that went into a step", ("step",))
        self._images = Counter("interloom_images", "Images that went into a step", ("step",))
        self._dropped = Counter("interloom_dropped", "Documents and images that a step dropped", ("step",))
        self._errors = Counter("interloom_errors", "Documents and images that a step quarantined", ("step",))
        self._step_s = Counter("interloom_step_seconds", "Seconds of work of a step", ("step",))

    def count(self, progress: Progress) -> None:
        """Counts the unit that has ended, if one has."""
        if isinstance(progress.ended, FailedUnit):
            self._units.inc(1, {"phase": progress.phase, "status": "failed"})
        elif progress.ended is not None:
            self._unit(progress.ended)

    def _unit(self, commit: Commit) -> None:
        phase = {"phase": commit.phase}
        self._units.inc(1, phase | {"status": "done"})
        self._unit_s.observe(max(commit.seconds, 1e-6), phase)
        if size := sum(commit.stored_bytes().values()):
            self._bytes.inc(size, phase)
        for key, book in commit.books.items():
            self._step(key, book)

    def _step(self, key: str, book: Book) -> None:
        documents, images = book.documents, book.images
        numbers = (
            (self._documents, documents.seen),
            (self._images, images.seen),
            (self._dropped, sum(documents.dropped.values()) + sum(images.dropped.values())),
            (self._errors, documents.quarantined + images.quarantined),
            (self._step_s, book.seconds),
        )
        for counter, number in numbers:
            if number:  # a counter of Ray takes no zero
                counter.inc(number, {"step": key})
