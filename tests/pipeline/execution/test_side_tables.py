"""A stage reads the rows that earlier steps stored about the documents at hand, wherever these have gone since."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution import run_unit
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.planning import plugins
from interloom.pipeline.store import naming, run_reader
from interloom.pipeline.store.parts import TableRef
from interloom.pipeline.store.tables import read_documents

SINK = "stages.write_parquet"
TEXTS = ["the pier", "a long night", "the pier", "boats"]


@pytest.fixture
def read(crawl: Callable[..., str]) -> tuple[str, dict[str, Any]]:
    return "stages.read_documents", {"paths": crawl(TEXTS)}


def words_of(finished: FinishedPhases, phase: str) -> dict[str, str]:
    """The label `words` of each document that a phase stored, by the id in its file."""
    refs = TableRef.of(finished.files([phase], "documents"))
    return {
        doc.labels["source_id"] + doc.id[32:]: doc.labels["words"] for ref in refs for doc in read_documents(finished.run, ref)
    }


def test_a_stage_reads_the_rows_about_its_documents(run: Callable[..., FinishedPhases], read: Any) -> None:
    finished = run(read, "sets_words_aside", "reads_words", SINK)
    assert words_of(finished, "reads_words") == {f"crawl-{n}": text for n, text in enumerate(TEXTS)}


def test_rows_are_found_behind_phases_that_know_nothing_of_them(run: Callable[..., FinishedPhases], read: Any) -> None:
    finished = run(read, "sets_words_aside", "scores_length", "stages.dedup_exact", "scores_length", "reads_words", SINK)
    assert words_of(finished, "reads_words") == {"crawl-0": "the pier", "crawl-1": "a long night", "crawl-3": "boats"}


def test_children_find_the_rows_about_the_document_that_they_are_cut_from(run: Callable[..., FinishedPhases], read: Any) -> None:
    finished = run(read, "sets_words_aside", "makes_children", "reads_words", SINK)
    assert {id_ for id_ in words_of(finished, "reads_words") if "#" in id_}


def test_rows_are_found_where_branches_join(run: Callable[..., FinishedPhases], crawl: Callable[..., str]) -> None:
    sources = [{"id": name, "use": "stages.read_documents", "with": {"paths": crawl([name], name)}} for name in ("left", "right")]
    left = {"id": "aside", "use": "sets_words_aside", "from": "left"}
    finished = run(*sources, left, {"use": "reads_words", "from": ["aside", "right"]}, SINK)
    assert words_of(finished, "reads_words") == {"left-0": "left", "right-0": ""}


def test_a_step_added_later_reads_rows_of_a_finished_run(run: Callable[..., FinishedPhases], read: Any) -> None:
    run(read, "sets_words_aside", "scores_length", SINK)
    finished = run(read, "sets_words_aside", "scores_length", "reads_words", SINK)
    assert words_of(finished, "reads_words")["crawl-1"] == "a long night"
    assert [commit.seconds for commit in finished.commits("read_documents")] != []


def test_a_side_table_that_does_not_exist_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reads_wrods.py").write_text(
        "from interloom.pipeline.stage import Stage\n\nclass ReadsWrods(Stage):\n    side_tables = ('wrods',)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match="reads_wrods: no side table 'wrods'; did you mean 'words'"):
        plugins.find("reads_wrods")


def test_the_run_tells_what_each_step_scored(run: Callable[..., FinishedPhases], read: Any) -> None:
    finished = run(read, "scores_length", ("stages.dedup_exact", {}), SINK)
    rows = [row for table in run_reader.scores(finished.run) for row in table.to_pylist()]
    ids = [naming.find(finished.run, f"crawl-{n}").documents[0][1].id for n in range(len(TEXTS))]
    assert rows == [
        {"id": id_, "position": None, "step": "scores_length", "name": "length", "value": float(len(text))}
        for id_, text in zip(ids, TEXTS, strict=True)
    ]


def test_a_side_table_that_is_gone_is_stored_again_and_blames_no_document(
    run: Callable[..., FinishedPhases], read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_unit, "_FIRST_PAUSE_S", 0.0)
    finished = run(read, "sets_words_aside", SINK)
    [side] = finished.files(["read_documents"], "side:words")
    Path(finished.run, side.path).unlink()
    assert words_of(run(read, "sets_words_aside", "reads_words", SINK), "reads_words")["crawl-0"] == "the pier"
    assert Path(finished.run, side.path).exists()
