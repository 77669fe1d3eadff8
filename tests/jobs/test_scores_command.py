"""`interloom scores` tells how the scores of a run are distributed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner

from interloom.jobs.__main__ import main
from interloom.jobs._scores import _by_place
from interloom.pipeline.execution.units import FinishedPhases
from interloom.schemas.rows import Score, score_table

SINK = "stages.write_parquet"


@pytest.fixture
def read(crawl: Callable[..., str]) -> tuple[str, dict[str, str]]:
    return "stages.read_documents", {"paths": crawl(["x" * n for n in (1, 2, 3, 4, 10)])}


def test_each_score_has_its_count_and_quantiles(run: Callable[..., FinishedPhases], read: object) -> None:
    finished = run(read, "scores_length", ("filters.score", {"of": "length", "on": "document", "at_least": 3}), SINK)
    answer = CliRunner().invoke(main, ["scores", finished.run])
    header, row = answer.output.splitlines()
    assert header.replace(" %", "%").split() == ["step", "score", "of", "count", "0%", "5%", "25%", "50%", "75%", "95%", "100%"]
    assert row.split() == ["scores_length", "length", "documents", "5", "1", "1", "2", "3", "4", "10", "10"]


def test_scores_of_elements_are_told_apart_from_those_of_documents() -> None:
    rows: list[Score] = [("a", None, "clip", "best", 0.5), ("a", 3, "clip", "best", 0.25), ("b", 1, "clip", "best", 0.75)]
    assert {place: values.tolist() for place, values in _by_place(score_table(rows))} == {
        ("clip", "best", "documents"): [0.5],
        ("clip", "best", "elements"): [0.25, 0.75],
    }


def test_a_run_without_scores_is_one_line(run: Callable[..., FinishedPhases], read: object) -> None:
    finished = run(read, SINK)
    result = CliRunner().invoke(main, ["scores", finished.run])
    assert result.exit_code != 0
    assert "has no scores: no step has given any" in str(result.exception) + result.output
