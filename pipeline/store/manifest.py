"""A sink's manifest: written last, so its presence means the shards are whole. Beside it a card for people."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution.balance import Book, Books
from interloom.pipeline.execution.losses import losses
from interloom.pipeline.planning.fingerprint import digest
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.stage import Sink
from interloom.pipeline.store import card, storage, targets
from interloom.pipeline.store.commits import Commit, forget
from interloom.pipeline.store.shards import WrittenShard, sink_folder
from interloom.schemas.columns import SCHEMA_VERSION

_CARD = "README.md"
_NUMBER = re.compile(r"\d+")


def begin(plan: Plan, phase: Phase, units: Sequence[str]) -> None:
    """Marks the sink's folder as being written by these units. Shards of an earlier plan of this run are replaced: the phase's
    own commits no longer count, and the manifest goes. Raises FatalError for data of others, unless the plan overwrites them."""
    folder, fingerprint = _folder(plan, phase), digest(phase.fingerprint, units)
    current = targets.current(folder)
    if current.get("fingerprint") == fingerprint:
        return
    if not plan.overwrite and (problem := targets.foreign_data(plan.run, folder)):
        raise FatalError(problem)
    targets.remember(plan.run, fingerprint, folder)
    forget(plan.run, phase)
    marker = {"fingerprint": fingerprint, "stale": _named_files(current)}
    storage.write(storage.join(folder, targets.WRITING), json.dumps(marker).encode())
    storage.remove(storage.join(folder, targets.MANIFEST))


def _named_files(current: Mapping[str, Any]) -> list[str]:
    """The files that a manifest names, or that a mark took over from one; none outside its folder."""
    shards = [file["name"] for shard in current.get("shards", ()) for file in shard["files"]]
    names = [*shards, *current.get("indexes", ()), *current.get("stale", ())]
    return [name for name in names if ".." not in name.split("/")]


def _folder(plan: Plan, phase: Phase) -> str:
    step = phase.steps[0]
    return sink_folder(plan.run, step.key, step.build_as(Sink))


def finish(plan: Plan, phase: Phase, commits: Sequence[Commit], books: Books) -> None:
    """Writes indexes, card and manifest of a sink, and removes what is left of the shards it replaces. `books`: of the run."""
    folder, fingerprint = _folder(plan, phase), digest(phase.fingerprint, [commit.unit for commit in commits])
    current = targets.current(folder)
    if current.get("fingerprint") == fingerprint and "shards" in current:
        storage.remove(storage.join(folder, targets.WRITING))
        return
    step = phase.steps[0]
    shards = [WrittenShard.from_json(shard) for commit in commits for shard in commit.result["written"]]
    indexes = _write_indexes(step.build_as(Sink), shards, folder)
    funnel = {step.key: books[step.key] for step in plan.steps if step.key in books}
    storage.write(storage.join(folder, _CARD), card.text(plan, step.key, shards, funnel).encode())
    names = {file.name for shard in shards for file in shard.files} | {*indexes, _CARD, targets.MANIFEST}
    for name in {*_named_files(current), *_alike(folder, names)} - names:
        storage.remove(storage.join(folder, name))
    about = {"fingerprint": fingerprint, "indexes": indexes}
    storage.write(storage.join(folder, targets.MANIFEST), _encoded(plan, about, shards, funnel))
    storage.remove(storage.join(folder, targets.WRITING))  # not before: one of the two says whose data these are


def _alike(folder: str, names: Iterable[str]) -> list[str]:
    """Files beside the shards whose names differ from theirs in the number only. The folder may hold anything else."""
    shapes = {_NUMBER.sub("0", name) for name in names}
    return [name for name in storage.list_names(folder) if _NUMBER.sub("0", name) in shapes]


def _write_indexes(sink: Sink, shards: Sequence[WrittenShard], folder: str) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="interloom-") as local:
        names = list(sink.finish([shard.info() for shard in shards], Path(local)))
        for name in names:
            storage.upload(Path(local) / name, storage.join(folder, name))
    return names


def _encoded(plan: Plan, about: Mapping[str, Any], shards: Sequence[WrittenShard], funnel: Mapping[str, Book]) -> bytes:
    entries = [{"files": [asdict(file) for file in s.files], "documents": s.documents, "images": s.images} for s in shards]
    steps = [{"key": step.key, "use": step.use, "with": step.parameters, "from": step.inputs} for step in plan.steps]
    counts = {key: {name: value for name, value in book.to_json().items() if name != "seconds"} for key, book in funnel.items()}
    value = {
        "name": plan.name,
        "seed": plan.seed,
        "schema_version": SCHEMA_VERSION,
        "documents": sum(shard.documents for shard in shards),
        "images": sum(shard.images for shard in shards),
        "shards": entries,
        "steps": steps,
        "funnel": counts,
        "warnings": [asdict(loss) for loss in losses(plan.steps, funnel)],
        **about,
    }
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1).encode()
