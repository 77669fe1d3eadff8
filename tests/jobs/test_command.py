"""The command as a person meets it: words, exit statuses, and an answer at once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from interloom.jobs.__main__ import main

SINK = "stages.write_parquet"


def said(*words: str) -> Result:
    """What the command answers to these words."""
    return CliRunner().invoke(main, list(words), catch_exceptions=False)


@pytest.fixture
def file(recipe: Callable[..., str], crawl: Callable[..., str]) -> str:
    """A recipe that keeps two of four documents."""
    source = ("stages.read_documents", {"paths": crawl(["one two three", "short", "poison in many words", "three words here"])})
    return recipe(source, ("filters.word_count", {"at_least": 3}), "breaks_on", "scores_length", SINK, max_error_rate=0.5)


@pytest.fixture
def finished(file: str, tmp_path: Path) -> str:
    """The folder of a finished run of it."""
    answer = said("run", file, "--runner", "local")
    assert answer.exit_code == 0, answer.output
    return str(tmp_path / "run")


def test_a_right_recipe_is_told_so(file: str) -> None:
    answer = said("validate", file)
    assert (answer.exit_code, answer.stdout) == (0, f"{file}: 5 steps, no mistakes\n")


def test_mistakes_are_lines_and_exit_status_two(file: str) -> None:
    answer = said("validate", file, "--set", "steps.1.with.atleast=3", "--set", "steps.2.use=breaks_in")
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert [line.removeprefix(file) for line in answer.stderr.splitlines()] == [
        ":9:3: filters.word_count has no parameter 'atleast'; did you mean 'at_least'?",
        ":11:3: no 'breaks_in'; `interloom list` shows what there is",
    ]


def test_a_recipe_that_is_not_there_is_a_line() -> None:
    answer = said("validate", "none.yaml")
    assert (answer.exit_code, answer.stderr) == (2, "none.yaml: no such recipe\n")


def test_a_step_too_large_for_the_cluster_named_is_told(file: str) -> None:
    answer = said("validate", file, "--cpus", "4", "--set", "steps.1.resources.cpus=8")
    assert answer.exit_code == 2
    assert answer.stderr.endswith("filters.word_count asks for 8 cpus; the cluster named has 4\n")


def test_validate_answers_at_once_without_torch_or_ray(recipe: Callable[..., str], crawl: Callable[..., str]) -> None:
    source = ("stages.read_documents", {"paths": crawl(["text"])})
    file = recipe(source, "stages.extract_html", "stages.decode_images", "stages.dedup_minhash", "stages.write_webdataset", SINK)
    heavy = ["torch", "ray", "cv2", "numba", "trafilatura", "open_clip", "scipy", "boto3"]
    code = (
        "import sys; from jobs.__main__ import main; main(['validate', sys.argv[1]], standalone_mode=False); "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    started = time.perf_counter()
    answer = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    assert answer.stdout.splitlines()[-1] == "[]"
    assert seconds < 3, "under a second on a machine with nothing else to do"


def test_the_plan_shows_phases_and_notes_and_computes_nothing(recipe: Any, crawl: Any, tmp_path: Path) -> None:
    source = ("stages.read_documents", {"paths": crawl(["text"])})
    answer = said("plan", recipe(source, "finds_faults", "stages.dedup_exact", SINK))
    assert answer.stdout.splitlines()[:5] == [
        "read_documents: read_documents > finds_faults",
        "    1 units, 0 done; a worker takes 1 CPUs",
        "dedup_exact.scan [scan]: dedup_exact",
        "    units follow from the phases above; a worker takes 1 CPUs",
        "dedup_exact.decide [decide]: dedup_exact",
    ]
    assert "finds_faults: takes one look" in answer.stdout.splitlines()
    assert not (tmp_path / "run").exists()


def test_the_plan_of_a_finished_run_is_all_done(file: str, finished: str) -> None:
    lines = [line.strip() for line in said("plan", file).stdout.splitlines() if line.startswith("    ")]
    assert lines == ["1 units, all done; a worker takes 1 CPUs"] * 4


def test_a_run_ends_with_its_funnel(file: str) -> None:
    answer = said("run", file, "--runner", "local")
    rows = [line.split() for line in answer.stdout.splitlines()]
    assert rows[2][:7] == ["word_count", "4", "3", "0", "0", "1", "too_few_words"]
    assert rows[3][:7] == ["breaks_on", "3", "2", "0", "0", "1", "quarantined"]
    assert answer.stdout.splitlines()[-1].endswith("the books balance")


def test_a_run_without_a_terminal_tells_a_line_per_phase(file: str) -> None:
    first, second = (said("run", file, "--runner", "local").stderr.splitlines() for _ in range(2))
    assert [line.partition(",")[0] for line in first] == [
        "read_documents: 1 units",
        "write_parquet.sketch: 1 units",
        "write_parquet.assign: 1 units",
        "write_parquet.write: 1 units",
    ]
    assert second[0] == "read_documents: 1 units, 1 done before"


def test_a_failed_run_is_exit_status_one(file: str) -> None:
    answer = said("run", file, "--runner", "local", "--set", "max_error_rate=0")
    assert answer.exit_code == 1
    assert answer.stderr.splitlines()[-1].startswith("failed: breaks_on quarantined 1 of 3 documents (33.3%, allowed 0.0%); ")


def test_the_local_runner_refuses_a_cluster(file: str) -> None:
    answer = said("run", file, "--runner", "local", "--address", "auto")
    assert (answer.exit_code, answer.stderr.splitlines()[-1]) == (
        2,
        "--runner local is one process here; --address and --workers need --runner ray",
    )


def test_status_tells_phases_and_funnel(finished: str) -> None:
    answer = said("status", finished)
    assert answer.stdout.splitlines()[0].startswith("read_documents: 1 of 1 units done, ")
    assert [line.split()[:3] for line in answer.stdout.splitlines()[-5:]] == [
        ["read_documents", "4", "4"],
        ["word_count", "4", "3"],
        ["breaks_on", "3", "2"],
        ["scores_length", "2", "2"],
        ["write_parquet", "2", "2"],
    ]


def test_why_tells_what_was_measured(finished: str) -> None:
    assert said("why", finished, "crawl-1").stdout == (
        "crawl-1 (https://example.org/crawl-1)\n"
        "    dropped by word_count (filters.word_count): too_few_words, measured 1 against 3\n"
    )


def test_why_tells_the_error_of_what_was_quarantined(finished: str) -> None:
    answer = said("why", finished, "https://example.org/crawl-2")
    assert (
        answer.stdout.splitlines()[1]
        == "    quarantined by breaks_on (breaks_on): ValueError: cannot take 'poison in many words'"
    )


def test_why_tells_where_a_kept_document_stands(finished: str) -> None:
    assert said("why", finished, "crawl-0").stdout == (
        "crawl-0 (https://example.org/crawl-0)\n    stands after 'read_documents' with 0 images\n    length = 13\n"
    )


def test_why_tells_what_a_dropped_document_was_when_it_was_stored(run: Any, crawl: Any) -> None:
    done = run(("stages.read_documents", {"paths": crawl(["same", "same"])}), "scores_length", "stages.dedup_exact", SINK)
    assert said("why", done.run, "crawl-1").stdout.splitlines()[1:] == [
        "    dropped by dedup_exact (stages.dedup_exact): duplicate_text; crawl-0 stands for it",
        "crawl-1 (https://example.org/crawl-1)",
        "    was last stored after 'read_documents' with 0 images",
        "    length = 4",
    ]


def test_what_a_page_says_does_not_steer_the_terminal(run: Any, crawl: Any) -> None:
    done = run(("stages.read_documents", {"paths": crawl(["poison \x1b[2J", "good"])}), "breaks_on", SINK, max_error_rate=1)
    assert "\x1b" not in said("why", done.run, "crawl-0").stdout


@pytest.mark.parametrize("command", ["why", "show"])
def test_what_nobody_knows_is_exit_status_one(finished: str, command: str) -> None:
    answer = said(command, finished, "stranger")
    assert (answer.exit_code, answer.stderr.startswith("failed: ")) == (1, True)


@pytest.mark.parametrize("words", [("status",), ("why", "x"), ("show", "x")])
def test_a_folder_without_a_run_is_a_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    answer = said(words[0], str(tmp_path), *words[1:])
    assert (answer.exit_code, answer.stderr) == (2, f"{tmp_path}: no run here (it has no plan.json)\n")


def test_show_prints_the_document_in_order(finished: str) -> None:
    assert said("show", finished, "crawl-0").stdout == (
        "crawl-0  after 'read_documents'\nhttps://example.org/crawl-0\nlength = 13\n\none two three\n"
    )


def test_list_names_every_step_with_a_line() -> None:
    lines = said("list").stdout.splitlines()
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines)
    assert any(line.startswith("filters.aspect_ratio ") for line in lines)


def test_list_tells_the_parameters_of_one() -> None:
    for name in ("aspect_ratio", "filters.aspect_ratio"):
        answer = said("list", name).stdout
        assert answer.startswith("filters.aspect_ratio (stage)\n\nDrops images whose longer side")
        assert answer.endswith("\n  longest: float, default 2.0\n")


def test_list_of_a_stranger_is_told() -> None:
    answer = said("list", "aspect_ration")
    assert (answer.exit_code, answer.stderr) == (2, "no 'aspect_ration'; did you mean 'filters.aspect_ratio'?\n")


def test_the_schema_is_json() -> None:
    assert said("schema").stdout.startswith('{\n "$defs"')


def test_the_command_is_installed() -> None:
    answer = subprocess.run([sys.executable, "-m", "interloom.jobs", "--version"], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("python -m interloom.jobs, version ")
