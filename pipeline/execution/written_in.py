"""Finds the shards in which documents were written, from the run's folder alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain

from interloom.pipeline.execution.kinds import assign, scatter
from interloom.pipeline.execution.shuffle import Copies, document_key
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store import run_reader, storage
from interloom.pipeline.store.commits import Commit
from interloom.pipeline.store.exchange import Range
from interloom.pipeline.store.merging import KEY, ORDER
from interloom.pipeline.store.shards import WrittenShard


def shards_of(run: str, ids: Collection[str]) -> dict[str, list[str]]:
    """The shards in which each of these documents is. Of a sink that still writes there is none; a document that a sink rejected
    has the one in which it would be."""
    done = {phase.name: (phase, commits) for phase, commits in run_reader.progress(run)}
    shards_by_id: dict[str, list[str]] = {}
    for phase, commits in done.values():
        if phase.kind == "write" and phase.tables in done and phase.sketched[0] in done:
            scattered, rows = done[phase.sketched[0]]
            shards, files = assign.shards(done[phase.tables][1]), _files(run, phase, commits)
            for id_ in ids if len(files) == len(shards) else ():
                for place in _places(run, scatter.ranges(rows), document_key(scattered.seed, id_), id_):
                    shards_by_id.setdefault(id_, []).append(files[_shard(shards, place)])
    return shards_by_id


def _files(run: str, phase: Phase, commits: Sequence[Commit]) -> list[str]:
    """The first file of each shard of a sink."""
    [step] = phase.steps
    folder = str(step.parameters.get("to", "")).rstrip("/") or storage.join(run, step.key)
    written = [WrittenShard.from_json(shard) for commit in commits for shard in commit.result["written"]]
    return [storage.join(folder, shard.files[0].name) for shard in written]


def _places(run: str, ranges: Sequence[Range], key: int, id_: str) -> Iterator[tuple[int, int]]:
    """The range, and the number of the row in it, of a document; of one that there is several times, those of all."""
    for number, range_ in enumerate(ranges):
        if range_.first_key <= key < range_.end_key:
            copies = Copies()
            names = chain.from_iterable(copies.renamed(rows)["id"].to_pylist() for rows in range_.read(run, ["id", KEY, ORDER]))
            yield from ((number, row) for row, name in enumerate(names) if name == id_ or name.startswith(f"{id_}#copy"))


def _shard(shards: Sequence[Sequence[assign.Piece]], place: tuple[int, int]) -> int:
    """The number of the shard with this row of a range."""
    number, row = place
    fits = (
        any(piece.range == number and piece.first <= row < piece.first + piece.documents for piece in pieces) for pieces in shards
    )
    return next(n for n, is_here in enumerate(fits) if is_here)
