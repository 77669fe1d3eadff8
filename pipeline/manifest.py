"""A sink's manifest: written last, so its presence means the shards are whole. Beside it a card for people."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline import books, card, commits, storage
from pipeline.phases import Phase
from pipeline.plan import Plan
from pipeline.shards import shard_info, sink_folder
from pipeline.stage import Sink
from pipeline.units import Done
from schemas.table import SCHEMA_VERSION

MANIFEST = "manifest.json"
_MARK = "writing.json"


def begin(plan: Plan, phase: Phase) -> None:
    """Marks the sink's place as being written by this phase. If another one wrote there since, its shards are replaced:
    the manifest goes first, and this phase's own commits no longer count."""
    folder = _folder(plan, phase)
    here = _mark(folder, MANIFEST) or _mark(folder, _MARK)
    if here == phase.fingerprint:
        return
    storage.remove(storage.join(folder, MANIFEST))
    commits.forget(plan.run, phase)
    storage.write(storage.join(folder, _MARK), json.dumps({"fingerprint": phase.fingerprint}).encode())


def _mark(folder: str, name: str) -> str:
    path = storage.join(folder, name)
    return str(json.loads(storage.read(path))["fingerprint"]) if storage.exists(path) else ""


def _folder(plan: Plan, phase: Phase) -> str:
    step = phase.steps[0]
    sink: Sink = step.build()
    return sink_folder(plan.run, step.key, sink)


def finish(plan: Plan, phase: Phase, done: Done, every: Sequence[commits.Commit]) -> None:
    """Indexes, card and manifest of a sink; shards of an earlier, longer run are removed."""
    folder = _folder(plan, phase)
    if _mark(folder, MANIFEST) == phase.fingerprint:
        return
    step = phase.steps[0]
    written = [info for one in done.commits(phase.name) for info in one["written"]]
    extra = _finish_sink(step.build(), written, folder)
    funnel = books.total(one["books"] for one in every)
    storage.write(storage.join(folder, "README.md"), card.write(plan, step.key, written, funnel).encode())
    names = {file["name"] for info in written for file in info["files"]} | {*extra, "README.md", MANIFEST}
    for found in storage.glob(folder):
        if found.path.removeprefix(folder).lstrip("/") not in names:
            storage.remove(found.path)
    storage.write(storage.join(folder, MANIFEST), _encoded(plan, phase, written, funnel))


def _finish_sink(sink: Sink, written: Sequence[dict[str, Any]], folder: str) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="interloom-") as local:
        names = list(sink.finish([shard_info(info) for info in written], Path(local)))
        for name in names:
            storage.upload(Path(local) / name, storage.join(folder, name))
    return names


def _encoded(plan: Plan, phase: Phase, written: Sequence[dict[str, Any]], funnel: dict[str, books.Book]) -> bytes:
    shards = [{"files": info["files"], "documents": info["documents"], "images": info["images"]} for info in written]
    steps = [{"key": step.key, "use": step.use, "with": step.parameters, "from": step.inputs} for step in plan.steps]
    counts = {key: {name: value for name, value in asdict(book).items() if name != "seconds"} for key, book in funnel.items()}
    value = {
        "name": plan.name,
        "seed": plan.seed,
        "schema_version": SCHEMA_VERSION,
        "fingerprint": phase.fingerprint,
        "documents": sum(info["documents"] for info in written),
        "images": sum(info["images"] for info in written),
        "shards": shards,
        "steps": steps,
        "funnel": counts,
    }
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1).encode()
