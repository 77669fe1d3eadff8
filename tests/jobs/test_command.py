"""The command line as a user sees it: what it prints, its exit status, and how fast it results."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from interloom.jobs import _show, _why
from interloom.jobs.__main__ import main
from interloom.pipeline.errors import ConfigError
from interloom.stages._input.ids import document_id

SINK = "stages.write_parquet"
LINES = ["one two three", "short", "poison in many words", "three words here"]


def id_of(number: int, texts: list[str]) -> str:
    """The id of the document of a line of the crawl: a hash of its file's name and its offset."""
    rows = ({"id": f"crawl-{n}", "url": f"https://example.org/crawl-{n}", "text": text} for n, text in enumerate(texts))
    return document_id("crawl.jsonl", sum(len(json.dumps(row)) + 1 for row in islice(rows, number)))


def invoke(*words: str) -> Result:
    """The result of the command with these arguments."""
    return CliRunner().invoke(main, list(words), catch_exceptions=False)


@pytest.fixture
def file(recipe: Callable[..., str], crawl: Callable[..., str]) -> str:
    """A recipe that keeps two of four documents: one is dropped, one quarantined."""
    source = ("stages.read_documents", {"paths": crawl(LINES)})
    return recipe(source, ("filters.word_count", {"at_least": 3}), "breaks_on", "scores_length", SINK, max_error_rate=0.5)


@pytest.fixture
def finished(file: str, tmp_path: Path) -> str:
    """The folder of a finished run of that recipe."""
    result = invoke("run", file, "--runner", "local")
    assert result.exit_code == 0, result.output
    return str(tmp_path / "run")


def test_validate_reports_a_correct_recipe(file: str) -> None:
    result = invoke("validate", file)
    assert (result.exit_code, result.stdout) == (0, f"{file}: 5 steps, no mistakes\n")


def test_validate_notes_what_this_machine_does_not_have(file: str) -> None:
    result = invoke("validate", file, "--set", "steps.1.resources.gpus=1000")
    assert result.exit_code == 0
    assert "note: " in result.stdout and "filters.word_count asks for 1000 gpus; this machine has" in result.stdout
    assert "note: " not in invoke("validate", file, "--set", "steps.1.resources.gpus=1000", "--gpus", "2000").stdout


def test_validate_of_a_run_elsewhere_does_not_look_for_files(file: str) -> None:
    settings = ("--set", "steps.0.with.paths=/on/the/cluster.jsonl", "--elsewhere")
    result = invoke("validate", file, *settings)
    assert result.stdout == f"{file}: 5 steps, no mistakes; files, models and credentials were not looked for\n"
    result = invoke("validate", file, *settings, "--set", "steps.1.resources.gpus=3", "--gpus", "2")
    assert result.stderr.endswith("filters.word_count asks for 3 gpus; the cluster you named has 2\n")


def test_paths_of_commands_may_begin_at_the_home_folder(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(Path(file).parent))
    assert invoke("validate", "~/recipe.yaml").exit_code == 0
    assert invoke("status", "~/nothing").stderr == f"{Path(file).parent}/nothing: no run here (it has no plan.json)\n"


def test_validate_prints_a_line_for_each_mistake_and_exits_with_two(file: str) -> None:
    result = invoke("validate", file, "--set", "steps.1.with.atleast=3", "--set", "steps.2.use=breaks_in")
    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.removeprefix(file) for line in result.stderr.splitlines()] == [
        ":9:3: filters.word_count has no parameter 'atleast'; did you mean 'at_least'?",
        ":11:3: no 'breaks_in'; `interloom list` shows what there is",
    ]


def test_every_command_that_help_lists_is_in_its_file() -> None:
    context = click.Context(main)
    commands = {name: main.get_command(context, name) for name in main.list_commands(context)}
    assert {name for name, command in commands.items() if command is None or not command.help} == set()
    assert commands.keys() >= {"validate", "run", "status", "list"}


