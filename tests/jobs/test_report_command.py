"""`interloom report` shows what a selection left of groups, and `why` names the group that decided."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from interloom.jobs.__main__ import main
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.store import naming, run_reader

MIX = ("stages.mix", {"by": "length", "weights": {"4-7": 1, "1": 3, "2-3": 2}, "total": 6})


@pytest.fixture
def finished(run: Callable[..., FinishedPhases], crawl: Callable[..., str]) -> FinishedPhases:
    texts = ["one"] * 4 + ["one two"] * 5 + ["one two three four"] * 3
    return run(("stages.read_documents", {"paths": crawl(texts)}), MIX, "stages.write_parquet")


def output(*command: str) -> list[str]:
    answer = CliRunner().invoke(main, list(command))
    assert answer.exit_code == 0, answer.output
    return answer.output.splitlines()


def test_groups_are_shown_before_and_after(finished: FinishedPhases) -> None:
    lines = [line.split() for line in output("report", finished.run)]
    assert lines[0] == ["mix"]
    assert [line[:3] for line in lines[2:4]] == [["before", "3", "12"], ["after", "3", "6"]]
    assert ["2-3", "5", "2"] in [line[:3] for line in lines]
    assert ["1", "4", "3", "4", "3", "3"] in lines


def test_examples_are_ids_of_documents_of_the_group(finished: FinishedPhases) -> None:
    ids = {doc.id for _, doc in naming.find(finished.run, "crawl-0").documents}
    [shown] = [line for line in output("report", finished.run, "--step", "mix") if line.split()[:3] == ["1", "4", "3"]][:1]
    assert any(id_ in shown for id_ in ids)


@pytest.mark.parametrize("content", [b"", b"PAR1 and nothing more", None])
def test_a_report_that_is_damaged_is_one_line(finished: FinishedPhases, content: bytes | None) -> None:
    file = Path(finished.run, "reports", "mix.groups.parquet")
    file.write_bytes(file.read_bytes()[:-9] if content is None else content)
    answer = CliRunner().invoke(main, ["report", finished.run])
    assert answer.exit_code == 1
    [line] = answer.stderr.splitlines()
    assert line.startswith(f"failed: {file} is damaged (")


def test_a_run_without_reports_is_one_line(run: Callable[..., FinishedPhases], crawl: Callable[..., str]) -> None:
    finished = run(("stages.read_documents", {"paths": crawl(["a"])}), "stages.write_parquet")
    for options, end in (([], ": no step has written any"), (["--step", "read_documents"], " of 'read_documents'")):
        answer = CliRunner().invoke(main, ["report", finished.run, *options])
        assert (answer.exit_code, answer.output) == (1, f"failed: {finished.run} has no reports{end}\n")


def test_a_step_that_the_run_does_not_have_is_named_with_the_nearest(finished: FinishedPhases) -> None:
    answer = CliRunner().invoke(main, ["report", finished.run, "--step", "mxi"])
    assert (answer.exit_code, answer.output) == (2, f"{finished.run} has no step 'mxi'; did you mean 'mix'?\n")


def test_why_names_the_group_that_decided(finished: FinishedPhases) -> None:
    dropped: list[dict[str, Any]] = list(run_reader.decisions(finished.run))
    assert {row["kept"] for row in dropped} == {"length 1", "length 2-3", "length 4-7"}
    lines = output("why", finished.run, dropped[0]["id"])
    assert f"; decided by {dropped[0]['kept']}" in lines[1]
