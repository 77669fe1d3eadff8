"""What a sample says of the whole run is what the whole run does, as far as it can be counted without a clock."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest
import yaml

from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.execution.used import Used
from interloom.pipeline.planning.phases import cut
from interloom.pipeline.planning.plan import Plan, make_plan
from interloom.pipeline.planning.recipe import read_recipe
from interloom.pipeline.pricing import measure, placing, shares
from interloom.pipeline.pricing.costs import PhaseCost, Sample
from interloom.pipeline.pricing.extrapolate import Extrapolation
from interloom.pipeline.pricing.fit import Amounts
from interloom.pipeline.pricing.flow import flows
from interloom.pipeline.pricing.measure import Measured, Seen, Work
from interloom.pipeline.pricing.placing import Machine
from interloom.pipeline.pricing.price import Price, price
from interloom.pipeline.pricing.runs import Runs, follows_bytes, run_sample
from interloom.pipeline.store import commits

HERE = Machine(2, 0, float("inf"))
PAGES = 4000
WORDS = Random(5)
TEXTS = [f"number {n} " + " ".join(f"word{WORDS.randrange(100_000)}" for _ in range(20 + n % 60)) for n in range(PAGES)]
Planned = Callable[..., Plan]


@dataclass
class Compared:
    """A plan, the run of a sample of a twentieth of its documents, and what its whole run used by step."""

    plan: Plan
    runs: Runs
    price: Price
    actual: dict[str, Amounts]
    measured: Measured


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """Texts are filtered, deduplicated and written: all kinds of phases but those of models."""
    folder = tmp_path_factory.mktemp("compared")
    rows = (json.dumps({"id": f"{n}", "text": text}) + "\n" for n, text in enumerate(TEXTS))
    (folder / "texts.jsonl").write_text("".join(rows))
    source = {"paths": str(folder / "texts.jsonl"), "split_size_bytes": 150_000}
    steps = [
        {"use": "stages.read_documents", "with": source},
        {"use": "filters.word_count", "with": {"at_least": 40}},
        {"use": "stages.dedup_exact"},
        {"use": "stages.write_parquet", "with": {"shard_size_bytes": 200_000}},
    ]
    (folder / "recipe.yaml").write_text(yaml.safe_dump({"name": "texts", "run": str(folder / "run"), "steps": steps}))
    plan = make_plan(*read_recipe(str(folder / "recipe.yaml")))
    runs = run_sample(plan, PAGES // 20)
    assert not Path(plan.run).exists()
    execute(plan, LocalRunner())
    phases = cut(plan)
    measured = measure.of_commits(c for phase in phases for c in commits.committed(plan.run, phase).values())
    return Compared(plan, runs, price(plan, runs, HERE, False, {}), shares.by_step(phases, measured), measured)


def test_as_many_documents_reach_each_step(compared: Compared) -> None:
    predicted = {step.key: step.flow.into for step in compared.price.steps}
    actual = {key: book.documents.into for key, book in compared.measured.books.items()}
    assert predicted == {key: pytest.approx(count, rel=0.15) for key, count in actual.items()}


def test_the_units_of_each_phase_are_as_many(compared: Compared) -> None:
    predicted: dict[str, float] = {}
    for phase in compared.price.phases:
        predicted[phase.name] = predicted.get(phase.name, 0) + phase.units
    actual = dict.fromkeys(predicted, 0.0)
    for (name, _), work in compared.measured.works.items():
        actual[name] += work.count
    assert predicted == {name: pytest.approx(count, abs=1, rel=0.2) for name, count in actual.items()}


@pytest.mark.parametrize("metric", ["read_bytes", "written_bytes", "puts", "gets"])
def test_each_step_reads_and_writes_as_much_and_as_often(compared: Compared, metric: str) -> None:
    predicted = {step.key: step.amounts[metric] for step in compared.price.steps}
    assert predicted == {key: pytest.approx(compared.actual[key][metric], rel=0.3, abs=3) for key in predicted}


def test_a_share_that_the_user_knows_better_counts_for_all_that_follows(compared: Compared) -> None:
    told = price(compared.plan, compared.runs, HERE, False, {"dedup_exact": 0.1})
    before, after = ({step.key: step for step in found.steps} for found in (compared.price, told))
    assert after["dedup_exact"].flow.into == before["dedup_exact"].flow.into
    assert after["write_parquet"].flow.into == pytest.approx(before["dedup_exact"].flow.into * 0.1)
    assert after["write_parquet"].amounts["written_bytes"] < 0.6 * before["write_parquet"].amounts["written_bytes"]


def test_more_cpus_take_less_time_but_not_less_work(compared: Compared) -> None:
    many = price(compared.plan, compared.runs, Machine(8, 0, float("inf")), False, {})
    assert many.clock_s < compared.price.clock_s
    assert [step.amounts for step in many.steps] == [step.amounts for step in compared.price.steps]
    assert many.workers["cpu_s"] > compared.price.workers["cpu_s"]  # each process has to start


def test_what_does_not_fit_into_memory_is_refused_in_a_line_for_each_phase(compared: Compared) -> None:
    with pytest.raises(ConfigError) as raised:
        price(compared.plan, compared.runs, Machine(2, 0, 1e6), False, {})
    first = raised.value.problems[0]
    assert re.fullmatch(r"read_documents: a worker takes \d\.\d\d GB; a node has 0\.00 GB", first)
    assert len(raised.value.problems) == len({phase.name for phase in compared.price.phases})


@pytest.mark.parametrize("has_gpu", [True, False])
def test_a_worker_holds_its_gpus_during_all_steps_of_its_phase(compared: Compared, has_gpu: bool) -> None:
    first, second, *others = compared.plan.steps
    plan = replace(compared.plan, steps=(first, replace(second, gpus=2.0), *others))
    found = price(plan, compared.runs, Machine(8, 4, float("inf")), has_gpu, {})
    held = {step.key: step.gpu_s for step in found.steps}
    assert [key for key, gpu_s in held.items() if gpu_s != 0] == ["read_documents", "word_count"]
    if has_gpu:
        [phase] = [phase for phase in found.phases if phase.name == "read_documents"]
        sketches = next(cost.steps["dedup_exact"]["cpu_s"] * cost.clock_per_cpu for cost in _costs(compared))
        assert found.gpu_s == pytest.approx(2 * (phase.clock_s * phase.workers - sketches), rel=1e-3)
        assert phase.workers == 2
    else:
        assert found.gpu_s is None


def test_memory_that_the_recipe_does_not_give_is_refused(compared: Compared) -> None:
    [cost, *_] = _costs(compared)
    step = replace(cost.phase.steps[0], memory_bytes=2_000_000_000)
    little = replace(cost, phase=replace(cost.phase, steps=(step, *cost.phase.steps[1:])))
    placing.check_memory([little], {"read_documents": 1.9e9}, HERE)
    with pytest.raises(ConfigError) as raised:
        placing.check_memory([little], {"read_documents": 3.1e9}, HERE)
    assert raised.value.problems == ("read_documents: a worker takes 3.10 GB; the recipe gives it 2.00 GB",)


def test_a_start_is_how_much_longer_steps_and_storing_took_when_nothing_had_started(compared: Compared) -> None:
    cold, warm = Measured(), Measured()
    for run, seconds in ((cold, 5.0), (warm, 1.0)):
        seen = Seen("u", 10.0, Used(seconds / 2), {"read_documents": Used(seconds)}, {}, {}, 0)
        run.works["read_documents", "all"] = Work([seen])
    costs = [cost for cost in _costs(compared) if cost.phase.name == "read_documents"]
    runs = Runs(cold, Sample({}, warm, warm, {}))
    stores = {"word_count": 2.0}
    assert placing.starts(runs, costs) == {"read_documents": 4.0, **stores, "dedup_exact": 0.0}


def _costs(compared: Compared) -> list[PhaseCost]:
    sample = compared.runs.sample
    found = flows(compared.plan, sample.large.books, {"read_documents": float(PAGES)}, {})
    return list(Extrapolation(cut(compared.plan), sample, found).costs())


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (lambda documents, size: documents * 0.1, False),
        (lambda documents, size: size * 0.001, True),
    ],
)
def test_work_follows_what_predicts_each_unit_from_the_others(seconds: Callable[[float, float], float], expected: bool) -> None:
    units = [(10.0, 5000.0), (12.0, 900.0), (9.0, 4000.0), (30.0, 2000.0)]
    assert follows_bytes([(documents, size, seconds(documents, size)) for documents, size in units]) is expected


def test_few_units_do_not_tell_what_work_follows() -> None:
    assert follows_bytes([(1.0, 100.0, 1.0), (1.0, 200.0, 2.0)]) is False


def test_a_sample_that_fails_says_why_in_a_line(planned: Planned, crawl: Callable[..., str]) -> None:
    plan = planned(("stages.read_documents", {"paths": crawl(["a b"])}), "loses_documents", "stages.write_parquet")
    with pytest.raises(FatalError) as raised:
        run_sample(plan, 10)
    assert str(raised.value).startswith("the sample failed: ")
    assert "\n" not in str(raised.value)
    assert "loses_documents" in str(raised.value)