def test_a_missing_recipe_is_reported_in_a_line() -> None:
    result = invoke("validate", "none.yaml")
    assert (result.exit_code, result.stderr) == (2, "none.yaml: no such recipe\n")


def test_a_step_too_large_for_the_given_cluster_is_reported(file: str) -> None:
    result = invoke("validate", file, "--cpus", "4", "--set", "steps.1.resources.cpus=8")
    assert result.exit_code == 2
    assert result.stderr.endswith("filters.word_count asks for 8 cpus; the cluster you named has 4\n")


def test_validate_is_fast_and_does_not_import_torch_or_ray(recipe: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>A page.")
    web = [("stages.read_html", {"paths": str(tmp_path / "page.html")}), "stages.extract_html"]
    images = [("stages.fetch_images", {"sources": ["http"]}), "stages.decode_images"]
    file = recipe(*web, *images, "stages.dedup_minhash", "stages.write_webdataset", SINK)
    heavy = ["torch", "ray", "cv2", "numba", "trafilatura", "open_clip", "scipy", "boto3"]
    code = (
        "import sys; from interloom.jobs.__main__ import main; main(['validate', sys.argv[1]], standalone_mode=False); "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_the_plan_shows_phases_and_notes_and_computes_nothing(recipe: Any, crawl: Any, tmp_path: Path) -> None:
    source = ("stages.read_documents", {"paths": crawl(["text"])})
    result = invoke("plan", recipe(source, "finds_faults", "stages.dedup_exact", SINK))
    assert result.stdout.splitlines()[:5] == [
        "read_documents: read_documents > finds_faults",
        "    1 units, 0 finished; a worker takes 1 CPUs",
        "dedup_exact.keys [exchange]: dedup_exact",
        "    units are known once the phases above are finished; a worker takes 1 CPUs",
        "dedup_exact.verdicts [verdicts]: dedup_exact",
    ]
    assert "finds_faults: takes one look" in result.stdout.splitlines()
    assert not (tmp_path / "run").exists()


def test_the_plan_of_a_finished_run_shows_all_units_as_finished(file: str, finished: str) -> None:
    lines = [line.strip() for line in invoke("plan", file).stdout.splitlines() if line.startswith("    ")]
    assert lines == ["1 units, all finished; a worker takes 1 CPUs"] * 4


def test_the_plan_shows_what_units_of_an_expensive_step_cost(recipe: Any, crawl: Any) -> None:
    source = ("stages.read_documents", {"paths": crawl(["one", "two", "three"])})
    file = recipe(source, "scores_length", "costs_two_seconds", "stages.write_parquet")
    constants = "units are cut by the cost of costs_two_seconds: 2 s per document, 0.5 s per image, about 60 s each"
    assert constants in invoke("plan", file).stdout
    invoke("run", file, "--runner", "local")
    lines = [line.strip() for line in invoke("plan", file).stdout.splitlines()]
    assert "1 units of about 6 s of work in all, all finished; a worker takes 1 CPUs" in lines


def test_the_plan_shows_units_of_a_branch_whatever_is_unfinished_in_another(recipe: Any, crawl: Any, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        Path(crawl([name], name)).rename(tmp_path / name / "1.jsonl")
    sources = [{"use": "stages.read_documents", "id": name, "with": {"paths": str(tmp_path / name)}} for name in "abc"]
    invoke("run", recipe(sources[1], SINK), "--runner", "local")
    (tmp_path / "c" / "2.jsonl").write_text('{"text": "more"}\n')
    lines = invoke("plan", recipe(*sources, {"use": SINK, "from": ["a", "b", "c"]})).stdout.splitlines()
    assert [line.partition(";")[0].strip() for line in lines if line.startswith("    ")][:4] == [
        "1 units, 0 finished",
        "1 units, all finished",
        "2 units, 0 finished",
        "units are known once the phases above are finished",
    ]


def test_the_plan_tells_the_cost_of_a_step_whose_units_are_splits(recipe: Any, crawl: Any) -> None:
    file = recipe(("stages.read_documents", {"paths": crawl(["one"])}), "costs_two_seconds", SINK)
    line = "    units are splits of the input; the cost of costs_two_seconds: 2 s per document, 0.5 s per image"
    assert line in invoke("plan", file).stdout.splitlines()


def test_a_run_ends_with_its_funnel(file: str) -> None:
    result = invoke("run", file, "--runner", "local")
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[2][:7] == ["word_count", "4", "3", "0", "0", "1", "too_few_words"]
    assert rows[3][:7] == ["breaks_on", "3", "2", "0", "0", "1", "quarantined"]
    assert result.stdout.splitlines()[-1].endswith("every document and image is accounted for")


def test_a_run_without_a_terminal_prints_a_line_for_each_phase(file: str) -> None:
    first, second = (invoke("run", file, "--runner", "local").stderr.splitlines() for _ in range(2))
    assert [line.partition(",")[0] for line in first] == [
        "read_documents: 1 units",
        "read_documents.scatter: 1 units",
        "write_parquet.assign: 1 units",
        "write_parquet.write: 1 units",
    ]
    assert second[0] == "read_documents: 1 units, 1 finished before"


def test_a_failed_run_is_exit_status_one(file: str) -> None:
    result = invoke("run", file, "--runner", "local", "--set", "max_error_rate=0")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("failed: breaks_on quarantined 1 of 3 documents (33.3%, allowed 0.0%); ")


def test_a_failed_run_names_the_command_that_lists_what_was_quarantined(file: str) -> None:
    error = invoke("run", file, "--runner", "local", "--set", "max_error_rate=0").stderr.splitlines()[-1]
    words = error.partition("`interloom ")[2].partition("`")[0].split()
    [row] = invoke(*words, "--json").stdout.splitlines()
    assert json.loads(row)["error"] == "ValueError: cannot take 'poison in many words'"


def test_the_local_runner_refuses_a_cluster(file: str) -> None:
    result = invoke("run", file, "--runner", "local", "--address", "auto")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        2,
        "--runner local runs everything in this process; --address and --workers need --runner ray",
    )


def test_status_shows_phases_and_funnel(finished: str) -> None:
    result = invoke("status", finished)
    assert result.stdout.splitlines()[0].startswith("read_documents: 1 of 1 units finished, ")
    assert [line.split()[:3] for line in result.stdout.splitlines()[-5:]] == [
        ["read_documents", "4", "4"],
        ["word_count", "4", "3"],
        ["breaks_on", "3", "2"],
        ["scores_length", "2", "2"],
        ["write_parquet", "2", "2"],
    ]


def test_why_shows_the_measured_value_and_the_limit(finished: str) -> None:
    assert invoke("why", finished, "crawl-1").stdout == (
        f"{id_of(1, LINES)} (https://example.org/crawl-1)\n"
        "    dropped by word_count (filters.word_count): too_few_words, measured 1, limit 3\n"
    )


def test_why_shows_the_error_of_a_quarantined_document(finished: str) -> None:
    result = invoke("why", finished, "https://example.org/crawl-2")
    assert (
        result.stdout.splitlines()[1]
        == "    quarantined by breaks_on (breaks_on): ValueError: cannot take 'poison in many words'"
    )


def test_why_shows_the_shard_of_a_document_that_is_in_the_output(finished: str) -> None:
    shard = f"{finished}/write_parquet/data/shard-000000.parquet"
    assert invoke("why", finished, "crawl-0").stdout == (
        f"{id_of(0, LINES)} (https://example.org/crawl-0)\n    in the output: {shard}, with 0 images\n    length = 13\n"
    )


def test_why_names_the_right_one_of_several_shards_and_sinks(run: Any, crawl: Any, tmp_path: Path) -> None:
    source = ("stages.read_documents", {"paths": crawl([f"text {n}" for n in range(300)])})
    tars = ("stages.write_webdataset", {"shard_size_bytes": 20_000, "to": str(tmp_path / "tars")})
    done = run(source, (SINK, {"shard_size_bytes": 30_000}), tars)
    shards = {path: pq.read_table(path)["id"].to_pylist() for path in Path(done.run).glob("write_parquet/data/*.parquet")}
    assert len(shards) > 1
    for path, id_ in ((path, id_) for path, ids in shards.items() for id_ in (ids[0], ids[-1])):
        lines = invoke("why", done.run, id_).stdout.splitlines()
        assert lines[1] == f"    in the output: {path}, with 0 images"
        tar = lines[2].removeprefix("    in the output: ").partition(",")[0]
        assert id_ in Path(tar).read_bytes().decode(errors="replace")


def test_why_shows_after_which_phase_a_document_is_stored_before_it_is_written(finished: str) -> None:
    for commit in Path(finished).glob("work/write_parquet.write-*/commits/*"):
        commit.unlink()
    assert "    stored after 'read_documents' with 0 images\n" in invoke("why", finished, "crawl-0").stdout


def test_why_shows_the_scores_of_a_dropped_document_and_no_place(run: Any, crawl: Any) -> None:
    done = run(("stages.read_documents", {"paths": crawl(["same", "same"])}), "scores_length", "stages.dedup_exact", SINK)
    kept = id_of(0, ["same", "same"])
    assert invoke("why", done.run, "crawl-1").stdout.splitlines()[1:] == [
        f"    dropped by dedup_exact (stages.dedup_exact): duplicate_text; {kept} was kept instead",
        "    length = 4",
    ]


def test_the_text_of_a_page_does_not_control_the_terminal(run: Any, crawl: Any) -> None:
    done = run(("stages.read_documents", {"paths": crawl(["poison \x1b[2J", "good"])}), "breaks_on", SINK, max_error_rate=1)
    assert "\x1b" not in invoke("why", done.run, "crawl-0").stdout


def test_why_lists_all_that_a_step_dropped(finished: str) -> None:
    table = invoke("why", finished, "--step", "word_count", "--reason", "too_few_words").stdout.splitlines()
    assert table[1].split()[:3] == ["word_count", id_of(1, LINES), "https://example.org/crawl-1"]
    [row] = map(json.loads, invoke("why", finished, "--step", "word_count", "--json").stdout.splitlines())
    assert (row["source_id"], row["reason"], row["value"], row["threshold"]) == ("crawl-1", "too_few_words", 1, 3)


def test_errors_lists_all_that_was_quarantined(finished: str) -> None:
    [row] = map(json.loads, invoke("errors", finished, "--json").stdout.splitlines())
    assert (row["step"], row["error"]) == ("breaks_on", "ValueError: cannot take 'poison in many words'")
    assert "cannot take 'poison in many words'" in invoke("errors", finished).stdout


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--step", "word_cuont"], "has no step 'word_cuont'; did you mean 'word_count'?"),
        (["--step", "word_count", "--reason", "too_few"], "word_count dropped nothing for the reason 'too_few'; did you mean"),
        ([], "give either the ID of a document or image, or --step"),
        (["crawl-1", "--step", "word_count"], "give either the ID of a document or image, or --step"),
    ],
)
def test_a_question_that_why_cannot_answer_is_exit_status_two(finished: str, words: list[str], problem: str) -> None:
    result = invoke("why", finished, *words)
    assert result.exit_code == 2
    assert problem in result.stderr


