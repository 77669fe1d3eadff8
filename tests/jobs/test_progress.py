"""What a run shows of its progress: lines for people where there is no terminal, lines of JSON for machines."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from interloom.jobs import _progress, _unit_log
from interloom.jobs.__main__ import main
from interloom.pipeline.execution.phase_run import Progress
from interloom.pipeline.store.commits import FailedUnit

SOURCE_STEP = "stages.read_documents"


@pytest.fixture
def ran(recipe: Callable[..., str], crawl: Callable[..., str]) -> Callable[..., Result]:
    """Runs two texts, one of them too short, with these options."""

    def run(*words: str) -> Result:
        steps = (SOURCE_STEP, {"paths": crawl(["one two three", "short"])}), ("filters.word_count", {"at_least": 3})
        return CliRunner().invoke(main, ["run", recipe(*steps, "stages.write_parquet"), "--runner", "local", *words])

    return run


def test_a_line_of_json_for_each_unit_tells_what_each_step_did(ran: Any) -> None:
    done = ran("--log-json", "-")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    units = {event["phase"]: event for event in events if event["event"] == "unit"}
    first = units["read_documents"]
    assert first["steps"]["word_count"]["documents"] == {
        "in": 2,
        "out": 1,
        "dropped": {"too_few_words": 1},
        "quarantined": 0,
    }
    assert (first["done"], first["units"], first["seconds"] > 0) == (1, 1, True)
    assert first["bytes"] == sum(first["stored"].values()) == first["used"]["written_bytes"] > 0
    assert first["steps"]["read_documents"]["used"]["read_bytes"] > 0
    assert set(units["write_parquet.write"]["stored"]) == {"shards"}
    assert [event["phase"] for event in events if event["event"] == "phase"] == [
        "read_documents",
        "read_documents.scatter",
        "write_parquet.assign",
        "write_parquet.write",
    ]
    assert "every document and image is accounted for" in done.stderr


def test_lines_of_json_are_appended_to_a_file_when_a_run_goes_on(ran: Any, tmp_path: Path) -> None:
    log = tmp_path / "units.jsonl"
    assert ran("--log-json", str(log)).exit_code == 0
    before = log.read_text()
    again = ran("--log-json", str(log))
    resumed = [json.loads(line) for line in log.read_text().removeprefix(before).splitlines()]
    assert {(event["event"], event["resumed"]) for event in resumed} == {("phase", 1)}
    assert "every document and image is accounted for" in again.stdout


def test_a_log_that_cannot_be_written_is_refused_in_a_line(ran: Any, tmp_path: Path) -> None:
    done = ran("--log-json", str(tmp_path / "none" / "units.jsonl"))
    assert (done.exit_code, done.stderr) == (2, f"--log-json {tmp_path}/none/units.jsonl: No such file or directory\n")


def test_quiet_shows_nothing_of_a_run_without_faults(ran: Any) -> None:
    assert ran("-q").output == ""


def test_verbose_shows_a_line_for_each_unit(ran: Any) -> None:
    lines = [line for line in ran("-v").stderr.splitlines() if line.startswith("read_documents: unit ")]
    assert len(lines) == 1
    assert ", 2 documents, " in lines[0]


def test_the_output_has_no_colours_where_there_is_no_terminal(ran: Any) -> None:
    assert "\x1b" not in ran().output


def shown(*reports: Progress) -> list[str]:
    out = io.StringIO()
    lines = _progress.PhaseLines(_progress.Notes(Console(file=out, width=200)))
    for report in reports:
        lines.report(report)
    lines.tell()
    return out.getvalue().splitlines()


def test_phases_at_work_are_told_and_complete_ones_are_not_told_again() -> None:
    assert shown(Progress("read", 2, 2, 0, 10, complete=True), Progress("score", 0, 40, 0, 0)) == [
        "read: 2 units",
        "score: 0 of 40 units",
    ]


def test_the_time_left_follows_from_the_units_of_this_run(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 100.0, 100.0])
    monkeypatch.setattr(_progress.time, "perf_counter", lambda: next(clock))
    first, now = Progress("score", 10, 40, 10, 500), Progress("score", 20, 40, 10, 1500)
    assert shown(first, now) == ["score: 20 of 40 units, 1,500 documents, 10 documents/s, 3:20 min left"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (60, "1:00 min"), (3599, "59:59 min"), (3600, "1:00 h"), (90000, "25:00 h")]
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert _progress.duration(seconds) == text


def test_a_unit_that_failed_is_an_event_and_a_line() -> None:
    failed = FailedUnit("abc", "score", "lost its worker 3 times")
    [event] = _unit_log.events(Progress("score", 1, 2, 0, 5, ended=failed))
    assert event == {
        "event": "failed",
        "phase": "score",
        "done": 1,
        "units": 2,
        "unit": "abc",
        "error": "lost its worker 3 times",
    }
    assert _unit_log.text(failed) == "score: unit abc failed: lost its worker 3 times"


def test_a_note_is_an_event() -> None:
    [event] = _unit_log.events(Progress("score", 1, 2, 0, 5, note="waits for a node"))
    assert event == {"event": "note", "phase": "score", "text": "waits for a node"}
