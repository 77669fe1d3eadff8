"""`StreamingDocuments`: finished shards as an iterable for training, which resumes exactly on any number of ranks and workers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from interloom.loader.dealing import Share, check_start, length_of, own_numbers, share_problem
from interloom.loader.fetching import Access, Fetcher, SampleError, View
from interloom.loader.mixture import Source
from interloom.loader.shards import Split
from interloom.loader.state import State
from interloom.loader.stream import Stream
from interloom.pipeline.errors import ConfigError

_WINDOW = 8
"""Shards whose samples are shuffled together by default. Our choice: sinks have shuffled the documents before."""


@dataclass(frozen=True, slots=True)
class Step:
    """A micro-batch: its samples, and the state of the rank after it if it makes all micro-batches itself."""

    samples: list[Any]
    state: State


@dataclass(eq=False)
class StreamingDocuments:
    """The samples of finished shards, in an order that depends on the data, `seed`, the epoch and `mixture` alone.

    It is an IterableDataset for torch's DataLoader and torchdata's StatefulDataLoader, and an iterable without torch. `loader()`
    gives batches and a state that goes on with other numbers of ranks and workers.

    Parameters:
        url: The folder of shards with their manifest, local or `s3://`, or some folders.
        batch: Samples of all ranks together that make a step of training; a multiple of the number of ranks. Default 1.
        seed: The order depends on it. Default 0.
        mixture: Sources with weights, caps and epochs, instead of `url`.
        shuffle: Shards whose samples are shuffled together; true: 8; false: in the order of the shards. Default true.
        epochs: An iteration goes through so many epochs; 0: without end. Default 1.
        tail: What of an epoch does not fill a batch is left out ("drop"), or is a batch that is short ("short", all but at most
            a sample per rank). All ranks have equally many steps. Default "drop".
        micro_batch: Samples that a rank yields at a time: the `batch_size` of a DataLoader with workers. Default: its share of
            the batch.
        rank: The number of this rank. Default: that of torch.distributed, or the environment variable RANK, or 0.
        ranks: The number of ranks. Default: that of torch.distributed, or the environment variable WORLD_SIZE, or 1.
        view: What is made of a sample (`interloom.loader.views`). Default: the sample itself.
        split: The part of the data that is read. Default: all.
        access: How samples are read (a cache, threads, a limit of errors).
    """

    url: str | Sequence[str] = ()
    batch: int = field(default=1, kw_only=True)
    seed: int = field(default=0, kw_only=True)
    mixture: Sequence[Source] = field(default=(), kw_only=True)
    shuffle: bool | int = field(default=True, kw_only=True)
    epochs: int = field(default=1, kw_only=True)
    tail: Literal["drop", "short"] = field(default="drop", kw_only=True)
    micro_batch: int | None = field(default=None, kw_only=True)
    rank: int | None = field(default=None, kw_only=True)
    ranks: int | None = field(default=None, kw_only=True)
    view: View | None = field(default=None, kw_only=True)
    split: Split | None = field(default=None, kw_only=True)
    access: Access = field(default=Access(), kw_only=True)

    def __post_init__(self) -> None:
        _register(type(self))
        urls = [self.url] if isinstance(self.url, str) else list(self.url)
        if bool(urls) == bool(self.mixture):
            raise ConfigError("give either the folder of the shards or a mixture")
        rank, ranks = _ranks()
        rank, ranks = rank if self.rank is None else self.rank, ranks if self.ranks is None else self.ranks
        self.share = Share(rank=rank, ranks=ranks, micro=self.micro_batch or max(self.batch // ranks, 1))
        if problem := share_problem(self.batch, self.share) or self._problem():
            raise ConfigError(problem)
        window = int(self.shuffle) if self.shuffle is not True else _WINDOW
        sources = tuple(self.mixture) or tuple(Source(url=url) for url in urls)
        self.stream = Stream(sources, self.seed, window, self.split)
        self.errors: list[SampleError] = []
        self._state = self._begun = State(data=self.stream.data, seed=self.seed, mixture=self.stream.mixture_id, shuffle=window)
        self._is_iterated = False

    def _problem(self) -> str:
        if self.tail not in ("drop", "short"):
            return f"tail: 'drop' or 'short', not '{self.tail}'"
        return "epochs: at least 0" if self.epochs < 0 else ""

    @cached_property
    def samples_of_an_epoch(self) -> int:
        """How many samples all ranks yield together in an epoch."""
        return length_of(self.stream.mixture.length, self.batch, self.tail, self.share.ranks)

    @property
    def steps_of_an_epoch(self) -> int:
        """How many batches an epoch has, on every rank."""
        return -(-self.samples_of_an_epoch // self.batch)

    @property
    def left_out(self) -> int:
        """How many samples of an epoch are left out, because they do not fill a batch."""
        return self.stream.mixture.length - self.samples_of_an_epoch

    def set_epoch(self, epoch: int) -> None:
        """The next iteration begins with this epoch."""
        self._state = replace(self._begun, epoch=epoch)

    def state_dict(self) -> dict[str, Any]:
        """A small record of integers: what has been yielded. Samples that were read ahead do not count."""
        return self._state.to_dict()

    def load_state_dict(self, record: Mapping[str, Any]) -> None:
        """Goes on where a state was taken, with any number of ranks and workers. Raises ConfigError if the state is of other
        data, another seed, mixture or shuffling, or if iterating has begun."""
        if self._is_iterated:
            raise ConfigError("load_state_dict: iterating has begun; load the state into a new StreamingDocuments, before iter()")
        self._state = self._begun.checked(record)

    def __iter__(self) -> Iterator[Any]:
        """The samples of this rank and, in a worker of a DataLoader, of this worker."""
        self._is_iterated = True
        return self._samples(self._state)

    def _samples(self, start: State) -> Iterator[Any]:
        share = _with_worker(self.share)
        one_by_one = self.steps(start, share, singly=True)
        for step in one_by_one:
            self._state = step.state
            yield from step.samples
        self._is_iterated = False

    def steps(self, start: State, share: Share, singly: bool = False) -> Iterator[Step]:
        """The micro-batches of a worker from a state on, or its samples one by one, each with the state after it."""
        fetcher = Fetcher(self.stream, self.view, self.access, self.errors)
        state = _for_worker(start, share)
        until = -(-(state.epoch + 1) // self.epochs) * self.epochs if self.epochs else None
        try:
            while until is None or state.epoch < until:
                yield from self._epoch(state, share, fetcher, singly)
                state = replace(self._begun, epoch=state.epoch + 1)
                yield Step([], state)
        finally:
            fetcher.reader.close()

    def _epoch(self, start: State, share: Share, fetcher: Fetcher, singly: bool) -> Iterator[Step]:
        length = self.samples_of_an_epoch
        check_start(start.position, length, self.batch, share.ranks)
        count = max(length - start.position, 0) // share.ranks
        batches = own_numbers(count, share, start.taken)
        if singly:
            batches = (range(n, n + 1) for numbers in batches for n in numbers)
        located = self.stream.located(start.epoch, start.position + share.rank, share.ranks, batches)
        taken = start.taken
        for numbers, samples in fetcher.views(located):
            taken += len(numbers)
            if share.workers > 1:
                yield Step(samples, replace(start, taken=taken))
            else:
                yield Step(samples, replace(start, position=start.position + numbers.stop * share.ranks))


def _with_worker(share: Share) -> Share:
    """The share of this worker of a DataLoader; outside of one that of the rank."""
    info = sys.modules["torch.utils.data"].get_worker_info() if "torch.utils.data" in sys.modules else None
    return share if info is None else replace(share, worker=info.id, workers=info.num_workers)


def _for_worker(state: State, share: Share) -> State:
    """The state as that of a worker; that of a whole rank is the same on all ranks. Raises ConfigError if it is of another
    worker."""
    own = replace(state, rank=0, ranks=1, worker=0, workers=1)
    if share.workers > 1:
        own = replace(state, rank=share.rank, ranks=share.ranks, worker=share.worker, workers=share.workers)
    if state.taken and own != state:
        raise ConfigError(
            f"state: it is of worker {state.worker} of {state.workers} of rank {state.rank} of {state.ranks}; "
            "merge the states of all workers (interloom.loader.merged) to go on with others"
        )
    return own


def _ranks() -> tuple[int, int]:
    """The number of this rank, and how many there are."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def _register(kind: type) -> None:
    """Makes objects of this class IterableDatasets, if torch is imported: a DataLoader asks for it."""
    if "torch" in sys.modules:
        from torch.utils.data import IterableDataset

        IterableDataset.register(kind)
