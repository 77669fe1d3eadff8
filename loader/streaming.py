"""`StreamingDocuments`: finished shards as an iterable for training, which resumes exactly on any number of ranks and workers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Integral
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from interloom.loader.dealing import Share, length_of, share_problem
from interloom.loader.fetching import Access, Fetcher, SampleError, View
from interloom.loader.mixture import Source
from interloom.loader.packed_steps import PackedSteps
from interloom.loader.packing import Packing
from interloom.loader.settings import LEAST, folders_of, wrong_number, wrong_part
from interloom.loader.shards import Split
from interloom.loader.state import State
from interloom.loader.steps import Step, Steps, ended
from interloom.loader.stream import Stream
from interloom.pipeline.errors import ConfigError

if TYPE_CHECKING:
    from interloom.loader.batches import Collate, Loader

_WINDOW = 8
"""Shards whose samples are shuffled together by default. Our choice: sinks have shuffled the documents before."""


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
        packing: Packs documents into samples of a length, without end: `epochs`, `tail` and `view` do not count. Default: no.
        split: The part of the data that is read. Default: all.
        access: How samples are read (a cache, threads, a limit of errors).
    """

    url: str | PathLike[str] | Sequence[str | PathLike[str]] = ()
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
    packing: Packing | None = field(default=None, kw_only=True)
    split: Split | None = field(default=None, kw_only=True)
    access: Access = field(default=Access(), kw_only=True)

    def __post_init__(self) -> None:
        register(type(self))
        urls = folders_of(self.url)
        if bool(urls) == bool(self.mixture):
            raise ConfigError("give either the folder of the shards or a mixture")
        if problem := self._problem():
            raise ConfigError(problem)
        rank = _number_of("rank", "RANK", 0) if self.rank is None else self.rank
        ranks = _number_of("ranks", "WORLD_SIZE", 1) if self.ranks is None else self.ranks
        self.share = Share(rank=rank, ranks=ranks, micro=self.micro_batch or max(self.batch // max(ranks, 1), 1))
        if problem := share_problem(self.batch, self.share):
            raise ConfigError(problem)
        window = int(self.shuffle) if self.shuffle is not True else _WINDOW
        sources = tuple(self.mixture) or tuple(Source(url=url) for url in urls)
        self.stream = Stream(sources, self.seed, window, self.split)
        if self.access.cache is not None:
            self.access.cache.check()
        self.errors: list[SampleError] = []
        self._step: Step | None = None
        self._start = self._begun = State(
            data=self.stream.data,
            seed=self.seed,
            mixture=self.stream.mixture_id,
            shuffle=window,
            batch=self.batch,
            packing=self.packing.key if self.packing else 0,
        )
        self._is_iterated = False
        if self.packing is None and not self.samples_of_an_epoch:
            raise ConfigError(self._without_batches())

    def _problem(self) -> str:
        numbers = {name: getattr(self, name) for name in LEAST}
        parts = {"packing": (self.packing, Packing), "split": (self.split, Split)}
        if problem := wrong_number(numbers) or wrong_part(parts) or wrong_part({"access": (self.access, Access)}, needed=True):
            return problem
        if self.tail not in ("drop", "short"):
            return f"tail: 'drop' or 'short', not '{self.tail}'"
        if isinstance(self.mixture, str | Mapping) or any(not isinstance(source, Source) for source in self.mixture):
            return f"mixture: a list of Source(url=..., weight=...), not {self.mixture!r}"
        if self.view is not None and not callable(self.view):
            return f"view: a function of a sample, not {self.view!r}"
        return (self.packing.problem() if self.packing else "") or self.access.problem()

    def _without_batches(self) -> str:
        samples = self.stream.mixture.length
        if self.tail == "short":
            return f"ranks: an epoch has {samples} samples, which {self.share.ranks} ranks cannot share"
        return f"batch: an epoch has {samples} samples, which fill no batch of {self.batch}; lower batch, or give tail='short'"

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
        if isinstance(epoch, bool) or not isinstance(epoch, Integral) or epoch < 0:
            raise ConfigError(f"set_epoch: an integer, at least 0, not {epoch!r}")
        self._go_to(replace(self._begun, epoch=int(epoch)))

    @property
    def state(self) -> State:
        """Where the stream is."""
        return self._start if self._step is None else self._step.own

    def _go_to(self, state: State) -> None:
        self._start, self._step = state, None

    def state_dict(self) -> dict[str, Any]:
        """A small record of integers: what has been yielded. Samples that were read ahead do not count."""
        return self.state.to_dict()

    def load_state_dict(self, record: Mapping[str, Any]) -> None:
        """Goes on where a state was taken, with any number of ranks and workers. Raises ConfigError if the state is of other
        data, another seed, mixture or shuffling, or if iterating has begun."""
        if self._is_iterated:
            raise ConfigError("load_state_dict: iterating has begun; load the state into a new StreamingDocuments, before iter()")
        state = self._begun.checked(record)
        if self.packing is None and state.position > self.samples_of_an_epoch:
            raise ConfigError(f"state: its position is {state.position}, an epoch has {self.samples_of_an_epoch} samples")
        self._go_to(state)

    def __iter__(self) -> Iterator[Any]:
        """The samples of this rank and, in a worker of a DataLoader, of this worker."""
        self._is_iterated = True
        return self._samples(self.state)

    def _samples(self, start: State) -> Iterator[Any]:
        for step in self.steps(start, with_worker(self.share), singly=True):
            self._step = step
            yield from step.samples
        self._go_to(ended(self.state, self.epochs))
        self._is_iterated = False

    def loader(self, workers: int = 0, collate: Collate | None = None, **options: Any) -> Loader:
        """Batches with a state that goes on with other numbers of ranks and workers.

        Parameters:
            workers: Processes that read ahead (with torch's DataLoader); 0: none.
            collate: Makes a batch of a list of samples; by default the list is the batch.
            options: Further options of DataLoader, such as `prefetch_factor` or `pin_memory`.
        """
        from interloom.loader.batches import Loader, loader_problem

        if problem := loader_problem(workers, options):
            raise ConfigError(problem)
        return Loader(self, workers, collate, options)

    def steps(self, start: State, share: Share, singly: bool = False) -> Iterator[Step]:
        """The micro-batches of a worker from a state on, or its samples one by one, each with the state after it."""
        view = self.view if self.packing is None else None
        fetcher = Fetcher(self.stream, view, self.access, self.errors)
        if self.packing is not None:
            return PackedSteps(fetcher, self.batch, self.packing).after(start, share, singly)
        return Steps(fetcher, self.batch, self.samples_of_an_epoch, self.epochs).after(start, share, singly)


def with_worker(share: Share) -> Share:
    """The share of this worker of a DataLoader; outside of one that of the rank."""
    data = sys.modules.get("torch.utils.data")
    info = data.get_worker_info() if data is not None else None
    return share if info is None else replace(share, worker=info.id, workers=info.num_workers)


def _number_of(what: str, variable: str, default: int) -> int:
    """The number of this rank, or how many there are. Raises ConfigError if the environment variable is no number."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank() if what == "rank" else distributed.get_world_size())
    value = os.environ.get(variable, str(default)).strip()
    if not value.isdecimal():
        raise ConfigError(f"{what}: the environment variable {variable} is '{value}', not a number; give {what}=")
    return int(value)


def register(kind: type) -> None:
    """Makes objects of this class IterableDatasets, if torch is imported: a DataLoader asks for it."""
    if sys.modules.get("torch") is not None:
        from torch.utils.data import IterableDataset

        IterableDataset.register(kind)