@pytest.mark.parametrize("ask", [_why.why, partial(_show.show, width=80)])
def test_the_beginning_of_several_ids_lists_them(
    finished: str, monkeypatch: pytest.MonkeyPatch, ask: Callable[[str, str], None]
) -> None:
    monkeypatch.setattr("interloom.pipeline.store.naming.SHORTEST_BEGINNING", 0)
    with pytest.raises(ConfigError) as error:
        ask(finished, "")
    assert error.value.problems[0] == f"'' is the beginning of the ids of 4 documents of {finished}; name one by its id:"
    assert f"    {id_of(0, LINES)} https://example.org/crawl-0" in error.value.problems


@pytest.mark.parametrize("command", ["why", "show"])
@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_id_is_a_mistake_in_the_command(finished: str, command: str, empty: str) -> None:
    result = invoke(command, finished, empty)
    assert result.exit_code == 2
    assert "Invalid value for 'ID': it is empty; give the ID of a document or image" in result.stderr.replace("[ID]", "ID")


@pytest.mark.parametrize("command", ["why", "show"])
def test_an_unknown_document_is_exit_status_one(finished: str, command: str) -> None:
    result = invoke(command, finished, "unknown")
    assert (result.exit_code, result.stderr.startswith("failed: ")) == (1, True)


