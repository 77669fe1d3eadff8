"""Resuming: whatever is stopped, and whoever goes on, the sequence is that of a training that was never stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

from interloom.loader import Source, StreamingDocuments, merged
from interloom.loader.packing import Packing
from interloom.pipeline.errors import ConfigError

pytestmark = [
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning"),  # torchdata 0.11 calls it
]
Corpus = Callable[..., str]
STEPS = 12
WORLDS = [(1, 0), (1, 3), (2, 2), (3, 4), (8, 1), (3, 0), (8, 2)]


def words(text: str) -> list[int]:
    return [len(word) for word in text.split()]


def settings(kind: str, corpus: Corpus) -> dict[str, Any]:
    """Three epochs of one source, of a mixture, or packed samples."""
    first = corpus(100, "a", 9)
    if kind == "one source":
        return {"url": first, "epochs": 3}
    if kind == "a mixture":
        second = corpus(60, "b", 13)
        return {"mixture": (Source(url=first, weight=2), Source(url=second, weight=1, cap=50)), "epochs": 3}
    return {"url": first, "packing": Packing(tokenizer=words, length=40, image_tokens=8, strands=4)}


@pytest.mark.parametrize("kind", ["one source", "a mixture", "packed"])
def test_any_ranks_and_workers_go_on_where_any_others_stopped(kind: str, corpus: Corpus, training: Any) -> None:
    given = settings(kind, corpus)
    whole, _ = training(1, 0, given).run(STEPS)
    for step, (before, after) in enumerate(zip(WORLDS, WORLDS[1:] + WORLDS[:1], strict=True), start=3):
        first, state = training(*before, given).run(step)
        second, _ = training(*after, given).run(STEPS - step, json.loads(json.dumps(state)))
        assert first + second == whole


def test_micro_batches_do_not_change_the_sequence(corpus: Corpus, training: Any) -> None:
    given = settings("one source", corpus)
    whole, _ = training(1, 0, given).run(STEPS)
    for micro in (1, 2, 3, 6):
        assert training(2, 3, {**given, "micro_batch": micro}).run(STEPS)[0] == whole


def test_an_epoch_has_no_sample_twice_and_the_next_one_another_order(corpus: Corpus) -> None:
    dataset = StreamingDocuments(corpus(100), batch=24)
    first, second = ([sample.id for sample in dataset] for _ in range(2))
    assert len(set(first)) == len(set(second)) == 96
    assert first != second


@pytest.mark.parametrize(("tail", "counts"), [("drop", (4, 4)), ("short", (5, 1))])
def test_what_is_left_out_of_an_epoch_is_told(tail: str, counts: tuple[int, int], corpus: Corpus) -> None:
    folder = corpus(100)
    of_ranks = [StreamingDocuments(folder, batch=24, tail=tail, rank=rank, ranks=3) for rank in range(3)]  # type: ignore[arg-type]
    assert {(dataset.steps_of_an_epoch, dataset.left_out) for dataset in of_ranks} == {counts}
    assert len({len(list(dataset)) for dataset in of_ranks}) == 1


def test_the_state_counts_samples_that_were_yielded(corpus: Corpus) -> None:
    dataset = StreamingDocuments(corpus(100), batch=24)
    samples = iter(dataset)
    for _ in range(5):
        next(samples)
    assert dataset.state_dict()["position"] == 5


def test_saving_right_after_loading_gives_the_same_state(corpus: Corpus, training: Any) -> None:
    given = settings("packed", corpus)
    _, state = training(2, 1, given).run(5)
    dataset = StreamingDocuments(**given, batch=24)
    dataset.load_state_dict(state)
    assert dataset.state_dict() == dataset.loader().state_dict() == state


def test_a_state_is_small(corpus: Corpus) -> None:
    dataset = StreamingDocuments(corpus(100), batch=24)
    next(iter(dataset))
    assert len(json.dumps(dataset.state_dict())) < 300


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"seed": 1}, "state: its seed is another"),
        ({"url": "other"}, r"state: its data are others \(another set of shards, or another split\); its mixture is another"),
        ({"shuffle": 2}, "state: its shuffling is another"),
        ({"batch": 12}, "state: its batch is another"),
        ({"packing": Packing(tokenizer=words, length=40, image_tokens=8)}, "state: its packing is another"),
    ],
)
def test_a_state_of_another_stream_is_refused_by_name(changed: dict[str, Any], problem: str, corpus: Corpus) -> None:
    state = StreamingDocuments(corpus(100), batch=24).state_dict()
    changed = {"url": corpus(90, "other")} if "url" in changed else {"url": corpus(100), **changed}
    with pytest.raises(ConfigError, match=problem):
        StreamingDocuments(**{"batch": 24, **changed}).load_state_dict(state)


@pytest.mark.parametrize("other", [None, Packing(tokenizer=words, length=41, image_tokens=8)])
def test_a_state_of_packed_samples_is_refused_by_another_packing(other: Packing | None, corpus: Corpus) -> None:
    folder = corpus(100)
    packed = StreamingDocuments(folder, packing=Packing(tokenizer=words, length=40, image_tokens=8))
    with pytest.raises(ConfigError, match="state: its packing is another"):
        StreamingDocuments(folder, packing=other).load_state_dict(packed.state_dict())


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"version": 9}, "state: its version is 9, this Interloom reads 1"),
        ({"more": 1}, "state: it is no state of StreamingDocuments"),
    ],
)
def test_what_is_no_state_of_this_version_is_refused(values: dict[str, int], problem: str, corpus: Corpus) -> None:
    dataset = StreamingDocuments(corpus(100), batch=24)
    with pytest.raises(ConfigError, match=problem):
        dataset.load_state_dict({**dataset.state_dict(), **values})


def test_loading_after_iterating_has_begun_is_refused(corpus: Corpus) -> None:
    dataset = StreamingDocuments(corpus(100), batch=24)
    state = dataset.state_dict()
    next(iter(dataset))
    with pytest.raises(ConfigError, match="load_state_dict: iterating has begun"):
        dataset.load_state_dict(state)


def test_ranks_that_cannot_go_on_within_a_batch_are_told(corpus: Corpus) -> None:
    dataset = StreamingDocuments(corpus(100), batch=24, ranks=8)
    next(iter(dataset))
    other = StreamingDocuments(corpus(100), batch=24, ranks=3)
    other.load_state_dict(dataset.state_dict())
    with pytest.raises(ConfigError, match="the state is within a batch, at sample 8 of 24, where 3 ranks cannot go on"):
        next(iter(other))


def test_states_of_different_moments_are_not_merged(corpus: Corpus, training: Any) -> None:
    given = settings("one source", corpus)
    states = [training(1, 0, given).run(steps)[1] for steps in (1, 2)]
    with pytest.raises(ConfigError, match="not of one moment"):
        merged(states)


@pytest.mark.parametrize("kind", ["one source", "packed"])
def test_two_ranks_of_two_worker_processes_go_on_with_others(kind: str, corpus: Corpus, training: Any) -> None:
    given = settings(kind, corpus)
    whole, _ = training(1, 0, given).run(STEPS)
    of_ranks, states = [], []
    for rank in range(2):
        loader = StreamingDocuments(**given, batch=24, micro_batch=6, rank=rank, ranks=2).loader(workers=2)
        batches = iter(loader)
        of_ranks.append([told(sample) for _ in range(10) for sample in next(batches)])
        states.append(loader.state_dict())
    first = [sample for together in zip(*of_ranks, strict=True) for sample in together]
    second, _ = training(3, 0, given).run(STEPS - 5, merged(states))
    assert first + second == whole


def told(sample: Any) -> Any:
    return tuple(zip(sample.ids, sample.lengths, strict=True)) if hasattr(sample, "ids") else sample.id


def test_a_data_loader_with_workers_gives_the_samples_in_order(corpus: Corpus) -> None:
    folder = corpus(100)
    dataset = StreamingDocuments(folder, batch=24, micro_batch=4)
    batches = DataLoader(dataset, batch_size=4, num_workers=2, collate_fn=list)  # type: ignore[arg-type]
    assert [s.id for batch in batches for s in batch] == [s.id for s in StreamingDocuments(folder, batch=24)]


def test_a_loader_goes_from_epoch_to_epoch(corpus: Corpus) -> None:
    folder = corpus(100)
    loader = StreamingDocuments(folder, batch=24).loader(collate=len)
    assert [list(loader), loader.state_dict()["epoch"], list(loader), loader.state_dict()["epoch"]] == [[24] * 4, 1, [24] * 4, 2]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stateful_data_loader_goes_on_where_it_stopped(workers: int, corpus: Corpus) -> None:
    def loader() -> StatefulDataLoader[Any]:
        dataset = StreamingDocuments(corpus(100), batch=24, micro_batch=4)
        return StatefulDataLoader(dataset, batch_size=4, num_workers=workers, collate_fn=list)  # type: ignore[arg-type]

    whole = [[sample.id for sample in batch] for batch in loader()]
    stopped = loader()
    batches = iter(stopped)
    first = [[sample.id for sample in next(batches)] for _ in range(7)]
    resumed = loader()
    resumed.load_state_dict(stopped.state_dict())
    assert first + [[sample.id for sample in batch] for batch in resumed] == whole


@pytest.mark.parametrize(("workers", "batches"), [(0, 7), (2, 1), (2, 7)])
def test_the_state_of_a_stateful_data_loader_goes_on_with_other_workers(workers: int, batches: int, corpus: Corpus) -> None:
    dataset = StreamingDocuments(corpus(100), batch=24, micro_batch=4)
    loader = StatefulDataLoader(dataset, batch_size=4, num_workers=workers, collate_fn=list)  # type: ignore[arg-type]
    reading = iter(loader)
    first = [sample.id for _ in range(batches) for sample in next(reading)]
    resumed = StreamingDocuments(corpus(100), batch=24)
    resumed.load_state_dict(merged(loader.state_dict()))
    assert first + [sample.id for sample in resumed] == [sample.id for sample in StreamingDocuments(corpus(100), batch=24)]


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"_snapshot": {}, "_steps_since_snapshot": 2}, "state: it is older than what the StatefulDataLoader has yielded"),
        ({"optimizer": {}}, "state: it is no state of StreamingDocuments"),
        ([], "state: there is none to merge"),
    ],
)
def test_what_cannot_be_merged_is_told(record: Any, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        merged(record)


@pytest.mark.parametrize("record", [None, "x", [None], ["x"]])
def test_what_is_no_record_is_not_merged(record: Any) -> None:
    kind = type(record[0] if isinstance(record, list) else record).__name__
    with pytest.raises(ConfigError, match=f"state: it is no state of StreamingDocuments, but {kind}"):
        merged(record)


@pytest.mark.parametrize("lanes", [None, 5, [1]])
def test_a_state_with_damaged_lanes_is_refused(lanes: Any, corpus: Corpus) -> None:
    stream = StreamingDocuments(corpus())
    with pytest.raises(ConfigError, match="state: it is damaged: its lanes are no lists of numbers"):
        stream.load_state_dict({**stream.state_dict(), "lanes": lanes})


@pytest.mark.parametrize("epoch", [-1, None, "1", True, 1.5])
def test_an_epoch_that_is_none_is_refused(epoch: Any, corpus: Corpus) -> None:
    with pytest.raises(ConfigError, match="set_epoch: an integer, at least 0, not "):
        StreamingDocuments(corpus()).set_epoch(epoch)
