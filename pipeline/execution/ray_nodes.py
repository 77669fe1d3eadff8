"""The nodes of the Ray cluster that are up: how many workers of a phase fit them, and how long a phase waits for a node."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from interloom.pipeline.execution.resources import Node, nodes_up
from interloom.pipeline.planning.worker_needs import Needs

WAIT_S = 1800.0
"""How long a phase waits for a node on which its worker fits. GPU nodes of clouds take minutes, scarce ones longer. Our
choice."""
_ASK_AGAIN_S = 1.0
_TELL_AGAIN_S = 60.0


def fitting(needs: Needs, nodes: list[Node]) -> int:
    """How many such workers run on these nodes at a time."""
    return sum(
        int(
            min(
                node.cpus // needs.cpus,
                node.gpus // needs.gpus if needs.gpus else float("inf"),
                node.memory_bytes // needs.memory_bytes if needs.memory_bytes else float("inf"),
                _MANY,
            )
        )
        for node in nodes
    )


_MANY = 1 << 20


def with_memory(needs: Needs, nodes: list[Node]) -> Needs:
    """What a worker takes, with the memory that is reserved for it: what the recipe asks for; else what its steps usually hold,
    but no more than the largest node has on which it fits."""
    if needs.memory_bytes is not None:
        return needs
    largest = max((node.memory_bytes for node in nodes if fitting(needs, [node])), default=float("inf"))
    return replace(needs, memory_bytes=int(min(needs.usual_bytes, largest)) or None)


class Nodes:
    """The nodes that are up. They are asked for again after a second, because they come and go while phases run."""

    def __init__(self) -> None:
        self._asked, self._up = float("-inf"), list[Node]()

    def up(self) -> list[Node]:
        """The nodes that are up now."""
        if time.monotonic() - self._asked > _ASK_AGAIN_S:
            self._asked, self._up = time.monotonic(), nodes_up()
        return self._up

    def fitting(self, needs: Needs) -> int:
        """How many such workers run at a time now."""
        return fitting(needs, self.up())

    def with_memory(self, needs: Needs) -> Needs:
        """What a worker takes with the memory that is reserved for it."""
        return with_memory(needs, self.up())


@dataclass(slots=True)
class Wait:
    """How long a phase has waited for a node, and what is to be told of it. `limit_s` is how long it may."""

    phase: str
    needs: Needs
    limit_s: float
    since: float = 0.0
    told: float = 0.0

    def look(self, now: float, nodes: int, fits: bool) -> str:
        """A line for people when the wait begins, goes on for a minute, and ends; else empty."""
        if fits:
            waited, self.since = now - self.since if self.since else 0.0, 0.0
            return f"{self.phase}: a node with {self.asks} is there after {waited:.0f} s" if waited else ""
        if not self.since:
            self.since = self.told = now
        elif now - self.told < _TELL_AGAIN_S:
            return ""
        self.told = now
        so_far = f"{now - self.since:.0f} of at most {self.limit_s:.0f} s (--wait-for-nodes-s)"
        return f"{self.phase} waits for a node with {self.asks}, which none of {nodes} has: {so_far}"

    @property
    def asks(self) -> str:
        """What one worker takes."""
        return str(Node(self.needs.cpus, self.needs.gpus, self.needs.memory_bytes or 0))

    def is_over(self, now: float) -> bool:
        """Whether it has lasted as long as it may."""
        return bool(self.since) and now - self.since >= self.limit_s

    def failure(self) -> str:
        """Why the phase's units failed."""
        way_out = "check that its node group can start nodes, or give it longer with --wait-for-nodes-s"
        return f"no node with {self.asks} came up within {self.limit_s:.0f} s; {way_out}"
