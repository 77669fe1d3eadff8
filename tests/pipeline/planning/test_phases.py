"""Where a plan is cut, and what a change of the recipe leaves alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from interloom.pipeline.planning.phases import Phase, cut
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.planning.worker_needs import Needs
from interloom.pipeline.stage import Step
from interloom.stages.dedup_minhash import DedupMinhash
from interloom.stages.score_language import ScoreLanguage

Cut = Callable[..., dict[str, Phase]]
SINK = "stages.write_parquet"
DEDUP = "stages.dedup_minhash"


@pytest.fixture
def phases(planned: Callable[..., Plan], crawl: Callable[..., str]) -> Cut:
    """The phases by name of a recipe that begins by reading documents."""
    paths = crawl(["one"])

    def make(*steps: Any, **head: Any) -> dict[str, Phase]:
        plan = planned(("stages.read_documents", {"paths": paths}), *steps, **head)
        return {phase.name: phase for phase in cut(plan)}

    return make


def uses(phase: Phase) -> list[str]:
    return [step.key for step in phase.steps]


def test_cheap_steps_are_one_phase(phases: Cut) -> None:
    made = phases("filters.word_count", "lifts", SINK)
    assert list(made) == ["read_documents", "read_documents.scatter", "write_parquet.assign", "write_parquet.write"]
    assert uses(made["read_documents"]) == ["read_documents", "word_count", "lifts"]


def test_a_dear_step_ends_its_phase(phases: Cut) -> None:
    made = phases("filters.word_count", "scores_length", "lifts", SINK)
    assert uses(made["read_documents"]) == ["read_documents", "word_count", "scores_length"]
    assert uses(made["lifts"]) == ["lifts"]


def test_a_dear_step_may_be_fused_with_what_follows(phases: Cut) -> None:
    made = phases({"use": "scores_length", "checkpoint": False}, "lifts", SINK)
    assert uses(made["read_documents"]) == ["read_documents", "scores_length", "lifts"]


def test_a_cheap_step_may_be_kept(phases: Cut) -> None:
    made = phases({"use": "filters.word_count", "checkpoint": True}, "lifts", SINK)
    assert uses(made["lifts"]) == ["lifts"]


def test_a_branch_ends_the_phase_above_it(phases: Cut) -> None:
    made = phases("filters.word_count", SINK, {"use": "lifts", "from": "read_documents"}, "stages.write_webdataset")
    assert [uses(made[name]) for name in ("read_documents", "word_count", "lifts")] == [
        ["read_documents"],
        ["word_count"],
        ["lifts"],
    ]


def test_two_sinks_of_one_step_share_its_phase(phases: Cut) -> None:
    made = phases("filters.word_count", SINK, "stages.write_webdataset")
    assert made["write_parquet.write"].inputs == made["write_webdataset.write"].inputs == ("read_documents",)


def test_a_global_step_is_sketched_in_the_phase_above_and_heads_its_own(phases: Cut) -> None:
    made = phases(DEDUP, "lifts", SINK)
    assert [step.key for step in made["read_documents"].sketches] == ["dedup_minhash"]
    assert uses(made["dedup_minhash"]) == ["dedup_minhash", "lifts"]
    assert made["dedup_minhash"].tables == "dedup_minhash.verdicts"
    assert made["dedup_minhash.verdicts"].exchanges == ("dedup_minhash.kept",)


def test_exchanges_of_a_step_have_fingerprints_of_their_own(phases: Cut) -> None:
    exchanges = [phase for phase in phases(DEDUP, SINK).values() if phase.kind == "exchange"]
    assert len({phase.fingerprint for phase in exchanges}) == len(exchanges) == 6


def test_below_a_dear_step_sketches_are_a_phase_of_their_own(phases: Cut) -> None:
    made = phases("scores_length", DEDUP, SINK)
    assert made["read_documents"].sketches == ()
    assert made["dedup_minhash.buckets"].sketched == ("dedup_minhash.sketch",)


def test_a_phase_comes_after_all_that_it_reads(phases: Cut) -> None:
    made = phases(
        "scores_length", DEDUP, "stages.dedup_exact", SINK, {"use": "lifts", "from": "scores_length"}, "stages.write_webdataset"
    )
    seen: set[str] = set()
    for name, phase in made.items():
        assert {*phase.inputs, *phase.sketched, *phase.sides, *phase.exchanges, *filter(None, [phase.tables])} <= seen
        seen.add(name)


def test_a_changed_threshold_leaves_the_dear_phase_above_alone(phases: Cut) -> None:
    first = phases("scores_length", ("filters.score", {"of": "length", "on": "document", "at_least": 1}), SINK)
    second = phases("scores_length", ("filters.score", {"of": "length", "on": "document", "at_least": 2}), SINK)
    assert first["read_documents"].fingerprint == second["read_documents"].fingerprint
    assert first["score"].fingerprint != second["score"].fingerprint
    assert first["write_parquet.write"].fingerprint != second["write_parquet.write"].fingerprint


def test_a_changed_filter_above_a_dear_step_changes_everything_below(phases: Cut) -> None:
    first, second = (phases(("filters.word_count", {"at_least": n}), "scores_length", "lifts", SINK) for n in (1, 2))
    assert not {phase.fingerprint for phase in first.values()} & {phase.fingerprint for phase in second.values()}


def test_a_step_added_below_a_dear_one_leaves_it_alone(phases: Cut) -> None:
    first, second = phases("scores_length", SINK), phases("scores_length", DEDUP, SINK)
    assert first["read_documents"].fingerprint == second["read_documents"].fingerprint


def test_resources_change_no_fingerprint(phases: Cut) -> None:
    resources = {"cpus": 2, "workers": 3, "memory_bytes": 1 << 30, "batch_size": 7}
    plain, dear = phases("lifts", SINK), phases({"use": "lifts", "resources": resources}, SINK)
    assert [phase.fingerprint for phase in plain.values()] == [phase.fingerprint for phase in dear.values()]


def test_a_parameter_that_no_sketch_depends_on_recomputes_no_sketch(phases: Cut) -> None:
    first, second = (phases((DEDUP, {"keep": keep}), SINK) for keep in ("first", "longest"))
    assert first["read_documents"].fingerprint == second["read_documents"].fingerprint
    assert first["dedup_minhash.buckets"].fingerprint != second["dedup_minhash.buckets"].fingerprint


def test_a_parameter_of_the_sketch_recomputes_it(phases: Cut) -> None:
    first, second = (phases((DEDUP, {"ngram": n}), SINK) for n in (3, 5))
    assert first["read_documents"].fingerprint != second["read_documents"].fingerprint


def test_another_seed_shuffles_anew_and_reads_anew_only_where_it_is_sketched(phases: Cut) -> None:
    first, second = (phases("scores_length", SINK, seed=seed) for seed in (1, 2))
    assert first["read_documents"].fingerprint == second["read_documents"].fingerprint
    assert first["write_parquet.assign"].fingerprint != second["write_parquet.assign"].fingerprint


def test_sinks_of_the_same_documents_share_the_pass_that_sorts_them(phases: Cut) -> None:
    made = phases("lifts", SINK, "stages.write_webdataset")
    assert [name for name in made if name.endswith(".scatter")] == ["read_documents.scatter"]
    assert made["write_webdataset.write"].sketched == made["write_parquet.write"].sketched == ("read_documents.scatter",)


def test_where_the_run_lies_is_no_part_of_a_fingerprint(phases: Cut) -> None:
    here, there = phases("lifts", SINK), phases("lifts", SINK, run="/elsewhere", name="other")
    assert [phase.fingerprint for phase in here.values()] == [phase.fingerprint for phase in there.values()]


def test_a_phase_costs_what_its_dearest_step_asks(phases: Cut) -> None:
    made = phases(
        {"use": "lifts", "resources": {"cpus": 2, "workers": 4}},
        {"use": "filters.word_count", "resources": {"workers": 3, "memory_bytes": 5}},
        SINK,
    )
    assert made["read_documents"].needs() == Needs(cpus=2.0, gpus=0.0, memory_bytes=5, workers=3)


def test_what_the_steps_of_a_phase_usually_hold_adds_up_but_for_what_any_worker_holds(phases: Cut) -> None:
    made = phases("stages.score_language", DEDUP, SINK)
    any_worker, language, sketch = Step.memory_bytes, ScoreLanguage.memory_bytes, DedupMinhash.memory_bytes
    assert any_worker < min(language, sketch)
    assert made["read_documents"].needs().usual_bytes == language + sketch - any_worker
    assert made["write_parquet.write"].needs().usual_bytes == any_worker


def test_a_phase_survives_json(phases: Cut) -> None:
    for phase in phases("scores_length", DEDUP, SINK).values():
        assert Phase.from_json(json.loads(json.dumps(phase.to_json()))) == phase
