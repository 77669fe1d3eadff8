"""The way in for notebooks: documents, decisions and scores of a run or of shards as tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import interloom
from interloom.loader import StreamingDocuments
from interloom.pipeline.errors import ConfigError

TEXTS = ["a page of words", "short", "another page of words"]
STEPS = (("filters.word_count", {"at_least": 3}), "scores_length")


@pytest.fixture
def finished(crawl: Callable[..., str], recipe: Callable[..., str], tmp_path: Path) -> Callable[..., Any]:
    def run(sink: Any) -> Any:
        source = ("stages.read_documents", {"paths": crawl(TEXTS)})
        return interloom.run(recipe(source, *STEPS, sink), runner="local")

    return run


@pytest.mark.parametrize("sink", ["stages.write_parquet", "stages.write_webdataset"])
def test_a_run_gives_documents_decisions_and_scores(sink: str, finished: Callable[..., Any], tmp_path: Path) -> None:
    run = finished(sink)
    assert sorted(map(" ".join, run.documents()["texts"].to_pylist())) == sorted([TEXTS[0], TEXTS[2]])
    assert [(row["reason"], row["value"]) for row in run.decisions().to_pylist()] == [("too_few_words", 1.0)]
    assert sorted(run.scores()["value"].to_pylist()) == [15.0, 21.0]
    assert run.sql("select count(*) from documents").fetchall() == [(2,)]
    [folder] = run.sinks.values()
    assert interloom.open(folder).documents().equals(run.documents())


def test_a_run_streams_as_its_manifest_says(finished: Callable[..., Any]) -> None:
    [folder] = finished("stages.write_webdataset").sinks.values()
    assert len({sample.id for sample in StreamingDocuments(folder)}) == 2


def test_the_layout_of_texts_is_a_table_too(finished: Callable[..., Any]) -> None:
    run = finished(("stages.write_webdataset", {"layout": "text"}))
    assert sorted(run.documents()["text"].to_pylist()) == sorted([TEXTS[0], TEXTS[2]])


def test_of_several_sinks_one_is_named(crawl: Callable[..., str], recipe: Callable[..., str]) -> None:
    source = ("stages.read_documents", {"paths": crawl(TEXTS)})
    run = interloom.run(recipe(source, "stages.write_parquet", "stages.write_webdataset"), runner="local")
    with pytest.raises(ConfigError, match="it has several sinks; name one of write_parquet, write_webdataset"):
        run.documents()
    assert run.documents("write_webdataset").num_rows == 3


def test_what_is_neither_a_run_nor_shards_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"neither a run \(no plan.json\) nor finished shards"):
        interloom.open(str(tmp_path))


def test_shards_have_no_decisions(finished: Callable[..., Any]) -> None:
    [folder] = finished("stages.write_parquet").sinks.values()
    with pytest.raises(ConfigError, match="decisions and scores are in the run's folder"):
        interloom.open(folder).decisions()


def test_the_package_has_no_other_names() -> None:
    assert [hasattr(interloom, name) for name in ("open", "run", "ran")] == [True, True, False]
