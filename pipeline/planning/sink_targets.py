"""Checks where the sinks of a recipe would write to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interloom.pipeline.errors import AccessError, FatalError
from interloom.pipeline.planning import graph
from interloom.pipeline.planning.recipe import Problems
from interloom.pipeline.store import places, storage, targets


def check_distinct(run: str, connected: graph.Graph, parameters: Sequence[Mapping[str, Any] | None], problems: Problems) -> None:
    """Finds sinks that would overwrite each other's shards, or take them for a stranger's."""
    taken: dict[str, str] = {}
    for n, node in enumerate(connected.nodes):
        if node.shape != "sink":
            continue
        target = target_of(run, node, parameters[n])
        place = storage.canonical(target)
        for other, key in taken.items():
            if place == other:
                problems.add(("steps", n), f"'{node.key}' and '{key}' write to the same place, {target}")
            elif (place + "/").startswith(other + "/") or (other + "/").startswith(place + "/"):
                problems.add(("steps", n), f"of '{node.key}' and '{key}' one writes into the folder of the other, at {target}")
        taken.setdefault(place, node.key)


def target_of(run: str, node: graph.Node, parameters: Mapping[str, Any] | None) -> str:
    """The folder to which a sink writes."""
    return str((parameters or {}).get("to") or "").rstrip("/") or storage.join(run, node.key)


def check_owned(
    run: str, connected: graph.Graph, parameters: Sequence[Mapping[str, Any] | None], problems: Problems, overwrite: bool
) -> None:
    """Finds sinks to whose folder the run may not write."""
    for n, node in enumerate(connected.nodes):
        if node.shape == "sink" and (problem := refusal(run, target_of(run, node, parameters[n]), overwrite)):
            problems.add(("steps", n), problem)


def refusal(run: str, target: str, overwrite: bool = False) -> str:
    """Why a run may not write to a folder; "" if it may. `overwrite` lets it replace shards of others, and no other files."""
    try:
        if problem := places.misplaced(run, target):
            return problem
        if not overwrite:
            return targets.foreign_data(run.rstrip("/"), target)
        targets.current(run.rstrip("/"), target)
        return ""
    except AccessError:
        if overwrite:  # nothing is known of the folder, and nothing can be replaced there
            return ""
        raise
    except FatalError as error:
        return str(error)
