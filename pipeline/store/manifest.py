"""A sink's manifest: written last, so its presence means the shards are whole. Beside it a card for people."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution import books
from interloom.pipeline.execution.units import Done
from interloom.pipeline.planning.fingerprint import digest
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.stage import Sink
from interloom.pipeline.store import card, commits, storage
from interloom.pipeline.store.shards import shard_info, sink_folder
from interloom.schemas.table import SCHEMA_VERSION

MANIFEST, _CARD = "manifest.json", "README.md"
_MARK = "writing.json"
_NUMBER = re.compile(r"\d+")


def begin(plan: Plan, phase: Phase, units: Sequence[str]) -> None:
    """Marks the sink's place as being written by these units. If others wrote there since, their shards are replaced:
    the phase's own commits no longer count, and the manifest goes."""
    folder, mark = _folder(plan, phase), digest(phase.fingerprint, units)
    there = _there(folder)
    if there.get("fingerprint") == mark:
        return
    commits.forget(plan.run, phase)
    storage.write(storage.join(folder, _MARK), json.dumps({"fingerprint": mark, "stale": _named(there)}).encode())
    storage.remove(storage.join(folder, MANIFEST))


def _there(folder: str) -> dict[str, Any]:
    """The manifest, or else the mark of who is writing. Raises FatalError for a file of that name that is neither."""
    path = next((p for name in (MANIFEST, _MARK) if storage.exists(p := storage.join(folder, name))), None)
    if path is None:
        return {}
    try:
        found = json.loads(storage.read(path))
    except ValueError:
        found = None
    if not isinstance(found, dict) or "fingerprint" not in found:
        raise FatalError(f"{path}: not written by us and would be replaced; send the shards to a folder of their own")
    return found


def _named(there: dict[str, Any]) -> list[str]:
    """The files that a manifest names, or a mark took over from one; none outside its folder."""
    shards = [file["name"] for shard in there.get("shards", ()) for file in shard["files"]]
    names = [*shards, *there.get("indexes", ()), *there.get("stale", ())]
    return [name for name in names if ".." not in name.split("/")]


def _folder(plan: Plan, phase: Phase) -> str:
    step = phase.steps[0]
    sink: Sink = step.build()
    return sink_folder(plan.run, step.key, sink)


def finish(plan: Plan, phase: Phase, done: Done, every: Sequence[commits.Commit]) -> None:
    """Indexes, card and manifest of a sink; what is left of the shards it replaces is removed."""
    folder, mark = _folder(plan, phase), digest(phase.fingerprint, [one["unit"] for one in done.commits(phase.name)])
    there = _there(folder)
    if there.get("fingerprint") == mark and "shards" in there:
        return
    step = phase.steps[0]
    written = [info for one in done.commits(phase.name) for info in one["written"]]
    indexes = _finish_sink(step.build(), written, folder)
    totals = books.total(one["books"] for one in every)
    funnel = {step.key: totals[step.key] for step in plan.steps if step.key in totals}
    storage.write(storage.join(folder, _CARD), card.write(plan, step.key, written, funnel).encode())
    names = {file["name"] for info in written for file in info["files"]} | {*indexes, _CARD, MANIFEST}
    for name in {*_named(there), *_alike(folder, names), _MARK} - names:
        storage.remove(storage.join(folder, name))
    storage.write(storage.join(folder, MANIFEST), _encoded(plan, (mark, indexes), written, funnel))


def _alike(folder: str, names: Iterable[str]) -> list[str]:
    """Files beside the shards whose names differ from theirs in the number only. The folder may hold anything else."""
    shapes = {_NUMBER.sub("0", name) for name in names}
    return [name for name in storage.list_names(folder) if _NUMBER.sub("0", name) in shapes]


def _finish_sink(sink: Sink, written: Sequence[dict[str, Any]], folder: str) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="interloom-") as local:
        names = list(sink.finish([shard_info(info) for info in written], Path(local)))
        for name in names:
            storage.upload(Path(local) / name, storage.join(folder, name))
    return names


def _encoded(plan: Plan, about: tuple[str, list[str]], written: Sequence[dict[str, Any]], funnel: dict[str, books.Book]) -> bytes:
    shards = [{"files": info["files"], "documents": info["documents"], "images": info["images"]} for info in written]
    steps = [{"key": step.key, "use": step.use, "with": step.parameters, "from": step.inputs} for step in plan.steps]
    counts = {key: {name: value for name, value in asdict(book).items() if name != "seconds"} for key, book in funnel.items()}
    value = {
        "name": plan.name,
        "seed": plan.seed,
        "schema_version": SCHEMA_VERSION,
        "fingerprint": about[0],
        "documents": sum(info["documents"] for info in written),
        "images": sum(info["images"] for info in written),
        "shards": shards,
        "indexes": about[1],
        "steps": steps,
        "funnel": counts,
    }
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1).encode()
