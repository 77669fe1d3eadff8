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
    "batch": "its batch is another, which changes which samples are together",
    "packing": "its packing is another (or only one of the two is packed)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a stream is.

    What it reads: `data`, `seed`, `mixture`, `shuffle`, `batch` and, for packed samples, `packing` (else 0).
    How far it is: all ranks have yielded the samples before `position` of `epoch`. In a worker of a StatefulDataLoader, worker
    `worker` of `workers` of rank `rank` of `ranks` has since yielded `taken` more; its turn in this epoch is `turn`.
    `lanes` holds, for packed samples, the number of a lane, the number of its packed samples, the number of its next document,
    and pairs (document, part) of those that are open.
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
    turn: int = 0
    lanes: tuple[tuple[int, ...], ...] = ()
    version: int = VERSION

    def to_dict(self) -> dict[str, Any]:
        """The record, as `state_dict` returns it: integers, and lists of them."""
        record = asdict(self)
        return {**record, "lanes": [list(lane) for lane in self.lanes]}

    def checked(self, record: Mapping[str, Any]) -> State:
        """The state that a record holds. Raises ConfigError that names what does not fit this stream."""
        _must_be_a_record(record)
        if record.get("version") != VERSION:
            raise ConfigError(f"state: its version is {record.get('version')}, this Interloom reads {VERSION}")
        if set(record) != {field.name for field in fields(self)}:
            raise ConfigError("state: it is no state of StreamingDocuments")
        numbers = [value for name, value in record.items() if name != "lanes"]
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise ConfigError("state: it is damaged: a number in it is below 0, or none")
        state = _state_of(record)
        wrong = [_SAYS[name] for name in _OF_THE_STREAM if getattr(state, name) != getattr(self, name)]
        if wrong:
            raise ConfigError(f"state: {'; '.join(wrong)}")
        return state


def merged(records: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One state of those of all ranks and workers at the same batch: with it any number of ranks and workers goes on.

    Ranks have the same state unless they pack; workers have states of their own where a StatefulDataLoader keeps them.

    Parameters:
        records: The `state_dict()` of each rank, that of StreamingDocuments, its loader or a StatefulDataLoader; or one of them.
    """
    given = list(records) if isinstance(records, Sequence) and not isinstance(records, str | bytes) else [records]
    for record in given:
        _must_be_a_record(record)
    if not given:
        raise ConfigError("state: there is none to merge")
    states = [_state_of(own) for record in given for own in _of_workers(record)]
    epoch = max(state.epoch for state in states)
    # Who has begun a later epoch shows that the others have yielded all of the one before.
    position = next(state.position for state in states if state.epoch == epoch)
    states = [s if s.epoch == epoch else replace(s, epoch=epoch, position=position, taken=0) for s in states]
    first = states[0]
    if len({replace(state, taken=0, rank=0, worker=0, turn=0, lanes=()) for state in states}) > 1:
        raise ConfigError("state: the states to merge are not of one moment of one stream")
    taken = {state.worker: state.taken for state in states if state.rank == first.rank}
    if len(taken) != first.workers:
        raise ConfigError(
            f"state: there are states of {len(taken)} of {first.workers} workers; give those of all workers of a rank"
        )
    lanes = dict[int, tuple[int, ...]]()
    for lane in (lane for state in states for lane in state.lanes):  # a lane is as far as the one who yields it says
        if lane[0] not in lanes or lane[1] > lanes[lane[0]][1]:
            lanes[lane[0]] = lane
    position += first.ranks * sum(taken.values())
    whole = replace(first, position=position, taken=0, rank=0, ranks=1, worker=0, workers=1, turn=0)
    return replace(whole, lanes=tuple(lanes[number] for number in sorted(lanes))).to_dict()


def _of_workers(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The states in the `state_dict()` of a StatefulDataLoader; else the record itself."""
    if record.get("_steps_since_snapshot"):
        raise ConfigError("state: it is older than what the StatefulDataLoader has yielded; give it snapshot_every_n_steps=1")
    if "_snapshot" in record:
        workers = record["_snapshot"].get("_worker_snapshots", {})
        return _begun_alike([own for worker in workers.values() for own in _of_workers(worker)])
    return [record["dataset_state"]] if record.get("dataset_state") else [record]


def _begun_alike(records: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The states of the workers of a rank: one that has yielded nothing does not know yet which worker it is."""
    begun = next((record for record in records if record["workers"] > 1), None)
    if begun is None:
        return records
    names = ("rank", "ranks", "workers")
    known = {name: begun[name] for name in names}
    return [r if r["workers"] > 1 else {**r, **known, "worker": n} for n, r in enumerate(records)]


def _state_of(record: Mapping[str, Any]) -> State:
    if set(record) != {field.name for field in fields(State)}:
        raise ConfigError("state: it is no state of StreamingDocuments")
    lanes = record["lanes"]
    if not isinstance(lanes, list | tuple) or not all(isinstance(lane, list | tuple) for lane in lanes):
        raise ConfigError("state: it is damaged: its lanes are no lists of numbers")
    return State(**{**record, "lanes": tuple(map(tuple, lanes))})


def _must_be_a_record(record: object) -> None:
    if not isinstance(record, Mapping):
        raise ConfigError(f"state: it is no state of StreamingDocuments, but {type(record).__name__}")
