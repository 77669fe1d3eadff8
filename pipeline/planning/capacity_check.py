"""Checks that the machine or cluster has what each step asks for: a worker that fits nowhere would be waited for for ever."""

from __future__ import annotations

from interloom.pipeline.execution.resources import Capacity, Node, fits_nowhere
from interloom.pipeline.planning.recipe import Problems
from interloom.schemas.recipe import Recipe


def check_capacity(recipe: Recipe, capacity: Capacity, problems: Problems) -> None:
    """Finds steps that ask for more than there is in all, or for more for one worker than any node has."""
    for n, line in enumerate(recipe.steps):
        asked, too_much = line.resources, False
        for name, want, have in (("cpus", asked.cpus, capacity.cpus), ("gpus", asked.gpus, capacity.gpus)):
            if want * (asked.workers or 1) > have:
                many = f"{asked.workers} workers x {want:g}" if asked.workers else f"{want:g}"
                problems.add(("steps", n, "resources", name), f"{line.use} asks for {many} {name}; {capacity.where} has {have:g}")
                too_much = True
        worker = Node(asked.cpus, asked.gpus, asked.memory_bytes or 0)
        if not too_much and capacity.nodes and not any(node.holds(worker) for node in capacity.nodes):
            problems.add(("steps", n, "resources"), fits_nowhere(line.use, worker, capacity.nodes, capacity.where))
