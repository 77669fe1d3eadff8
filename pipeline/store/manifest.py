"""A sink's manifest: written last, so its presence means the shards are whole. Beside it a card for people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution.balance import Book, Books
from interloom.pipeline.execution.losses import losses
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.stage import Sink
from interloom.pipeline.store import card, sink_location, storage, targets
from interloom.pipeline.store.commits import BrokenCommit, Commit, committed_units, forget, read_commits
from interloom.pipeline.store.parts import read_mapping
from interloom.pipeline.store.shards import ShardFile, WrittenShard, described, sink_folder
from interloom.pipeline.temporary import temporary_folder
from interloom.schemas import shard_index
from interloom.schemas.columns import SCHEMA_VERSION

_CARD = "README.md"

Owned = Callable[[], object]
"""Raises if this driver is no longer the one that runs the run."""


def target_of(plan: Plan, phase: Phase) -> str:
    """The folder to which a sink's phase writes."""
    step = phase.steps[0]
    return sink_folder(plan.run, step.key, step.build_as(Sink))


def strangers(plan: Plan, phase: Phase) -> list[str]:
    """The files that lie beside a sink's shards and have the ending of one, but are not of this run: what reads the folder reads
    them, too."""
    folder = target_of(plan, phase)
    shards = read_mapping(storage.join(folder, targets.MANIFEST)).get("shards", ())
    own = {file["name"] for shard in shards for file in shard["files"]}
    kinds = {_kind(name) for name in own}
    own |= {targets.MANIFEST, targets.WRITING}
    return sorted(name for name in targets.sizes(folder) if name not in own and _kind(name) in kinds)


def _kind(name: str) -> tuple[str, str]:
    """The folder of a file and the ending of its name."""
    return name.rpartition("/")[0], name.rpartition(".")[2]


def begin(plan: Plan, phase: Phase, units: Sequence[str], owned: Owned, note: Callable[[str], None]) -> str:
    """Prepares the sink's folder for these units, and returns what its mark says while they write.

    Shards of an earlier plan of this run are replaced: the phase's commits no longer count, and manifest and shards go. Of shards
    of this plan those that are gone or have another size no longer count. Raises FatalError for data of others, unless the plan
    overwrites them.
    """
    folder, fingerprint = target_of(plan, phase), sink_location.fingerprint_of(phase, units)
    current = targets.current(plan.run, folder)
    is_current = current.get("fingerprint") == fingerprint
    if not is_current and not plan.overwrite and (problem := targets.foreign_data(plan.run, folder)):
        raise FatalError(problem)
    if is_current or (not current and targets.written_files(plan.run, fingerprint, folder)):
        damaged = dict(_damaged_units(plan.run, phase, units, folder))
        if damaged:
            others = f" and {len(damaged) - 1} more units" if len(damaged) > 1 else ""
            note(f"{next(iter(damaged.values()))}{others} must write again")
        _forget(plan.run, phase, damaged, owned)
        if not current or ("shards" in current and not committed_units(plan.run, phase).issuperset(units)):
            _open(plan.run, folder, fingerprint, (current, owned))
        return fingerprint
    targets.remember(plan.run, fingerprint, folder)
    _forget(plan.run, phase, committed_units(plan.run, phase), owned)
    stale = _open(plan.run, folder, fingerprint, (current, owned))
    storage.discard_unfinished(folder)
    _remove(folder, stale, owned)
    return fingerprint


def _forget(run: str, phase: Phase, units: Iterable[str], owned: Owned) -> None:
    for unit in units:
        owned()
        forget(run, phase, unit)


def _damaged_units(run: str, phase: Phase, units: Sequence[str], folder: str) -> Iterator[tuple[str, str]]:
    """The committed units of which a shard is gone or has another size than was written, each with what is wrong."""
    committed = committed_units(run, phase)
    sizes = targets.sizes(folder)
    for commit in read_commits(run, phase, [unit for unit in units if unit in committed]):
        if isinstance(commit, BrokenCommit):
            yield commit.unit, f"{commit.path} is damaged; unit {commit.unit} of {phase.name}"
        elif wrong := wrong_sizes(_shards_of([commit]), sizes):
            yield commit.unit, f"{folder}/{wrong[0]}; unit {commit.unit} of {phase.name}"


def _shards_of(commits: Iterable[Commit]) -> list[WrittenShard]:
    return [WrittenShard.from_json(shard) for commit in commits for shard in commit.result["written"]]


def wrong_sizes(shards: Iterable[WrittenShard], sizes: Mapping[str, int]) -> list[str]:
    """The files of shards that are not there with their sizes, each with what is wrong."""
    return [problem for shard in shards for file in shard.files if (problem := _wrong_size(file, sizes))]


def _wrong_size(file: ShardFile, sizes: Mapping[str, int]) -> str:
    size = sizes.get(file.name)
    if size == file.size_bytes:
        return ""
    return f"{file.name} is missing" if size is None else f"{file.name} has {size} bytes instead of {file.size_bytes}"


