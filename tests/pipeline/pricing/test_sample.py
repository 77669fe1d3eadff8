"""A sample is chosen by hash, always the same, and it is known how large a part it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interloom.pipeline.errors import FatalError
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.pricing.sample import Chosen, SourceSample, choose, sampled
from interloom.pipeline.stage import Source, Split
from interloom.pipeline.store import traffic
from interloom.schemas.document import Document
from interloom.schemas.outcome import Outcome

TEXTS = [f"text number {n} " + "word " * (n % 50) for n in range(1000)]
Planned = Callable[..., Plan]


@pytest.fixture
def plan(planned: Planned, crawl: Callable[..., str]) -> Plan:
    source = {"paths": crawl(TEXTS), "split_size_bytes": 10_000}
    return planned(("stages.read_documents", source), ("filters.word_count", {"at_least": 10}), "stages.write_parquet")


@pytest.fixture(autouse=True)
def _counted() -> None:
    traffic.count()


def of_source(plan: Plan, wanted: int) -> SourceSample:
    return choose(plan, wanted)["read_documents"]


def ids(sample: SourceSample) -> set[str]:
    return {id_ for each in sample.chosen for id_ in each.ids}


def outcomes(plan: Plan) -> list[Outcome]:
    source = plan.steps[0].build_as(Source)
    return [outcome for split in source.splits() for outcome in source.read(split)]


def test_a_sample_has_so_many_documents_from_several_splits(plan: Plan) -> None:
    sample = of_source(plan, 40)
    assert len(ids(sample)) == 40
    assert len([each for each in sample.chosen if each.ids]) > 4


def test_the_same_recipe_gives_the_same_sample_and_another_seed_another_one(plan: Plan) -> None:
    assert of_source(plan, 40) == of_source(plan, 40)
    assert ids(of_source(plan, 40)) != ids(of_source(replace(plan, seed=1), 40))


def test_it_is_not_the_beginning_of_each_split(plan: Plan) -> None:
    source, places = plan.steps[0].build_as(Source), []
    for each in of_source(plan, 40).chosen:
        order = [outcome.id for outcome in source.read(each.split) if isinstance(outcome, Document)]
        places += [order.index(id_) for id_ in each.ids]
    assert max(places) > 20


def test_the_number_of_all_records_is_estimated_by_the_sizes_of_splits(plan: Plan) -> None:
    assert of_source(plan, 40).records == pytest.approx(len(TEXTS), rel=0.05)


def test_a_sample_that_is_all_there_is_stands_for_itself(plan: Plan) -> None:
    sample = of_source(plan, 10_000)
    assert (len(ids(sample)), sample.scale, sample.records) == (1000, pytest.approx(1.0), pytest.approx(1000))


def test_the_run_of_a_sample_reads_what_was_chosen_and_nothing_else(plan: Plan, tmp_path: Path) -> None:
    samples = choose(plan, 40)
    found = outcomes(sampled(plan, samples, str(tmp_path / "sample")))
    assert {doc.id for doc in found if isinstance(doc, Document)} == ids(samples["read_documents"])


def test_its_sinks_write_in_the_folder_of_its_run(planned: Planned, crawl: Callable[..., str], tmp_path: Path) -> None:
    sink = ("stages.write_parquet", {"to": str(tmp_path / "target")})
    plan = planned(("stages.read_documents", {"paths": crawl(TEXTS)}), sink)
    assert sampled(plan, choose(plan, 10), "elsewhere").steps[-1].parameters["to"] == ""


def test_of_a_large_file_only_the_beginning_is_read(planned: Planned, tmp_path: Path) -> None:
    lines = (json.dumps({"id": f"{n}", "text": os.urandom(4000).hex()}) + "\n" for n in range(1000))
    (tmp_path / "large.jsonl").write_text("".join(lines))
    plan = planned(("stages.read_documents", {"paths": str(tmp_path / "large.jsonl")}), "stages.write_parquet")
    before = traffic.so_far().read_bytes
    sample = of_source(plan, 10)
    assert traffic.so_far().read_bytes - before < 3_000_000  # of 8 MB
    assert (len(ids(sample)), sample.chosen[0].share < 0.4) == (10, True)
    assert sample.records == pytest.approx(1000, rel=0.2)


def test_parquet_tells_how_many_rows_there_are(planned: Planned, tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [f"text {n}" for n in range(5000)]}), tmp_path / "rows.parquet")
    plan = planned(("stages.read_documents", {"paths": str(tmp_path / "rows.parquet")}), "stages.write_parquet")
    assert of_source(plan, 10).records == pytest.approx(5000)


def test_records_that_are_no_documents_are_chosen_by_the_same_hashes(planned: Planned, crawl: Callable[..., str]) -> None:
    path = Path(crawl(TEXTS[:400]))
    path.write_text("".join(line + "not json\n" for line in path.read_text().splitlines(keepends=True)))
    plan = planned(("stages.read_documents", {"paths": str(path)}), "stages.write_parquet", max_error_rate=1.0)
    [chosen] = of_source(plan, 100).chosen
    assert chosen.documents == 100
    assert 60 < len(chosen.ids) - chosen.documents < 140


def test_several_sources_are_sampled_in_proportion(planned: Planned, crawl: Callable[..., str]) -> None:
    plan = planned(
        {"use": "stages.read_documents", "id": "few", "with": {"paths": crawl(TEXTS[:100], "few")}},
        {"use": "stages.read_documents", "id": "many", "with": {"paths": crawl(TEXTS[:900], "many")}},
        {"use": "stages.write_parquet", "from": ["few", "many"]},
    )
    assert {key: len(ids(sample)) for key, sample in choose(plan, 50).items()} == {"few": 5, "many": 45}


def test_a_small_sample_is_part_of_it_and_of_two_splits(plan: Plan) -> None:
    sample = of_source(plan, 80)
    small = sample.small()
    assert ids(small) < ids(sample)
    assert (len(small.chosen), len(ids(small))) == (2, 10)


def test_a_source_without_anything_is_told(plan: Plan, tmp_path: Path) -> None:
    empty = replace(plan.steps[0], parameters={**plan.steps[0].parameters, "paths": str(tmp_path / "none*.jsonl")})
    with pytest.raises(FatalError) as raised:
        choose(replace(plan, steps=(empty, *plan.steps[1:])), 10)
    assert str(raised.value) == f"stages.read_documents found nothing to read at {tmp_path}/none*.jsonl"


@pytest.mark.parametrize(("lines", "chosen"), [(0, 0), (3, 2)])
def test_of_input_without_a_document_records_are_chosen(planned: Planned, tmp_path: Path, lines: int, chosen: int) -> None:
    (tmp_path / "broken.jsonl").write_text("not json\n" * lines)
    plan = planned(("stages.read_documents", {"paths": str(tmp_path / "broken.jsonl")}), "stages.write_parquet")
    sample = of_source(plan, 2)
    assert (len(ids(sample)), sample.records) == (chosen, pytest.approx(lines))


def test_a_source_of_several_may_have_no_document(planned: Planned, crawl: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "broken.jsonl").write_text("not json\n" * 3)
    plan = planned(
        {"use": "stages.read_documents", "id": "good", "with": {"paths": crawl(TEXTS)}},
        {"use": "stages.read_documents", "id": "broken", "with": {"paths": str(tmp_path / "broken.jsonl")}},
        {"use": "stages.write_parquet", "from": ["good", "broken"]},
    )
    samples = choose(plan, 10)
    assert {key: len(sample.small().chosen) for key, sample in samples.items()} == {"good": 1, "broken": 1}


def test_sizes_are_those_of_documents() -> None:
    chosen = Chosen(Split("a"), {"1": 100, "2": None, "3": 0}, 3, 1.0, 3, 100, 100)
    assert (chosen.bytes, chosen.documents) == (100, 2)
