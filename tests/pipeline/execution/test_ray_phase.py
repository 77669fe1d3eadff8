"""A phase on Ray without Ray: which copy of a unit counts, what runs again, and what fails when no node comes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.execution.ray_nodes import Wait
from interloom.pipeline.execution.ray_outcomes import Ended
from interloom.pipeline.execution.ray_phase import PhaseOnRay
from interloom.pipeline.execution.units import Unit
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.planning.worker_needs import Needs
from interloom.pipeline.store.commits import Commit, FailedUnit, write_commit

PHASE = Phase("score", "documents", "f")
A, B = Unit(id="a"), Unit(id="b")


class InMemory:
    """Workers that do nothing: what they were told to do is in their lists."""

    def __init__(self) -> None:
        self.submitted: list[str] = []
        self.copied: list[str] = []
        self.dropped: list[str] = []

    def submit(self, unit: Unit) -> bool:
        self.submitted.append(unit.id)
        return True

    def copy(self, unit: Unit) -> bool:
        self.copied.append(unit.id)
        return True

    def drop(self, unit: Unit) -> list[Ended]:
        self.dropped.append(unit.id)
        return []

    def abandon(self) -> list[Unit]:
        return [A, B]

    def keep_busy(self) -> None: ...
    def refs(self) -> list[Any]:
        return []

    def take(self, ref: Any) -> list[Ended]:
        return []

    def close(self) -> None: ...


class Made:
    """A phase with the units a and b in flight, of which b has ended after no time at all; a is slow at once."""

    def __init__(self, run: Path, limit_s: float = 60.0) -> None:
        self.workers, self.told, self.run = InMemory(), list[str](), str(run)
        kept = (Wait("score", Needs(), limit_s), self.told.append)
        self.phase = PhaseOnRay(self.run, PHASE, self.workers, kept, ({"worker": 2, "memory": 2, "node": 2}, (0.0, 0.0)))
        for unit in (A, B):
            self.phase.submit(unit)

    def commit(self, unit: Unit) -> None:
        write_commit(self.run, PHASE, Commit(unit.id, "score", {}, ()))

    def copied(self) -> Made:
        """The same once a has got its copy."""
        self.commit(B)
        self.phase.enter(Ended(B))
        self.phase.may_copy = True
        time.sleep(0.01)
        assert list(self.phase.look_around(1, 1)) == []
        assert self.workers.copied == ["a"]
        return self


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def test_a_slow_unit_is_named_and_gets_one_copy_once_half_of_the_phase_is_done(made: Made) -> None:
    made.commit(B)
    made.phase.enter(Ended(B))
    time.sleep(0.01)
    list(made.phase.look_around(1, 1))
    assert [line.partition(" runs ")[0] for line in made.told] == ["score: unit a"]
    assert made.workers.copied == []
    made.phase.may_copy = True
    for _ in range(3):
        list(made.phase.look_around(1, 1))
    assert made.workers.copied == ["a"]


def test_the_first_copy_that_ends_counts_and_the_other_is_dropped_and_not_heard(made: Made) -> None:
    made.copied().commit(A)
    first = made.phase.enter(Ended(A))
    assert isinstance(first, Commit)
    assert (first.unit, made.workers.dropped) == ("a", ["a"])
    assert made.phase.enter(Ended(A)) is None
    assert made.phase.enter(Ended(A, "worker", "killed")) is None
    assert made.workers.submitted == ["a", "b"]


@pytest.mark.parametrize("ended", [Ended(A, "node", "its node died"), Ended(A, message="it failed")])
def test_while_a_copy_goes_on_the_loss_of_the_other_is_nothing(made: Made, ended: Ended) -> None:
    made.copied()
    assert made.phase.enter(ended) is None
    made.commit(A)
    assert isinstance(made.phase.enter(Ended(A)), Commit)
    assert made.workers.submitted == ["a", "b"]


def test_when_both_copies_fail_the_unit_has_failed(made: Made) -> None:
    made.copied()
    assert made.phase.enter(Ended(A, message="it failed")) is None
    assert made.phase.enter(Ended(A, message="it failed again")) == FailedUnit("a", "score", "it failed again")


def test_a_unit_that_lost_its_worker_is_submitted_again_until_it_was_tried_often_enough(made: Made) -> None:
    assert made.phase.enter(Ended(A, "worker", "killed")) is None
    list(made.phase.look_around(1, 1))
    assert made.workers.submitted == ["a", "b", "a"]
    assert made.phase.enter(Ended(A, "worker", "killed")) == FailedUnit("a", "score", "lost its worker 2 times (worker): killed")


def test_units_for_which_no_node_came_in_time_fail(tmp_path: Path) -> None:
    made = Made(tmp_path, limit_s=0)
    failed = list(made.phase.look_around(3, 0))
    assert [(unit.unit, unit.message.partition(";")[0]) for unit in failed] == [
        (name, "no node with 1 CPUs, 0 GPUs came up within 0 s") for name in "ab"
    ]
    assert made.told == ["score waits for a node with 1 CPUs, 0 GPUs, which none of 3 has: 0 of at most 0 s (--wait-for-nodes-s)"]