def test_status_says_that_a_finished_phase_has_no_units(
    recipe: Callable[..., str], crawl: Callable[..., str], tmp_path: Path
) -> None:
    source = ("stages.read_documents", {"paths": crawl(["one text", "another text"])})
    assert invoke("run", recipe(source, "stages.dedup_minhash", SINK), "--runner", "local").exit_code == 0
    assert (
        "dedup_minhash.pairs: 0 of 0 units finished, 0.0 s of work" in invoke("status", str(tmp_path / "run")).stdout.splitlines()
    )


@pytest.mark.parametrize("words", [("status",), ("why", "x"), ("show", "x")])
def test_a_folder_without_a_run_is_reported_in_a_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    result = invoke(words[0], str(tmp_path), *words[1:])
    assert (result.exit_code, result.stderr) == (2, f"{tmp_path}: no run here (it has no plan.json)\n")


def test_show_prints_the_document_in_order(finished: str) -> None:
    assert invoke("show", finished, "crawl-0").stdout == (
        f"{id_of(0, LINES)}  after 'read_documents'\nhttps://example.org/crawl-0\n"
        "source_id: crawl-0; length = 13\n\none two three\n"
    )


def test_list_prints_a_line_for_each_plug_in() -> None:
    lines = invoke("list").stdout.splitlines()
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines)
    assert any(line.startswith("filters.aspect_ratio ") for line in lines)


