"""`interloom plan --sample` prices a run without touching it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from interloom.jobs.__main__ import main
from interloom.jobs._keeps import check_children
from interloom.jobs._price_notes import notes, of_sample
from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution.balance import Account, Book
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.pricing.costs import Sample
from interloom.pipeline.pricing.flow import Flow
from interloom.pipeline.pricing.measure import Measured
from interloom.pipeline.pricing.price import Price, StepPrice
from interloom.pipeline.pricing.runs import repeats
from interloom.pipeline.pricing.sample import Chosen, SourceSample
from interloom.pipeline.stage import Split

TEXTS = [f"text number {n} " + "word " * (n % 30) for n in range(300)]
SHARE = "give the share of documents that 'dedup_exact' lets through, as dedup_exact=0.1"

FILTER = """
from interloom.pipeline.filter import document_filter
from interloom.schemas.outcome import Drop


@document_filter
def drops_all_but_sevens(doc):
    return None if "7" in doc.text.split()[2] else Drop("no_seven")
"""


@pytest.fixture
def steps(crawl: Callable[..., str], tmp_path: Path) -> list[Any]:
    source = ("stages.read_documents", {"paths": crawl(TEXTS)})
    target = {"to": str(tmp_path / "target")}
    return [source, ("filters.word_count", {"at_least": 18}), "stages.dedup_exact", ("stages.write_parquet", target)]


@pytest.fixture
def priced(recipe: Callable[..., str], steps: list[Any]) -> Callable[..., Result]:
    """Prices texts of which half are too short, with these options."""

    def plan(*words: str) -> Result:
        return CliRunner().invoke(main, ["plan", recipe(*steps), "--sample", "20", *words])

    return plan


def test_the_price_is_told_by_step_and_in_all_and_nothing_is_left_behind(priced: Any, tmp_path: Path) -> None:
    rates = tmp_path / "rates.yaml"
    rates.write_text("cpu_hour: 36\ngb_month: 0.02\n")
    shown = priced("--json", "--rates", str(rates), "--cpus", "4", "--keeps", "dedup_exact=0.5")
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout)
    steps = {step["step"]: step for step in found["steps"]}
    assert list(steps) == ["read_documents", "word_count", "dedup_exact", "write_parquet"]
    assert steps["read_documents"]["documents"] == {"in": 300, "out": 300, "measured": 20}
    assert 90 <= steps["word_count"]["documents"]["out"] <= 210
    assert steps["write_parquet"]["documents"]["in"] == pytest.approx(steps["word_count"]["documents"]["out"] / 2, abs=1)
    assert steps["read_documents"]["read_bytes"] == Path(tmp_path / "crawl.jsonl").stat().st_size
    assert all(step["cpu_s"] > 0 and step["peak_bytes"] > 10_000_000 for step in steps.values())
    assert found["total"]["gpu_s"] == 0
    assert found["dollars"]["cpu_hour"] == pytest.approx(found["total"]["cpu_s"] * 36 / 3600, rel=0.01)
    assert found["splits"] == {"read_documents": {"read": 1, "of": 1}}
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "target").exists()


def test_people_get_a_table_and_lines(priced: Any) -> None:
    shown = priced()
    lines = shown.stdout.splitlines()
    assert " ".join(lines[0].split()) == "step docs in out measured CPU s GPU s MB read written gets puts lists peak MB"
    assert [line.split()[0] for line in lines[1:5]] == ["read_documents", "word_count", "dedup_exact", "write_parquet"]
    assert "dedup_exact: a sample holds little of what belongs together; give --keeps STEP=SHARE if you know better" in lines
    assert any(line.startswith("CPU-hours: 0.0") for line in lines)
    assert not any("dollars" in line for line in lines)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--keeps", "dedup=1"], "--keeps dedup=1: no step has the id 'dedup'; did you mean 'dedup_exact'?"),
        (
            ["--keeps", "dedup_exact"],
            "--keeps dedup_exact: give the share of documents that 'dedup_exact' lets through, as dedup_exact=0.1",
        ),
        (
            ["--keeps", "dedup_exact=-1"],
            "--keeps dedup_exact=-1: give the share of documents that 'dedup_exact' lets through, as dedup_exact=0.1",
        ),
        (
            ["--keeps", "dedup_exact=10"],
            "--keeps dedup_exact=10: 'dedup_exact' makes no documents, so its share is at most 1, as dedup_exact=0.1",
        ),
        (
            ["--keeps", "dedup_exact=1", "--keeps", "dedup_exact=0.1"],
            "--keeps dedup_exact=0.1: the share of 'dedup_exact' is given twice",
        ),
        (["--rates", "none.yaml"], "none.yaml: no such file; it holds rates such as `cpu_hour: 0.04`"),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_sample_runs(priced: Any, words: list[str], problem: str) -> None:
    shown = priced(*words)
    assert (shown.exit_code, shown.stderr.splitlines()) == (2, [problem])


def test_memory_that_no_node_has_is_told(priced: Any) -> None:
    shown = priced("--memory-gb", "0.001", "--cpus", "2")
    assert shown.exit_code == 2
    assert all(" GB; a node has 0.00 GB" in line for line in shown.stderr.splitlines())


def test_gpus_that_are_not_there_are_told(recipe: Callable[..., str], steps: list[Any]) -> None:
    steps[1] = {"use": "filters.word_count", "resources": {"gpus": 2}}
    path = recipe(*steps)
    shown = CliRunner().invoke(main, ["plan", path, "--sample", "20", "--gpus", "1"])
    assert shown.exit_code == 2
    assert "filters.word_count asks for 2 gpus; the cluster you named has 1" in shown.stderr


def test_a_sample_that_fails_is_a_line(recipe: Callable[..., str], steps: list[Any]) -> None:
    steps[1] = "loses_documents"
    shown = CliRunner().invoke(main, ["plan", recipe(*steps), "--sample", "20"])
    assert shown.exit_code == 1
    assert len(shown.stderr.splitlines()) == 1
    assert shown.stderr.startswith("failed: the sample failed: ")


def test_a_plug_in_beside_the_recipe_is_run(recipe: Callable[..., str], steps: list[Any], tmp_path: Path) -> None:
    (tmp_path / "drops_all_but_sevens.py").write_text(FILTER)
    steps[1] = "drops_all_but_sevens"
    shown = CliRunner().invoke(main, ["plan", recipe(*steps), "--sample", "40", "--json"])
    assert shown.exit_code == 0, shown.output
    documents = json.loads(shown.stdout)["steps"][1]["documents"]
    assert (documents["in"], 0 < documents["out"] < 120) == (300, True)


def test_options_of_a_sample_need_one(recipe: Callable[..., str], steps: list[Any]) -> None:
    shown = CliRunner().invoke(main, ["plan", recipe(*steps), "--json"])
    assert shown.exit_code == 2
    assert "--memory-gb, --rates, --keeps and --json belong to --sample" in shown.stderr


def accounted(sample: Sample, **accounts: Account) -> Sample:
    """The sample with these accounts of documents in its books."""
    books = {key: Book(documents=account) for key, account in accounts.items()}
    return replace(sample, large=Measured(books=books))


@pytest.fixture
def sample() -> Sample:
    """A sample of the beginning of one of four files."""
    source = SourceSample((Chosen(Split("a", stop=1000), {"1": 5}, 1, 0.1, 1, 5, 100),), 4, 4, 40.0)
    return Sample({"read_documents": source}, Measured(), Measured(), {})


@pytest.fixture
def plan(planned: Callable[..., Plan], steps: list[Any]) -> Plan:
    return planned(*steps, max_error_rate=0.01)


def told(plan: Plan, sample: Sample, flows: tuple[StepPrice, ...] = ()) -> list[str]:
    return list(notes(plan, Price(flows, (), {}, {}, {}), sample, {"dedup_exact": 1.0}))


def test_it_is_told_how_much_of_the_input_the_sample_is_from(plan: Plan, sample: Sample) -> None:
    assert told(plan, sample) == [
        "read_documents: the sample is from 1 of 4 files, 2.5% of the input; "
        "only the beginnings of files were read: if what comes later differs, the price does, too"
    ]
    assert of_sample(plan, sample)["read"] == {"read_documents": {"files": 1, "of_files": 4, "share": 0.025}}


@pytest.mark.parametrize(
    ("quarantined", "line"),
    [
        (0, []),
        (1, ["read_documents quarantined 1 of 200 documents of the sample (0.5%); max_error_rate allows 1%"]),
        (8, ["warning: read_documents quarantined 8 of 200 documents of the sample (4%); a run stops above max_error_rate, 1%"]),
    ],
)
def test_documents_that_the_sample_quarantines_are_told(plan: Plan, sample: Sample, quarantined: int, line: list[str]) -> None:
    account = Account(into=200, out=200 - quarantined, quarantined=quarantined)
    assert told(plan, accounted(sample, read_documents=account))[1:] == line


def test_a_step_that_drops_all_of_the_sample_is_told(plan: Plan, sample: Sample) -> None:
    sample = accounted(sample, word_count=Account(into=10, dropped={"too_few_words": 10}))
    assert told(plan, sample)[1:] == ["warning: word_count dropped 10 of 10 documents of the sample as too_few_words"]
    [warning] = of_sample(plan, sample)["warnings"]
    assert (warning["step"], warning["reason"], warning["count"]) == ("word_count", "too_few_words", 10)


def test_a_step_that_no_document_of_the_sample_reaches_is_told(plan: Plan, sample: Sample) -> None:
    unreached = StepPrice("write_parquet", Flow(0.0, 0.0, 0), {}, 0.0, 0.0, 1, 0.0)
    assert told(plan, sample, (unreached,))[1:] == [
        "write_parquet: no document of the sample came so far; take a larger one: its cost is not in the sums"
    ]


def test_more_than_all_pass_only_a_step_that_made_children_in_the_sample() -> None:
    check_children({"cuts": 2.5}, {"cuts": Book(documents=Account(into=10, born=20, out=20, replaced=10))})
    with pytest.raises(ConfigError) as raised:
        check_children({"scores": 2.5}, {"scores": Book(documents=Account(into=10, out=10))})
    assert raised.value.problems == ("--keeps scores=2.5: 'scores' makes no documents, so its share is at most 1, as scores=0.1",)


def test_a_recipe_that_asks_web_sites_says_so(planned: Callable[..., Plan], steps: list[Any], sample: Sample) -> None:
    fetch = {"use": "stages.fetch_images", "with": {"sources": ["http"]}}
    plan = planned(steps[0], "draws_pictures", fetch, steps[-1])
    assert told(plan, sample)[1] == (
        "fetch_images: the sample asked web sites, for an eighth of its images three times, and the run asks them again; "
        "waits for limits of hosts are not in the time by the clock"
    )
    assert of_sample(plan, sample)["asks_web_sites"] == ["fetch_images"]


def test_a_sample_that_asks_web_sites_is_not_repeated(planned: Callable[..., Plan], steps: list[Any]) -> None:
    fetch = {"use": "stages.fetch_images", "with": {"sources": ["http"]}}
    assert repeats(planned(steps[0], "draws_pictures", fetch, steps[-1])) == 1
    assert repeats(planned(*steps)) == 3


def test_a_recipe_that_asks_no_web_sites_says_nothing_of_them(plan: Plan, sample: Sample) -> None:
    assert of_sample(plan, sample)["asks_web_sites"] == []


@pytest.mark.parametrize("words", [[], ["--sample", "2"]])
def test_a_target_that_a_run_would_refuse_is_noted(
    recipe: Callable[..., str], steps: list[Any], tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "thesis.txt").write_text("mine")
    shown = CliRunner().invoke(main, ["plan", recipe(*steps), *words])
    assert shown.exit_code == 0, shown.output
    [note] = shown.stderr.splitlines()
    assert note.startswith(f"note: `run` would refuse write_parquet: {tmp_path}/target")