def _open(run: str, folder: str, fingerprint: str, context: tuple[Mapping[str, Any], Owned]) -> list[str]:
    """Marks the folder as being written. There is a mark before the manifest goes: one of the two says whose data these are.
    Returns the names of the files that were there before."""
    current, owned = context
    stale = [*_named_files(current), *_noted_files(run, current)]
    storage.write_if(storage.join(folder, targets.WRITING), targets.mark(run, fingerprint, stale), owned)
    owned()
    storage.remove(storage.join(folder, targets.MANIFEST))
    return stale


def _remove(folder: str, names: Iterable[str], allow: Owned) -> None:
    for name in names:
        allow()
        storage.remove(storage.join(folder, name))


def _named_files(current: Mapping[str, Any]) -> list[str]:
    """The files that a manifest names, or that a mark took over; none outside their folder."""
    shards = [file["name"] for shard in current.get("shards", ()) for file in shard["files"]]
    return _inside([*shards, *current.get("indexes", ()), *current.get("stale", ())])


def _noted_files(run: str, current: Mapping[str, Any]) -> list[str]:
    """The files that a run noted since it made a mark; none of a manifest, which names them itself."""
    if "fingerprint" not in current or "shards" in current:
        return []
    writers = sorted({run, current.get("run", run)})
    return _inside(name for writer in writers for name in targets.noted_shards(writer, current["fingerprint"]))


def _inside(names: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if ".." not in name.split("/")]


def finish(plan: Plan, phase: Phase, commits: Sequence[Commit], books: Books, owned: Owned) -> None:
    """Writes indexes, card and manifest of a sink, and removes what is left of the shards it replaces; if all are there as they
    should be, nothing. `books`: of the run. Raises FatalError if shards were changed while the run wrote."""
    folder, fingerprint = target_of(plan, phase), sink_location.fingerprint_of(phase, [commit.unit for commit in commits])
    owned()
    current, sizes, shards = targets.current(plan.run, folder), targets.sizes(folder), _shards_of(commits)
    if wrong := wrong_sizes(shards, sizes):
        raise FatalError(f"{folder}/{wrong[0]}, although this run has just written it; run again")
    funnel = {step.key: books[step.key] for step in plan.steps if step.key in books}
    with temporary_folder() as name:
        local = Path(name)
        beside = _written_beside(plan, phase, shards, funnel, local)
        about = {"fingerprint": fingerprint, "indexes": [file.name for file in beside[1:]], "beside": list(map(asdict, beside))}
        manifest = _encoded(plan, about, shards, funnel)
        is_whole = "shards" in current and storage.read(storage.join(folder, targets.MANIFEST)) == manifest
        is_whole = is_whole and not targets.is_doubted(plan.run, fingerprint)
        if is_whole and targets.WRITING not in sizes and not any(_wrong_size(file, sizes) for file in beside):
            _remove_traces(plan.run, fingerprint, folder)
            targets.renew(plan.run, fingerprint, folder)
            return
        if "shards" in current:
            _open(plan.run, folder, fingerprint, (current, owned))
        targets.note_shard(plan.run, fingerprint, [file.name for file in beside])
        allow = _both(owned, partial(targets.check_mark, folder, fingerprint))
        for file in beside:
            storage.write_if(storage.join(folder, file.name), local / file.name, allow)
    files = [*(file for shard in shards for file in shard.files), *beside]
    files.append(ShardFile(targets.MANIFEST, len(manifest), hashlib.sha256(manifest).hexdigest()))
    own = {file.name for file in files}
    _remove(folder, set(_named_files(current)) - own, allow)
    targets.remember(plan.run, fingerprint, folder, files)
    storage.write_if(storage.join(folder, targets.MANIFEST), manifest, allow)
    storage.remove(storage.join(folder, targets.WRITING))  # not before: one of the two says whose data these are
    _remove_traces(plan.run, fingerprint, folder)


def _remove_traces(run: str, fingerprint: str, folder: str) -> None:
    """Removes what workers that were killed were writing to a sink's folder, and the notes about its shards."""
    storage.discard_unfinished(folder)
    targets.forget_shards(run, fingerprint)


def _both(first: Owned, second: Owned) -> Owned:
    return lambda: (first(), second())


def _written_beside(
    plan: Plan, phase: Phase, shards: Sequence[WrittenShard], funnel: Mapping[str, Book], local: Path
) -> list[ShardFile]:
    """Writes the card, the sink's indexes and the index of shards to a local folder; the card first."""
    sink = phase.steps[0].build_as(Sink)
    indexes = list(sink.finish([shard.info() for shard in shards], local))
    (local / _CARD).write_bytes(card.text(plan, phase.steps[0].key, shards, funnel).encode())
    (local / shard_index.SHARDS).parent.mkdir(exist_ok=True)
    (local / shard_index.SHARDS).write_bytes(shard_index.pack_shards([shard.entry() for shard in shards]))
    return [described(local / name, name) for name in (_CARD, *indexes, shard_index.SHARDS)]


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
