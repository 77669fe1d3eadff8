"""How many documents of the whole input reach each step, by the shares that the sample's steps let through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from interloom.pipeline.execution.balance import Book
from interloom.pipeline.planning.plan import Plan


@dataclass(frozen=True, slots=True)
class Flow:
    """Documents that go into a step and come out of it, in the whole run; `sampled` went into it in the sample."""

    into: float
    out: float
    sampled: int

    @property
    def scale(self) -> float:
        """How many documents of the whole run one of the sample stands for."""
        return self.into / self.sampled if self.sampled else 0.0

    @property
    def passes(self) -> float:
        return self.out / self.into if self.into else 1.0


def flows(plan: Plan, books: Mapping[str, Book], records: Mapping[str, float], keeps: Mapping[str, float]) -> dict[str, Flow]:
    """The flow of each step.

    Parameters:
        plan: The plan of the whole run.
        books: The books of the sample.
        records: How many records each source has.
        keeps: The shares that steps let through, where the sample is not to be believed.
    """
    flow_of: dict[str, Flow] = {}
    for step in plan.steps:
        documents = books.get(step.key, Book()).documents
        into = records[step.key] if step.shape == "source" else sum(flow_of[key].out for key in step.inputs)
        passes = documents.out / documents.into if documents.into else 1.0
        flow_of[step.key] = Flow(into, into * keeps.get(step.key, passes), documents.into)
    return flow_of
