"""The graph of a recipe: what reads what, and every mistake in it told at once, with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution.resources import Capacity, Node
from interloom.pipeline.planning.plan import Plan, make_plan
from interloom.pipeline.planning.recipe import read_recipe

Planned = Callable[..., Plan]
SINK = "stages.write_parquet"


@pytest.fixture
def read(crawl: Callable[..., str]) -> tuple[str, dict[str, Any]]:
    return "stages.read_documents", {"paths": crawl(["one", "two"])}


@pytest.fixture
def two(read: Any) -> list[dict[str, Any]]:
    return [{"use": read[0], "with": read[1], "id": id_} for id_ in ("a", "b")]


def named(id_: str, use: str, **line: Any) -> dict[str, Any]:
    return {"use": use, "id": id_, **line}


@pytest.fixture
def problems(recipe: Callable[..., str]) -> Callable[..., list[str]]:
    """What is wrong with a recipe of these steps: `line: message`."""

    def find(*steps: Any, capacity: Capacity | None = None) -> list[str]:
        file = recipe(*steps)
        with pytest.raises(ConfigError) as refused:
            make_plan(*read_recipe(file), capacity=capacity)
        return [problem.removeprefix(file + ":") for problem in refused.value.problems]

    return find


def reads(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {step.key: step.inputs for step in plan.steps}


def test_a_step_reads_the_one_above(planned: Planned, read: Any) -> None:
    assert reads(planned(read, "filters.word_count", SINK)) == {
        "read_documents": (),
        "word_count": ("read_documents",),
        "write_parquet": ("word_count",),
    }


def test_a_sink_passes_on_what_it_was_given(planned: Planned, read: Any) -> None:
    plan = planned(read, SINK, "stages.write_webdataset", "filters.word_count", (SINK, {"to": "/nowhere/else"}))
    assert plan.step("write_webdataset").inputs == plan.step("word_count").inputs == ("read_documents",)


def test_several_sources_join(planned: Planned, two: Any) -> None:
    plan = planned(*two, {"use": SINK, "from": ["a", "b"]})
    assert plan.step("write_parquet").inputs == ("a", "b")


def test_a_source_whose_documents_go_nowhere_is_told(problems: Any, two: Any) -> None:
    [problem] = problems(*two, SINK)
    assert problem.endswith("what 'a' makes goes nowhere; end with a sink (stages.write_*)")


def test_branches_read_the_same_step(planned: Planned, read: Any) -> None:
    plan = planned(read, named("few", "filters.word_count"), SINK, {"use": "stages.write_webdataset", "from": "read_documents"})
    assert [step.key for step in plan.readers("read_documents")] == ["few", "write_webdataset"]


def test_a_step_may_read_one_below_it(planned: Planned, read: Any) -> None:
    plan = planned({"use": "filters.word_count", "from": "late"}, SINK, {"use": read[0], "with": read[1], "id": "late"})
    assert [step.key for step in plan.steps] == ["late", "word_count", "write_parquet"]


def test_steps_of_the_same_file_have_names_of_their_own(planned: Planned, read: Any) -> None:
    plan = planned(read, "filters.word_count", "filters.word_count", "filters.word_count", SINK)
    assert [step.key for step in plan.steps[1:4]] == ["word_count", "word_count-2", "word_count-3"]


def test_a_given_id_and_a_numbered_name_never_meet(planned: Planned, read: Any) -> None:
    plan = planned(read, named("word_count-2", "filters.word_count"), "filters.word_count", "filters.word_count", SINK)
    assert len({step.key for step in plan.steps}) == 5


def test_an_id_given_twice_is_told(problems: Any, read: Any) -> None:
    [problem] = problems(read, named("x", "filters.word_count"), named("x", "filters.word_count"), SINK)
    assert problem.endswith("the id 'x' is taken by an earlier step")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"from": "read_document"}, "no step has the id 'read_document'; did you mean 'read_documents'?"),
        ({"from": "word_count"}, "'word_count' reads from itself"),
        ({"from": []}, "filters.word_count reads from nothing; name a step or leave `from` out"),
        ({"from": ["read_documents", "read_documents"]}, "'read_documents' is named twice"),
    ],
)
def test_a_wrong_from_is_told_at_its_place(problems: Any, read: Any, line: dict[str, Any], message: str) -> None:
    assert f"8:3: {message}" in problems(read, {"use": "filters.word_count", **line}, SINK)


def test_a_recipe_begins_with_a_source(problems: Any) -> None:
    assert "4:3: filters.word_count has nothing to read; begin with a source (stages.read_*)" in problems(
        "filters.word_count", SINK
    )


def test_a_source_reads_from_no_step(problems: Any, two: Any) -> None:
    found = problems(two[0], {**two[1], "from": "a"}, {"use": SINK, "from": ["a", "b"]})
    assert [problem.partition(": ")[2] for problem in found] == ["stages.read_documents is a source and reads from no step"]


def test_documents_that_reach_no_sink_are_told(problems: Any, read: Any) -> None:
    assert problems(read) == ["4:3: what 'read_documents' makes goes nowhere; end with a sink (stages.write_*)"]


def test_a_step_below_a_sink_reads_what_the_sink_reads(problems: Any, read: Any) -> None:
    [problem] = problems(read, SINK, {"use": "stages.write_webdataset", "from": "write_parquet"})
    assert problem.endswith("'write_parquet' is a sink; read from what it reads: read_documents")


def test_a_cycle_is_told(problems: Any, read: Any) -> None:
    found = problems(
        read,
        named("x", "filters.word_count", **{"from": ["read_documents", "y"]}),
        named("y", "filters.word_count", **{"from": "x"}),
        SINK,
    )
    assert [problem.partition(": ")[2] for problem in found] == ["a cycle: x -> y -> x"]


def test_what_hangs_below_a_cycle_is_no_part_of_it(problems: Any, read: Any) -> None:
    [problem] = problems(
        read,
        (SINK, {"to": "/nowhere"}),
        {"use": "stages.write_webdataset", "from": "y", "id": "below"},
        named("x", "filters.word_count", **{"from": "y"}),
        named("y", "filters.word_count", **{"from": "x"}),
    )
    assert problem.endswith("a cycle: x -> y -> x")


def test_two_sinks_never_write_to_one_place(problems: Any, read: Any) -> None:
    [problem] = problems(read, (SINK, {"to": "/nowhere/x"}), ("stages.write_webdataset", {"to": "/nowhere/x/"}))
    assert problem.endswith("'write_webdataset' and 'write_parquet' write to the same place, /nowhere/x")


def test_all_mistakes_of_all_steps_come_at_once(problems: Any, tmp_path: Any) -> None:
    found = problems(
        ("stages.read_documents", {"paths": str(tmp_path / "none.jsonl")}),
        ("filters.word_count", {"atleast": 3, "at_most": "many"}),
        "filters.wordcount",
        ("finds_faults", {"faults": ["no model", "no binary"]}),
        SINK,
    )
    assert [problem.partition(": ")[2] for problem in found] == [
        f"stages.read_documents: {tmp_path}/none.jsonl: no such file, or nothing in it that ends in .parquet, .parq, .jsonl, "
        ".ndjson, .json, .csv, .tsv, .mds, or one of them and .gz or .zst or .zstd",
        "filters.word_count has no parameter 'atleast'; did you mean 'at_least'?",
        "at_most: input should be a valid integer, unable to parse string as an integer, not 'many'",
        "no 'filters.wordcount'; did you mean 'filters.word_count'?",
        "finds_faults: no model",
        "finds_faults: no binary",
    ]


def test_what_steps_need_is_told_together_with_mistakes_of_others(problems: Any, read: Any) -> None:
    found = problems(
        read,
        ("filters.score", {"of": "quality", "on": "document", "at_least": 0.5}),
        ("filters.word_count", {"atleast": 3}),
        "filters.image_bytes",
    )
    assert [problem.partition(": ")[2].partition(",")[0] for problem in found] == [
        "filters.score needs the score 'quality' of documents",
        "filters.word_count has no parameter 'atleast'; did you mean 'at_least'?",
        "what 'image_bytes' makes goes nowhere; end with a sink (stages.write_*)",
        "filters.image_bytes needs the bytes of images",
    ]


def test_what_a_step_with_a_mistake_would_provide_is_not_missed_below_it(problems: Any, read: Any) -> None:
    found = problems(read, ("score_of_mine", {}), ("filters.score", {"of": "quality", "at_least": 0.5}), SINK)
    assert [problem.partition(": ")[2][:18] for problem in found] == ["no 'score_of_mine'"]


def test_with_a_variable_that_is_not_set_the_graph_is_checked_all_the_same(problems: Any, read: Any) -> None:
    found = problems((read[0], {"paths": "${NOT_SET_ANYWHERE}"}), ("filters.score", {"of": "quality", "at_least": 0.5}))
    assert [problem.partition(": ")[2].partition(";")[0] for problem in found] == [
        "the environment variable NOT_SET_ANYWHERE is not set",
        "what 'score' makes goes nowhere",
    ]


def test_a_whole_number_that_no_column_holds_is_told_at_its_place(problems: Any, read: Any) -> None:
    top = {"use": "stages.select_top", "with": {"of": "random", "at_most": 1 << 63}}
    [problem] = problems(read, top, "stages.write_parquet")
    assert problem.endswith("at_most: input should be a whole number of at most 64 bits, not 9223372036854775808")


def test_a_missing_parameter_is_told_at_its_step(problems: Any) -> None:
    assert problems("stages.read_documents", SINK) == ["4:3: 'paths' is missing"]


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"cpus": 8}, "filters.word_count asks for 8 cpus; the laptop has 4"),
        ({"cpus": 2, "workers": 3}, "filters.word_count asks for 3 workers x 2 cpus; the laptop has 4"),
        ({"gpus": 1}, "filters.word_count asks for 1 gpus; the laptop has 0"),
    ],
)
def test_a_step_that_does_not_fit_the_machine_is_told(problems: Any, read: Any, resources: dict[str, int], message: str) -> None:
    line = {"use": "filters.word_count", "resources": resources}
    [problem] = problems(read, line, SINK, capacity=Capacity(4.0, 0.0, "the laptop"))
    assert problem.partition(": ")[2] == message


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"cpus": 8}, "8 CPUs, 0 GPUs for one worker"),
        ({"cpus": 4, "gpus": 1}, "4 CPUs, 1 GPUs for one worker"),
        ({"memory_bytes": 16_000_000_000}, "1 CPUs, 0 GPUs and 16.0 GB for one worker"),
        ({"cpus": 4, "memory_bytes": 8_000_000_000}, ""),
        ({"cpus": 1, "gpus": 2}, ""),
    ],
)
def test_a_worker_that_fits_no_node_of_the_cluster_is_told(
    problems: Any, planned: Planned, read: Any, resources: dict[str, int], message: str
) -> None:
    nodes = (Node(4.0, 0.0, 8e9), Node(4.0, 0.0, 8e9), Node(2.0, 2.0, 8e9))
    line = {"use": "filters.word_count", "resources": resources}
    lines = problems(read, {"use": "unknown"}, line, SINK, capacity=Capacity(10.0, 2.0, "the cluster", nodes))
    told = [text.partition(": ")[2] for text in lines if "word_count" in text]
    there = "no node of the cluster has that: they have 4 CPUs, 0 GPUs and 8.0 GB or 2 CPUs, 2 GPUs and 8.0 GB"
    assert told == ([f"filters.word_count asks for {message}; {there}"] if message else [])


def test_the_recipes_seed_is_that_of_every_step_that_takes_one(planned: Planned, read: Any) -> None:
    plan = planned(read, "stages.dedup_minhash", SINK, seed=11)
    assert plan.step("dedup_minhash").parameters["seed"] == 11


def test_a_later_key_is_no_part_of_an_earlier_fingerprint(planned: Planned, read: Any) -> None:
    short, long = planned(read, SINK), planned(read, "filters.word_count", SINK)
    assert short.step("read_documents").fingerprint == long.step("read_documents").fingerprint
    assert short.step("write_parquet").fingerprint != long.step("write_parquet").fingerprint


def test_a_run_in_a_store_without_credentials_is_told(
    problems: Any, recipe: Any, read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", "/nowhere")
    file = recipe(read, SINK, run="s3://bucket/run")
    with pytest.raises(ConfigError, match=r"recipe.yaml:2:1: s3://bucket/run: no S3 credentials found"):
        make_plan(*read_recipe(file))


def test_two_sinks_never_write_to_one_place_under_two_names(planned: Any, crawl: Any, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "out")
    source = ("stages.read_documents", {"paths": crawl(["text"])})
    for other in (f"{tmp_path}/x/../out", f"{tmp_path}/link"):
        with pytest.raises(ConfigError, match="write to the same place"):
            planned(source, ("stages.write_parquet", {"to": f"{tmp_path}/out"}), ("stages.write_webdataset", {"to": other}))


@pytest.mark.parametrize("other", ["{}/out/sub", "{}/run/write_parquet", "{}/run/write_parquet/sub"])
def test_no_sink_writes_into_the_folder_of_another(planned: Any, crawl: Any, tmp_path: Path, other: str) -> None:
    source = ("stages.read_documents", {"paths": crawl(["text"])})
    first = {"to": f"{tmp_path}/out"} if "/out" in other else {}
    with pytest.raises(ConfigError, match=r"one writes into the folder of the other|write to the same place"):
        planned(source, ("stages.write_parquet", first), ("stages.write_webdataset", {"to": other.format(tmp_path)}))


def test_targets_whose_names_begin_alike_are_no_conflict(planned: Any, crawl: Any, tmp_path: Path) -> None:
    sinks = (("stages.write_parquet", {"to": f"{tmp_path}/out"}), ("stages.write_webdataset", {"to": f"{tmp_path}/out2"}))
    assert len(planned(("stages.read_documents", {"paths": crawl(["text"])}), *sinks).steps) == 3


@pytest.mark.parametrize(
    ("to", "problem"),
    [
        ("run", "holds the run's own folder"),
        (".", "holds the run's own folder"),
        ("run/work/x", "intermediate"),
        ("file", "is a file"),
    ],
)
def test_a_sink_in_a_wrong_place_is_refused_before_any_work(
    planned: Any, crawl: Any, tmp_path: Path, to: str, problem: str
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match=problem):
        planned(("stages.read_documents", {"paths": crawl(["text"])}), ("stages.write_parquet", {"to": str(tmp_path / to)}))


def test_a_damaged_plan_beside_the_work_of_a_run_is_written_again(planned: Any, crawl: Any, tmp_path: Path) -> None:
    (tmp_path / "run" / "work").mkdir(parents=True)
    (tmp_path / "run" / "plan.json").write_text("{")
    assert planned(("stages.read_documents", {"paths": crawl(["text"])}), "stages.write_parquet").run == str(tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "problem"), [("file", "is a file"), ("mine", "was not written by Interloom"), ("other", "no run wrote it")]
)
def test_a_run_never_begins_in_what_is_not_a_run(planned: Any, crawl: Any, tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/plan.json").write_text('"my own"')
    (tmp_path / "other").mkdir()
    (tmp_path / "other/recipe.yaml").write_text("mine")
    with pytest.raises(ConfigError, match=problem):
        planned(("stages.read_documents", {"paths": crawl(["text"])}), "stages.write_parquet", run=str(tmp_path / name))


def test_a_problem_points_at_the_parameter_that_it_names(problems: Any, read: Any) -> None:
    assert problems(read, ("stages.dedup_minhash", {"seed": 3, "threshold": 2}), ("stages.dedup_exact", {}), SINK) == [
        "10:5: stages.dedup_minhash: threshold: must be above 0 and at most 1"
    ]


def test_a_problem_points_at_the_parameter_whose_value_it_quotes(problems: Any) -> None:
    [problem] = problems(("stages.read_documents", {"format": "auto", "paths": "/nowhere/a.jsonl"}), SINK)
    assert problem.startswith("7:5: stages.read_documents: /nowhere/a.jsonl: no such file")


@pytest.mark.parametrize(
    ("use", "parameters"),
    [
        ("stages.fetch_images", {"sources": ["folder"], "folder": "{s3}/mirror"}),
        ("stages.read_documents", {"paths": "{crawl}", "media_root": "{s3}/media"}),
        ("stages.read_images", {"paths": "{s3}/images", "table": "{s3}/table.csv"}),
    ],
)
def test_what_a_step_reads_in_object_storage_beside_documents_is_looked_for(
    problems: Any, crawl: Callable[..., str], s3: str, use: str, parameters: dict[str, Any]
) -> None:
    given = {
        name: value.format(s3=s3, crawl=crawl(["one"])) if isinstance(value, str) else value for name, value in parameters.items()
    }
    source = [] if use.startswith("stages.read") else [("stages.read_documents", {"paths": crawl(["one"])})]
    [problem] = problems(*source, (use, given), SINK)
    assert problem.endswith(f"{list(given.values())[-1]}: no such file or folder, or an empty one")
