"""Settings that cannot work are told in a line when the stream is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interloom.loader import Access, Cache, Source, Split, StreamingDocuments
from interloom.loader.packing import Packing
from interloom.loader.pictures import Pictures
from interloom.loader.windows import Windows
from interloom.pipeline.errors import ConfigError
from interloom.schemas.document import Document, Text
from interloom.schemas.document import Source as Origin

Corpus = Callable[..., str]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"batch": 11}, "batch: an epoch has 10 samples, which fill no batch of 11; lower batch, or give tail='short'"),
        (
            {"batch": 11, "epochs": 0},
            "batch: an epoch has 10 samples, which fill no batch of 11; lower batch, or give tail='short'",
        ),
        ({"batch": 12, "ranks": 12, "tail": "short"}, "ranks: an epoch has 10 samples, which 12 ranks cannot share"),
        ({"batch": 2.5}, "batch: an integer, at least 1, not 2.5"),
        ({"shuffle": -1}, "shuffle: an integer, at least 0, not -1"),
        ({"epochs": float("inf")}, "epochs: an integer, at least 0, not inf"),
        ({"ranks": 0}, "ranks: an integer, at least 1, not 0"),
        ({"seed": "x"}, "seed: an integer, not 'x'"),
        ({"batch": True}, "batch: an integer, not True"),
        ({"batch": None}, "batch: an integer, at least 1, not None"),
        ({"shuffle": None}, "shuffle: an integer, at least 0, not None"),
        ({"epochs": None}, "epochs: an integer, at least 0, not None"),
        ({"seed": None}, "seed: an integer, not None"),
        ({"packing": 3}, "packing: Packing(...), not 3"),
        ({"split": "train"}, "split: Split(...), not 'train'"),
        ({"access": None}, "access: Access(...), not None"),
        ({"access": Access(cache="/tmp")}, "access: cache: Cache(folder=...), not '/tmp'"),  # type: ignore[arg-type]
        ({"access": Access(cache=Cache(folder=None))}, "cache: folder: a local folder, not None"),  # type: ignore[arg-type]
        ({"url": None}, "url: a folder of shards, or a list of folders, not None"),
        ({"url": ["a", 5]}, "url: a folder of shards, or a list of folders, not 5"),
        ({"url": (), "mixture": ("a",)}, "mixture: a list of Source(url=..., weight=...), not ('a',)"),
        ({"url": (), "mixture": {"a": 1}}, "mixture: a list of Source(url=..., weight=...), not {'a': 1}"),
        ({"packing": Packing(tokenizer=None, length=9)}, "packing: tokenizer: a function of a text, not None"),  # type: ignore[arg-type]
        ({"packing": Packing(tokenizer=str.split, length="9")}, "packing: length: an integer, at least 1, not '9'"),  # type: ignore[arg-type]
        (
            {"packing": Packing(tokenizer=str.split, length=9, image_tokens=-5)},
            "packing: image_tokens: an integer, at least 0, not -5",
        ),
        ({"view": 5}, "view: a function of a sample, not 5"),
        ({"access": Access(threads=-3)}, "access: threads: an integer, at least 0, not -3"),
        ({"access": Access(most_errors=-1)}, "access: most_errors: an integer, at least 0, not -1"),
        ({"access": Access(cache=Cache(folder="/tmp", most_bytes=0))}, "cache: most_bytes: an integer, at least 1, not 0"),
    ],
)
def test_a_stream_that_cannot_work_is_refused(values: dict[str, Any], problem: str, corpus: Corpus) -> None:
    with pytest.raises(ConfigError) as error:
        StreamingDocuments(**{"url": corpus(10), **values})
    assert str(error.value) == problem


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"tokens": 0}, "windows: tokens: an integer, at least 1, not 0"),
        ({"most_images": -1}, "windows: most_images: an integer, at least 1, not -1"),
        ({"tokenizer": None}, "windows: tokenizer: a function of a text, not None"),
        ({"least_similarity": "0.2"}, "windows: least_similarity: a number or None, not '0.2'"),
    ],
)
def test_windows_that_would_hold_nothing_are_refused(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        Windows(**{"tokenizer": str.split, **values})
    assert str(error.value) == problem


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (None, "state: it is no state of StreamingDocuments, but NoneType"),
        ({"position": 11}, "state: its position is 11, an epoch has 10 samples"),
        ({"epoch": -1}, "state: it is damaged: a number in it is below 0, or none"),
    ],
)
def test_a_state_that_cannot_be_is_refused(change: Any, problem: str, corpus: Corpus) -> None:
    dataset = StreamingDocuments(corpus(10))
    with pytest.raises(ConfigError) as error:
        dataset.load_state_dict(None if change is None else {**dataset.state_dict(), **change})  # type: ignore[arg-type]
    assert str(error.value) == problem


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"workers": -1}, "loader: workers: an integer, at least 0, not -1"),
        (
            {"batch_size": 4},
            "loader: no option 'batch_size'; the batch is that of StreamingDocuments(batch=, micro_batch=)",
        ),
        ({"pin_memry": True}, "loader: no option 'pin_memry'; did you mean 'pin_memory'?"),
    ],
)
def test_a_loader_that_cannot_work_is_refused(values: dict[str, Any], problem: str, corpus: Corpus) -> None:
    with pytest.raises(ConfigError) as error:
        StreamingDocuments(corpus(10)).loader(**values)
    assert str(error.value) == problem


@pytest.mark.parametrize(("variable", "what"), [("RANK", "rank"), ("WORLD_SIZE", "ranks")])
def test_a_rank_in_the_environment_that_is_no_number_is_told(
    variable: str, what: str, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "x")
    with pytest.raises(ConfigError, match=f"{what}: the environment variable {variable} is 'x', not a number; give {what}="):
        StreamingDocuments(corpus(10))


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"form": "bytez"}, "pictures: form is 'pil', 'tensor', 'bytes', not 'bytez'"),
        ({"draft": 0}, "pictures: draft: an integer, at least 1, not 0"),
    ],
)
def test_pictures_of_no_known_form_are_refused(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Pictures(**values)


def test_folders_may_be_paths(corpus: Corpus) -> None:
    folder = Path(corpus(10))
    mixture = (Source(url=folder), Source(url=folder))
    assert [len(list(StreamingDocuments(folder))), len(list(StreamingDocuments(mixture=mixture)))] == [10, 20]


def test_of_a_mixture_the_source_without_a_validation_part_is_named(tmp_path: Path, folder_of: Any) -> None:
    def folder(name: str, hosts: int) -> str:
        docs = [
            Document(id=f"{name}{n}", source=Origin(url=f"https://h{n}.example"), elements=(Text(position=0, text="a"),))
            for n in range(hosts)
        ]
        return str(folder_of(tmp_path / name, docs, 100))

    small, large = folder("small", 1), folder("large", 40)
    part = Split(part="validation", validation=0.25)
    mixture = (Source(url=large, weight=1), Source(url=small, weight=1))
    with pytest.raises(ConfigError) as error:
        StreamingDocuments(mixture=mixture, split=part)
    assert str(error.value) == f"{small}: no samples in the part 'validation'"
