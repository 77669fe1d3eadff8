"""The state of a stream: a small record of integers, the same on every rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from interloom.pipeline.errors import ConfigError

VERSION = 1
_OF_THE_STREAM = ("data", "seed", "mixture", "shuffle", "batch", "packing")
_SAYS = {
    "data": "its data are others (another set of shards, or another split)",
    "seed": "its seed is another",
    "mixture": "its mixture is another",
    "shuffle": "its shuffling is another",
    "batch": "its batch is another, which changes how samples are packed",
    "packing": "its packing is another",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a stream is.

    What it reads: `data`, `seed`, `mixture` and `shuffle`, and for packed samples `batch` and `packing` (else 0).
    How far it is: all ranks have yielded the samples before `position` of `epoch`. In a worker of a StatefulDataLoader, worker
    `worker` of `workers` of rank `rank` of `ranks` has since yielded `taken` more. `lanes` holds, for packed samples, the number
    of a lane, the number of its packed samples, the number of its next document, and pairs (document, part) of those open.
    """

    data: int
    seed: int
    mixture: int
    shuffle: int
    batch: int = 0
    packing: int = 0
    epoch: int = 0
    position: int = 0
    taken: int = 0
    rank: int = 0
    ranks: int = 1
    worker: int = 0
    workers: int = 1
    lanes: tuple[tuple[int, ...], ...] = ()
    version: int = VERSION

    def to_dict(self) -> dict[str, Any]:
        """The record, as `state_dict` returns it: integers, and lists of them."""
        record = asdict(self)
        return {**record, "lanes": [list(lane) for lane in self.lanes]}

    def checked(self, record: Mapping[str, Any]) -> State:
        """The state that a record holds. Raises ConfigError that names what does not fit this stream."""
        if record.get("version") != VERSION:
            raise ConfigError(f"state: its version is {record.get('version')}, this Interloom reads {VERSION}")
        if set(record) != {field.name for field in fields(self)}:
            raise ConfigError("state: it is no state of StreamingDocuments")
        state = State(**{**record, "lanes": tuple(map(tuple, record["lanes"]))})
        wrong = [_SAYS[name] for name in _OF_THE_STREAM if getattr(state, name) != getattr(self, name)]
        if wrong:
            raise ConfigError(f"state: {'; '.join(wrong)}")
        return state


def merged(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One state of those of all ranks and workers at the same batch: with it any number of ranks and workers goes on.

    Ranks have the same state unless they pack; workers have states of their own where a StatefulDataLoader keeps them.
    """
    if not records:
        raise ConfigError("state: there is none to merge")
    states = [State(**{**record, "lanes": tuple(map(tuple, record["lanes"]))}) for record in records]
    begun = {replace(state, taken=0, rank=0, worker=0, lanes=()) for state in states}
    if len(begun) > 1:
        raise ConfigError("state: the states to merge are not of one moment of one stream")
    first = states[0]
    lanes = {lane[0]: lane for state in states for lane in state.lanes}
    for state in states:  # a lane is as far as the one that yields it says
        lanes |= {lane[0]: lane for lane in state.lanes if lane[1] > lanes[lane[0]][1]}
    of_rank = {(state.worker, state.taken) for state in states if state.rank == first.rank}
    if first.workers > 1 and len(of_rank) != first.workers:
        raise ConfigError(f"state: {len(of_rank)} of the states of {first.workers} workers; give all of a rank")
    position = first.position + first.ranks * sum(taken for _, taken in of_rank)
    whole = replace(first, position=position, taken=0, rank=0, ranks=1, worker=0, workers=1)
    return replace(whole, lanes=tuple(lanes[number] for number in sorted(lanes))).to_dict()
