"""Which documents of a source are a sample of it, and the plan that runs them.

Splits are taken in the order of a hash, and of what is read of them the records with the lowest hashes: always the same. Of a
large split only the beginning is read, and `share` says how much of it that was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import islice
from typing import Protocol, runtime_checkable

from interloom.pipeline.errors import Failure, FatalError, until_broken
from interloom.pipeline.planning.plan import Plan, PlannedStep
from interloom.pipeline.stage import Source, Split
from interloom.pipeline.store import traffic
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome, Side

_SPLITS = 8
"""A sample comes from so many splits, if there are as many. Our choice."""
_SPLITS_OF_SIDES = 32
"""The same where a source stores side tables, whose rows are looked up from any split. Our choice."""
_POOL = 4
"""Records are chosen among so many times as many, if the splits have as many. Our choice."""
_POOL_OF_SIDES = 40
"""The same where a source stores side tables, whose rows documents are looked up in. Our choice."""
_WHOLE_BYTES = 1 << 20
"""Smaller splits are read whole, because a part of one is not known exactly. Our choice."""
_MOST_RECORDS = 10
"""Of records that are mostly no documents, so many times as many are looked at. Our choice."""
_SMALL = 8
"""A small sample, with which starting costs are found, has one of so many documents, and is of two splits. Our choice."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Records of a split by id, with the bytes of their pages and texts (None: it is no document). Reading stops after
    `outcomes`, which are that `share` of the split, for which so many bytes are fetched, and hold so many records, with so
    many bytes."""

    split: Split
    ids: Mapping[str, int | None]
    outcomes: int
    share: float
    records: int
    records_bytes: int
    fetched_bytes: int

    @property
    def bytes(self) -> int:
        return sum(filter(None, self.ids.values()))

    @property
    def documents(self) -> int:
        return sum(size is not None for size in self.ids.values())


@runtime_checkable
class CountsRecords(Protocol):
    """A source that may know how many records a split has before it reads it."""

    def records(self, split: Split) -> int | None:
        """How many, if it is known."""
        ...


@dataclass(frozen=True, slots=True)
class SourceSample:
    """The sample of a source: what was chosen, how many splits and files it has, and how much larger the whole is than what was
    read."""

    chosen: tuple[Chosen, ...]
    splits: int
    files: int
    scale: float

    @property
    def files_read(self) -> int:
        """How many files were looked into."""
        return len({each.split.path for each in self.chosen})

    @property
    def share(self) -> float:
        """How much of the input was read, by bytes where they are known."""
        return min(1 / self.scale, 1.0)

    @property
    def is_of_beginnings(self) -> bool:
        """Whether only the beginning of a split was read."""
        return any(each.share < 1 for each in self.chosen)

    @property
    def records(self) -> float:
        """About how many records the source has."""
        return self.scale * sum(each.records for each in self.chosen)

    def small(self) -> SourceSample:
        """A part of it: some documents of its first two splits that have any."""
        some = [each for each in self.chosen if each.ids][:2] or list(self.chosen[:1])
        most = max(1, sum(len(each.ids) for each in self.chosen) // (_SMALL * max(len(some), 1)))
        return replace(self, chosen=tuple(replace(each, ids=dict(islice(each.ids.items(), most))) for each in some))


@dataclass(frozen=True, slots=True)
class SampledSource(PlannedStep):
    """A source of which only what was chosen is read."""

    chosen: tuple[Chosen, ...] = ()

    def build(self) -> Source:
        source = PlannedStep.build(self)
        assert isinstance(source, Source)
        return _Sampled(source, self.chosen)


class _Sampled(Source):
    def __init__(self, source: Source, chosen: Sequence[Chosen]) -> None:
        self._source, self._chosen = source, {each.split: each for each in chosen}

    def splits(self) -> Sequence[Split]:
        return list(self._chosen)

    def read(self, split: Split) -> Iterator[Outcome]:
        chosen = self._chosen[split]
        for number, outcome in enumerate(self._source.read(split), 1):
            if isinstance(outcome, Side) or outcome.id in chosen.ids:
                yield outcome
            if number >= chosen.outcomes and chosen.share < 1:
                return


def choose(plan: Plan, wanted: int) -> dict[str, SourceSample]:
    """A sample of each source by its key, of about so many documents together. Raises FatalError if a source finds no file."""
    pools = {step.key: _pool(step.build_as(Source), step, wanted, plan.seed) for step in plan.steps if step.shape == "source"}
    total = sum(pool.records for pool in pools.values())
    return {key: _drawn(pool, max(1, round(wanted * pool.records / max(total, 1))), plan.seed) for key, pool in pools.items()}


def sampled(plan: Plan, samples: Mapping[str, SourceSample], run: str) -> Plan:
    """The plan of a run of the sample in a folder of its own, in which its sinks write, too."""
    return replace(
        plan,
        run=run,
        max_error_rate=1.0,
        overwrite=False,
        steps=tuple(_in_sample(step, samples) for step in plan.steps),
    )


def _in_sample(step: PlannedStep, samples: Mapping[str, SourceSample]) -> PlannedStep:
    if step.shape == "sink":
        return replace(step, parameters={**step.parameters, "to": ""})
    if step.shape != "source":
        return step
    values = {name: getattr(step, name) for name in PlannedStep.__dataclass_fields__}
    return SampledSource(**values, chosen=samples[step.key].chosen)


def hash_of(seed: int, *names: object) -> bytes:
    """What splits and records are ordered by."""
    return blake2b(repr((seed, *names)).encode(errors="surrogatepass"), digest_size=16).digest()


def _pool(source: Source, step: PlannedStep, wanted: int, seed: int) -> SourceSample:
    """Looks into splits until there are enough records to choose from; their ids are those of all records."""
    splits = sorted(source.splits(), key=lambda split: hash_of(seed, split.name, split.start))
    if not splits:
        raise FatalError(f"{step.use} found nothing to read at {step.parameters.get('paths')}")
    stores_sides = any(content.kind == "side table" for content in source.provides() or ())
    several = min(_SPLITS_OF_SIDES if stores_sides else _SPLITS, len(splits))
    window = -(-wanted * (_POOL_OF_SIDES if stores_sides else _POOL) // several)
    looked: list[Chosen] = []
    for split in splits:
        if len(looked) >= several and sum(each.documents for each in looked) >= wanted:
            break
        looked.append(_looked(source, split, window))
    return SourceSample(tuple(looked), len(splits), len({split.path for split in splits}), _scale(splits, looked))


def _scale(splits: Sequence[Split], looked: Sequence[Chosen]) -> float:
    """How many times as much there is as was read: by the sizes of splits, or by their number where sizes are not known."""
    sizes = [split.stop - split.start if split.stop is not None else 0 for split in splits]
    read = sum(((each.split.stop or 0) - each.split.start) * each.share for each in looked)
    if all(size > 0 for size in sizes) and read > 0:
        return sum(sizes) / read
    return len(splits) / max(sum(each.share for each in looked), 1e-9)


def _looked(source: Source, split: Split, window: int) -> Chosen:
    """Reads a split until so many records are there, and on to the next time that bytes are fetched, so that what was fetched
    before is what the records take."""
    known = source.records(split) if isinstance(source, CountsRecords) else None
    size = max((split.stop or 0) - split.start, 1)
    is_small = known is None and 1 < size <= _WHOLE_BYTES
    ids, documents, outcomes, share = dict[str, int | None](), 0, 0, 1.0
    began, at_window = traffic.so_far().read_bytes, -1
    for outcome in until_broken(source.read(split)):
        if isinstance(outcome, Failure):
            break
        outcomes += 1
        if not isinstance(outcome, Side) and ids.get(outcome.id) is None:
            ids[outcome.id] = size_of(outcome)
            documents += isinstance(outcome, Document)
        if is_small or (documents < window and len(ids) < _MOST_RECORDS * window):
            continue
        fetched = traffic.so_far().read_bytes
        at_window = fetched if at_window < 0 else at_window
        if known or fetched > at_window or documents >= _POOL * window:
            share = min(len(ids) / known if known else (at_window - began) / size, 1.0)
            break
    fetched = (at_window if share < 1 else traffic.so_far().read_bytes) - began
    return Chosen(split, ids, outcomes, share or 1.0, len(ids), sum(filter(None, ids.values())), fetched)


def size_of(outcome: Outcome) -> int | None:
    """The bytes of the raw page and the characters of the texts of a document; None if it is none."""
    if not isinstance(outcome, Document):
        return None
    return len(outcome.body or b"") + sum(len(text.text) for text in outcome.texts)


def _drawn(pool: SourceSample, wanted: int, seed: int) -> SourceSample:
    """So many documents of the pool with the lowest hashes, and the other records with hashes as low; so many records if none of
    them is a document."""
    has_documents = any(each.documents for each in pool.chosen)
    ids = (id_ for each in pool.chosen for id_, size in each.ids.items() if size is not None or not has_documents)
    ranked = sorted(hash_of(seed, id_) for id_ in ids)[:wanted]
    return replace(pool, chosen=tuple(replace(each, ids=_up_to(ranked, each.ids, seed)) for each in pool.chosen))


def _up_to(ranked: Sequence[bytes], ids: Mapping[str, int | None], seed: int) -> dict[str, int | None]:
    return {id_: size for id_, size in ids.items() if ranked and hash_of(seed, id_) <= ranked[-1]}
