"""In which order steps cost least: what an order costs, and which step had better stand further up.

Documents that a step drops cost the steps below it nothing. Of two steps that may stand in either order the one with the lower
cost per dropped document, cost / (1 - share that passes), is to come first; sorted by it, a chain costs least.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A step of a chain: its seconds a document, and the share of documents that it lets through."""

    key: str
    seconds: float
    passes: float

    @property
    def rank(self) -> float:
        """Seconds for each document that it drops."""
        return self.seconds / (1 - self.passes) if self.passes < 1 else float("inf")


@dataclass(frozen=True, slots=True)
class Move:
    """A step that had better stand before another one, and the seconds that this saves."""

    key: str
    before: str
    saves_s: float


MayPrecede = Callable[[str, str], bool]
"""Whether the first step, which stands below the second, may as well stand above it."""


def seconds(documents: float, groups: Sequence[Sequence[Part]]) -> float:
    """The seconds of an order. The steps of a group run side by side on all documents that come to it, and the slowest counts."""
    total = 0.0
    for group in groups:
        total += documents * max(part.seconds for part in group)
        for part in group:
            documents *= part.passes
    return total


def moves(documents: float, chain: Sequence[Part], may_precede: MayPrecede, least_s: float = 0.0) -> list[Move]:
    """The moves, best first, that make a chain cheaper, each by more than so many seconds after those before it."""
    advised, order = list[Move](), list(chain)
    while move := _best(documents, order, may_precede, least_s):
        advised.append(move[0])
        order = move[1]
    return advised


def moved(chain: Sequence[Part], steps: Sequence[Move]) -> list[Part]:
    """The chain after these moves."""
    order = list(chain)
    for move in steps:
        part = next(part for part in order if part.key == move.key)
        order.remove(part)
        order.insert(next(place for place, other in enumerate(order) if other.key == move.before), part)
    return order


def _best(documents: float, order: Sequence[Part], may_precede: MayPrecede, least_s: float) -> tuple[Move, list[Part]] | None:
    now, best = seconds(documents, [[part] for part in order]), None
    for place, part in enumerate(order):
        for above in range(place - 1, -1, -1):
            if not may_precede(part.key, order[above].key):
                break
            after = [*order[:above], part, *order[above:place], *order[place + 1 :]]
            saves_s = now - seconds(documents, [[other] for other in after])
            if saves_s > max(least_s, now * 1e-9) and (best is None or saves_s > best[0].saves_s):
                best = Move(part.key, order[above].key, saves_s), after
    return best
