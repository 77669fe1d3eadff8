"""Limits that all workers of a step share."""

from collections.abc import Callable, Iterator

import pytest

from interloom.pipeline import sharing
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.execution.runner_ray import limited_to
from interloom.pipeline.execution.units import Unit
from interloom.pipeline.planning.phases import Phase, cut
from interloom.pipeline.planning.plan import Plan
from interloom.stages.fetch_images import FetchImages
from interloom.stages.fetch_images.hosts import Manners

HTTP = ("stages.fetch_images", {"sources": ["http"], "per_host": 3})


@pytest.fixture
def of_two_workers() -> Iterator[None]:
    before = sharing.workers()
    sharing.share_among(2)
    yield
    sharing.share_among(before)


@pytest.fixture
def phase(planned: Callable[..., Plan], crawl: Callable[..., str]) -> Callable[..., Phase]:
    """The phase that fetches, with these resources."""

    def find(**resources: object) -> Phase:
        step = {"use": HTTP[0], "with": HTTP[1], "resources": resources}
        plan = planned(("stages.read_documents", {"paths": crawl(["one"])}), step, "stages.write_parquet")
        return next(one for one in cut(plan) if one.name == "fetch_images")

    return find


def test_no_more_workers_fetch_than_a_host_may_be_asked_by(phase: Callable[..., Phase]) -> None:
    assert phase().needs().workers == 3


@pytest.mark.parametrize(("asked", "workers"), [(2, 2), (5, 3)])
def test_the_recipe_may_ask_for_fewer_workers(phase: Callable[..., Phase], asked: int, workers: int) -> None:
    assert phase(workers=asked).needs().workers == workers


@pytest.mark.parametrize(("there", "workers"), [(2, 2), (64, 3)])
def test_a_small_cluster_shares_among_the_workers_that_it_has(phase: Callable[..., Phase], there: int, workers: int) -> None:
    assert limited_to(there, phase()).needs().workers == workers


def test_workers_without_a_unit_get_no_part(planned: Callable[..., Plan], crawl: Callable[..., str]) -> None:
    step = {"use": HTTP[0], "with": HTTP[1]}
    parts: list[tuple[str, int]] = []

    class OfTwo(LocalRunner):
        def submit(self, run: str, phase: Phase, unit: Unit) -> bool:
            parts.append((phase.name, limited_to(2, phase).needs().workers or 0))
            return super().submit(run, phase, unit)

    execute(planned(("stages.read_documents", {"paths": crawl(["one"])}), step, "stages.write_parquet"), OfTwo())
    assert [part for part in parts if part[0] == "fetch_images"] == [("fetch_images", 1)]


def test_a_process_that_works_for_another_phase_takes_the_part_it_has_there() -> None:
    step = FetchImages(sources=("http",), per_host=4)
    before = step._sources
    sharing.share_among(2)
    there = step._sources
    sharing.share_among(1)
    assert there is not before
    assert step._sources is before


def test_a_step_without_shared_limits_is_left_as_it_is(planned: Callable[..., Plan], crawl: Callable[..., str]) -> None:
    first = cut(planned(("stages.read_documents", {"paths": crawl(["one"])}), "stages.write_parquet"))[0]
    assert limited_to(2, first) == first


def test_each_worker_gets_its_part(of_two_workers: None) -> None:
    assert Manners.shared(5, 10.0, sharing.workers()) == Manners(2, 5.0, workers=2)


def test_a_worker_asks_one_at_a_time_at_least() -> None:
    assert Manners.shared(2, 10.0, 3).per_host == 1
