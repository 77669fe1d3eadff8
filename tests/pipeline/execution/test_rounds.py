"""A global step that iterates: rounds are units with commits, they end when nothing changes, and never go on for ever."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution.driver import execute, summary
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.execution.runner_ray import RayRunner
from interloom.pipeline.planning.plan import Plan

Plans = Callable[..., Plan]
STEPS = ("joins_neighbours", "stages.write_parquet")


class Stopped(LocalRunner):
    """Counts the units of rounds that it runs, and stops like a killed driver before unit `stop` of them."""

    def __init__(self, stop: int = 1 << 30) -> None:
        super().__init__()
        self.ran, self._stop = 0, stop

    def run_unit(self, run: str, phase: Any, unit: Any) -> Any:
        if phase.name == "joins_neighbours.spread":
            if self.ran >= self._stop:
                raise KeyboardInterrupt
            self.ran += 1
        return super().run_unit(run, phase, unit)


@pytest.fixture
def plan(planned: Plans, crawl: Callable[..., str], tmp_path: Path) -> Plans:
    def make(*numbers: int, run: str = "run") -> Plan:
        source = ("stages.read_documents", {"paths": crawl([str(number) for number in numbers])})
        return planned(source, *STEPS, run=str(tmp_path / run))

    return make


def kept(plan: Plan) -> list[str]:
    """The texts that came out."""
    table = pq.read_table(Path(plan.run) / "write_parquet" / "data" / "shard-000000.parquet", columns=["texts"])
    return sorted(row["texts"][0] for row in table.to_pylist())


def rounds(plan: Plan) -> int:
    commits = [json.loads(file.read_text()) for file in Path(plan.run).glob("work/joins_neighbours.spread-*/commits/*.json")]
    return len({commit["result"]["round"] for commit in commits})


def test_rounds_go_on_until_nothing_changes(plan: Plans) -> None:
    made = plan(1, 2, 3, 4, 5, 8, 9, 20)
    finished = execute(made, LocalRunner())
    assert kept(made) == ["1", "20", "8"]
    assert rounds(made) == 5  # four to bring 1 to the end of its chain, one that changes nothing
    assert summary(finished)["joins_neighbours"].documents.dropped == {"has_lower_neighbour": 5}


def test_no_documents_need_no_rounds_and_single_ones_need_one(plan: Plans) -> None:
    made = plan(1, 5)
    execute(made, LocalRunner())
    assert (kept(made), rounds(made)) == (["1", "5"], 1)


@pytest.mark.parametrize("stop", [0, 1, 3, 6, 9])
def test_a_run_killed_in_any_round_goes_on_there_and_ends_the_same(plan: Plans, stop: int) -> None:
    made = plan(1, 2, 3, 4, 5)
    with pytest.raises(KeyboardInterrupt):
        execute(made, Stopped(stop))
    rest = Stopped()
    execute(made, rest)
    assert (rest.ran, kept(made)) == (10 - stop, ["1"])


def test_a_finished_run_iterates_no_more(plan: Plans) -> None:
    made, again = plan(1, 2, 3), Stopped()
    execute(made, LocalRunner())
    execute(made, again)
    assert again.ran == 0


def test_what_does_not_settle_stops_the_run_with_a_clear_error(plan: Plans) -> None:
    with pytest.raises(FatalError, match=r"^joins_neighbours did not settle in 12 rounds; the last one changed 2 rows$"):
        execute(plan(*range(14)), LocalRunner())


@pytest.mark.slow
@pytest.mark.ray
def test_rounds_on_ray_write_the_same_bytes(plan: Plans) -> None:
    import ray

    here, there = plan(1, 2, 3, 4, 7, run="here"), plan(1, 2, 3, 4, 7, run="there")
    execute(here, LocalRunner())
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        execute(there, RayRunner())
    finally:
        ray.shutdown()
    shards = [(Path(made.run) / "write_parquet" / "data" / "shard-000000.parquet").read_bytes() for made in (here, there)]
    assert shards[0] == shards[1]
