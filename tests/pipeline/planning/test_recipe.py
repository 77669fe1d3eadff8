"""A recipe's file: places, variables, settings, and mistakes told all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.planning.recipe import Located, Problems, read_recipe
from interloom.schemas.recipe import Recipe

GOOD = """\
name: web
run: runs/web
steps:
  - use: stages.read_documents
    with: {paths: crawl.jsonl}
  - use: filters.word_count
    with:
      at_least: 5
"""


def read(folder: Path, text: str, *settings: str) -> tuple[Located, Recipe]:
    (folder / "r.yaml").write_text(text)
    return read_recipe(str(folder / "r.yaml"), settings)


def problems(folder: Path, text: str, *settings: str) -> list[str]:
    """What is wrong, without the folder, whether or not the rest can still be checked."""
    try:
        found = read(folder, text, *settings)[0].problems
    except ConfigError as error:
        found = error.problems
    return [problem.replace(f"{folder}/", "") for problem in found]


def test_a_value_is_found_at_its_line_and_column(tmp_path: Path) -> None:
    located, _ = read(tmp_path, GOOD)
    assert located.marks[("steps", 1, "with", "at_least")] == (8, 7)
    assert located.marks[("steps", 0, "with", "paths")] == (5, 12)


def test_a_problem_without_a_place_stands_at_what_is_around_it(tmp_path: Path) -> None:
    collected = Problems(read(tmp_path, GOOD)[0])
    collected.add(("steps", 1, "with", "at_most"), "odd")
    assert collected.lines[0].endswith("r.yaml:7:5: odd")


def test_all_mistakes_are_told_at_once_with_their_places(tmp_path: Path) -> None:
    text = GOOD.replace("name: web", "name: [web]").replace("run:", "ran:").replace("with: {", "whit: {")
    assert problems(tmp_path, text) == [
        "r.yaml:1:1: name: input should be a valid string, not ['web']",
        "r.yaml:1:1: 'run' is missing",
        "r.yaml:5:5: unknown key 'whit'; did you mean 'with'?",
        "r.yaml:2:1: unknown key 'ran'; did you mean 'run'?",
    ]


def test_an_unknown_key_with_nothing_near_is_told_what_there_is(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, GOOD + "    resources: {zzz: 1}\n")
    assert problem.endswith(": unknown key 'zzz'; it takes batch_size, cpus, gpus, memory_bytes, workers")


def test_a_value_that_could_be_of_two_kinds_is_one_mistake(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, GOOD + "    from: {a: 1}\n")
    assert problem == "r.yaml:9:5: steps.1.from: input should be a valid string or a valid list, not {'a': 1}"


def test_a_variable_is_taken_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE", "s3://bucket")
    _, recipe = read(tmp_path, GOOD.replace("crawl.jsonl", '"${WHERE}/${WHERE}.jsonl"'))
    assert recipe.steps[0].with_ == {"paths": "s3://bucket/s3://bucket.jsonl"}


def test_a_variable_that_is_not_set_is_named_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    text = GOOD.replace("runs/web", "${NOWHERE}/web")
    assert problems(tmp_path, text) == ["r.yaml:2:1: the environment variable NOWHERE is not set"]


def test_what_a_variable_holds_is_not_expanded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE", "${HOME}")
    _, recipe = read(tmp_path, GOOD.replace("runs/web", "${WHERE}"))
    assert recipe.run == "${HOME}"


def test_a_path_may_begin_at_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("DATA", "~/data")
    _, recipe = read(tmp_path, GOOD, "run=~/runs/a", 'steps.0.with.paths=["${DATA}/x", "a~/b", "~you/c"]')
    assert (recipe.run, recipe.steps[0].with_["paths"]) == ("/home/me/runs/a", ["/home/me/data/x", "a~/b", "~you/c"])


def test_set_changes_a_value(tmp_path: Path) -> None:
    _, recipe = read(tmp_path, GOOD, "steps.1.with.at_least=7", "seed=3")
    assert (recipe.steps[1].with_, recipe.seed) == ({"at_least": 7}, 3)


def test_set_adds_a_value_where_there_was_none(tmp_path: Path) -> None:
    _, recipe = read(tmp_path, GOOD, "steps.0.resources.cpus=2")
    assert recipe.steps[0].resources.cpus == 2


@pytest.mark.parametrize("setting", ["seed", "=3", "steps.9.use=x", "name.x=1", "steps.1.with.at_least=[", "steps.x=1"])
def test_a_setting_that_cannot_be_is_one_line(tmp_path: Path, setting: str) -> None:
    [problem] = problems(tmp_path, GOOD, setting)
    assert problem.startswith(f"--set {setting}: ") and "\n" not in problem


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD + "      at_least: 6\n") == ["r.yaml:9:7: 'at_least' is given twice"]


QUOTE = "inside of {} and [] quote a value with a variable"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "r.yaml:1:1: the file is empty"),
        ("name: 'web\n", "r.yaml:2:1: not YAML: found unexpected end of stream"),
        ("name: web\n  run: x\n", "r.yaml:2:6: not YAML: mapping values are not allowed in this context"),
        ("a: \x07\n", "r.yaml:1:1: not YAML: unacceptable character #x0007: control characters are not allowed"),
        ("? [a, b]\n: 1\n", "r.yaml:1:3: a key must be a word, not a list or a mapping"),
        ("a: &a {b: *a}\n", "r.yaml:1:4: 'b' contains itself"),
        ("a: " + "[" * 3000 + "]" * 3000, "r.yaml:1:104: nested deeper than 100"),
        ("name: web\nrun: x\nsteps: []\n", "r.yaml:3:1: steps: is empty; give at least one"),
        ("name: web\nrun: x\nsteps: 3\n", "r.yaml:3:1: steps: input should be a valid list, not 3"),
        ("a: {b: ${C}/d, e: 1}\n", f"r.yaml:1:9: not YAML: did not find expected ',' or '}}'; {QUOTE}: \"${{C}}/d\""),
        ("a: [x, ${C}]\n", f"r.yaml:1:9: not YAML: did not find expected ',' or ']'; {QUOTE}: \"${{C}}\""),
        ("a: {b: {c}, d: 1, ]}\n", "r.yaml:1:19: not YAML: did not find expected node content"),
        ("- use: x\n", "r.yaml:1:1: the recipe: input should be a mapping, not [{'use': 'x'}]"),
    ],
)
def test_what_is_not_a_recipe_is_one_line(tmp_path: Path, text: str, problem: str) -> None:
    assert problems(tmp_path, text) == [problem]


def test_text_that_is_not_utf8_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_bytes(b"name: \xff")
    with pytest.raises(ConfigError, match=r"r.yaml:1:1: not UTF-8 text \(invalid start byte at byte 6\)"):
        read_recipe(str(tmp_path / "r.yaml"))


def test_a_recipe_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.yaml: no such recipe"):
        read_recipe(str(tmp_path / "none.yaml"))


def test_a_folder_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        read_recipe(str(tmp_path))


def test_aliases_that_multiply_end_in_a_line(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    found = problems(tmp_path, "\n".join(lines))
    assert all(problem.endswith("more than 20000 values") for problem in found)


@pytest.mark.parametrize(
    ("written", "value"), [("010", 10), ("-07", -7), ("0x10", 16), ("1:30", "1:30"), ("12:30:45.5", "12:30:45.5")]
)
def test_numbers_are_those_that_people_read(tmp_path: Path, written: str, value: object) -> None:
    _, recipe = read(tmp_path, GOOD.replace("paths: crawl.jsonl", f"keep: {written}"))
    assert recipe.steps[0].with_ == {"keep": value}


def test_yes_no_and_dates_are_words(tmp_path: Path) -> None:
    _, recipe = read(tmp_path, GOOD.replace("paths: crawl.jsonl", "keep: [no, yes, on, 2024-01-01, true, 1.5, null]"))
    assert recipe.steps[0].with_ == {"keep": ["no", "yes", "on", "2024-01-01", True, 1.5, None]}


def test_an_alias_stands_for_the_values_it_names(tmp_path: Path) -> None:
    text = GOOD.replace("with: {paths", "with: &same {paths") + "  - {use: stages.read_html, with: *same}\n"
    _, recipe = read(tmp_path, text)
    assert recipe.steps[2].with_ == {"paths": "crawl.jsonl"}


@pytest.mark.parametrize("number", ["9" * 5000, "0x" + "f" * 5000])
def test_a_whole_number_that_python_does_not_read_is_a_mistake_like_others(tmp_path: Path, number: str) -> None:
    [problem] = problems(tmp_path, GOOD + f"seed: {number}\n")
    assert problem.startswith("r.yaml:9:1: seed: ")


@pytest.mark.parametrize("item", ["\u00b2", "9" * 5000])
def test_a_setting_for_an_item_that_is_no_number_of_one_is_refused(tmp_path: Path, item: str) -> None:
    assert problems(tmp_path, GOOD, f"steps.{item}.id=a") == [f"--set steps.{item}.id=a: the recipe has no '{item}' there"]


@pytest.mark.parametrize(("value", "why"), [("[", "not YAML: did not find expected node content"), ("#x", "the value is empty")])
def test_a_setting_whose_value_is_no_yaml_says_so(tmp_path: Path, value: str, why: str) -> None:
    assert problems(tmp_path, GOOD, f"run={value}") == [f"--set run={value}: {why}"]


def test_a_recipe_below_a_file_is_refused(tmp_path: Path) -> None:
    read(tmp_path, GOOD)
    with pytest.raises(ConfigError, match=r"r\.yaml/x: Not a directory$"):
        read_recipe(f"{tmp_path}/r.yaml/x")
