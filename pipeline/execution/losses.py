"""Losses that look like a mistake: a step that drops nearly all for one reason, or leaves no image of those named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution.balance import Account, Book
from interloom.pipeline.planning.plan import PlannedStep
from interloom.pipeline.stage import Sink, Step

_SHARE = 0.9
"""A step that drops such a share for one reason is told of. Our choice."""
ENOUGH = 100
"""Of fewer documents or images of a run a share says little. Our choice."""
QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Loss:
    """A step dropped so many of its documents or images for one reason; `cause` is the likely one, "" if none is known."""

    step: str
    kind: str
    reason: str
    count: int
    of: int
    cause: str = ""

    def text(self, run: str = "") -> str:
        """The warning in a line, with the command that shows more; without a run it is about a sample, which is gone."""
        cause = f"; {self.cause}" if self.cause else ""
        how_many = f"{self.count:,} of {self.of:,} {self.kind}{'' if run else ' of the sample'} as {self.reason}"
        more = f"; `interloom why {run} --step {self.step} --reason {self.reason}`" if run else ""
        return f"warning: {self.step} dropped {how_many}{cause}{more}"


def losses(steps: Sequence[PlannedStep], books: Mapping[str, Book], enough: int = ENOUGH) -> list[Loss]:
    """The losses of a run or of a part of it, in the order of its steps. `books` by the key of the step; of fewer than `enough`
    documents or images a share says too little. Of a step whose plug-in is not on this machine no cause is known."""
    return [loss for step in steps if step.key in books for loss in _of_step(step, books[step.key], enough)]


def _of_step(step: PlannedStep, book: Book, enough: int) -> Iterator[Loss]:
    plugin = _plugin(step)
    causes = plugin.causes if plugin else {}
    for kind, account in (("documents", book.documents), ("images", book.images)):
        reason, count = _main_reason(account)
        is_none_left = kind == "documents" and account.seen == count  # which no selection means
        is_meant = not is_none_left and causes.get(reason, "") is None
        is_meant = is_meant or (kind == "images" and _leaves_images_out(step, plugin))
        is_all = kind == "images" and count and not account.out and not account.left
        if not is_meant and (is_all or (account.seen >= enough and count >= _SHARE * account.seen)):
            yield Loss(step.key, kind, reason, count, account.seen, causes.get(reason) or "")


def _main_reason(account: Account) -> tuple[str, int]:
    counts = {**account.dropped, QUARANTINED: account.quarantined}
    return max(counts.items(), key=lambda item: (item[1], item[0]))


def _plugin(step: PlannedStep) -> type[Step] | None:
    try:
        return step.attributes
    except ConfigError:
        return None


def _leaves_images_out(step: PlannedStep, plugin: type[Step] | None) -> bool:
    return plugin is not None and issubclass(plugin, Sink) and not step.build_as(Sink).holds_images()