def test_list_shows_the_parameters_of_a_plug_in() -> None:
    for name in ("aspect_ratio", "filters.aspect_ratio"):
        result = invoke("list", name).stdout
        assert result.startswith("filters.aspect_ratio (stage)\n\nDrops images whose longer side")
        assert "\nlongest: number, default 2.0\n    " in result


def test_list_reports_an_unknown_name() -> None:
    result = invoke("list", "aspect_ration")
    assert (result.exit_code, result.stderr) == (2, "no 'aspect_ration'; did you mean 'filters.aspect_ratio'?\n")


def test_the_schema_is_json() -> None:
    assert invoke("schema").stdout.startswith('{\n "$defs"')


def test_the_command_is_installed() -> None:
    result = subprocess.run([sys.executable, "-m", "interloom.jobs", "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("python -m interloom.jobs, version ")


@pytest.mark.parametrize("words", [("--cpus", "nan"), ("--gpus", "nan"), ("--cpus", "inf")])
def test_a_number_that_is_none_is_no_limit_that_everything_keeps(file: str, words: tuple[str, ...]) -> None:
    refused = invoke("validate", file, *words)
    assert refused.exit_code == 2
    assert f"Invalid value for '{words[0]}': {words[1]} is " in refused.stderr


def test_rates_may_lie_in_the_home_folder(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "rates.yaml").write_text("cpu_hour: x\n")
    assert invoke("plan", file, "--sample", "1", "--rates=~/rates.yaml").stderr.startswith(f"{tmp_path}/rates.yaml: cpu_hour: ")


def test_a_recipe_may_come_through_a_pipe(file: str) -> None:
    command = [sys.executable, "-m", "interloom.jobs", "validate", "/dev/stdin"]
    done = subprocess.run(command, input=Path(file).read_text(), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" steps, no mistakes\n")


@pytest.mark.parametrize("words", [("list",), ("schema",)])
def test_output_on_a_full_disk_is_told_as_such(words: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "interloom.jobs", *words]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "failed: standard output: No space left on device\n")
