"""What work takes of the machine is known for each unit and for each step in it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from interloom.pipeline.child_process import Child
from interloom.pipeline.execution import used
from interloom.pipeline.execution.run_unit import do_unit
from interloom.pipeline.execution.units import FinishedPhases, enumerate_units
from interloom.pipeline.execution.used import WHOLE, Used, metered, metering
from interloom.pipeline.planning import plugins
from interloom.pipeline.planning.phases import cut
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store import commits
from interloom.pipeline.store.commits import Commit

BUSY = "import sys, time\nwhile time.process_time() < 0.3: pass\nprint('ready', flush=True)\nsys.stdin.read()"


def test_the_cpu_time_of_a_child_counts_while_it_lives_and_once_it_has_ended() -> None:
    counts: dict[str, Used] = {}
    with metered(counts, "ended"):
        command = [sys.executable, "-c", BUSY]
        with metered(counts, "living"), closing(Child(command, (subprocess.PIPE, subprocess.PIPE, None))) as child:
            child.stdout.readline()
            alive = used.so_far()
        assert used.so_far().cpu_s >= alive.cpu_s
    assert 0.3 <= counts["living"].cpu_s <= counts["ended"].cpu_s < 3


def test_waiting_uses_no_cpu_time() -> None:
    counts: dict[str, Used] = {}
    with metered(counts, "waits"):
        time.sleep(0.2)
    assert counts["waits"].cpu_s < 0.1


def test_calls_of_one_key_add_up() -> None:
    counts: dict[str, Used] = {}

    def work(seconds: float) -> float:
        until = time.process_time() + seconds
        while time.process_time() < until:
            pass
        return seconds

    assert [metering(counts, "a", work)(0.05) for _ in range(2)] == [0.05, 0.05]
    assert 0.1 <= counts["a"].cpu_s < 1


def test_of_two_peaks_the_higher_one_counts_and_all_else_adds_up() -> None:
    both = Used(1.0, 2, 3, 4, 5, 6, 70)
    both.add(Used(0.5, 1, 1, 1, 1, 1, 60))
    assert both == Used(1.5, 3, 4, 5, 6, 7, 70)


def test_what_is_left_without_a_part_is_never_less_than_nothing() -> None:
    assert Used(1.0, 5, 0, 0, 100, 0, 70).without(Used(0.25, 2, 1, 0, 10, 0, 90)) == Used(0.75, 3, 0, 0, 90, 0, 70)


def test_a_peak_of_memory_is_forgotten(tmp_path: Path) -> None:
    before = used.peak_bytes()
    large = bytearray(200 << 20)
    assert used.peak_bytes() >= before + len(large) // 2
    del large
    used.forget_peak()
    assert used.peak_bytes() < before + (100 << 20)


def test_a_unit_tells_what_its_steps_used(run: Callable[..., Any], crawl: Callable[..., str]) -> None:
    input_ = crawl(["one two three four", "short"])
    finished = run(("stages.read_documents", {"paths": input_}), ("filters.word_count", {"at_least": 3}), "stages.write_parquet")
    [first] = [phase for name, phase in finished.phases.items() if name == "read_documents"]
    [commit] = commits.committed(finished.run, first.phase).values()
    size = sum(file.size_bytes for file in commit.files)
    assert set(commit.used) == {WHOLE, "read_documents", "word_count"}
    assert commit.used["read_documents"].read_bytes == Path(input_).stat().st_size
    assert commit.used[WHOLE].written_bytes == size
    assert commit.used[WHOLE].puts == len(commit.files)
    assert commit.used[WHOLE].cpu_s >= commit.used["read_documents"].cpu_s + commit.used["word_count"].cpu_s > 0
    assert commit.used[WHOLE].peak_bytes > 10 << 20


def test_the_sketch_of_a_global_step_counts_for_that_step(run: Callable[..., Any], crawl: Callable[..., str]) -> None:
    finished = run(("stages.read_documents", {"paths": crawl(["a b", "c d"])}), "stages.dedup_exact", "stages.write_parquet")
    [commit] = commits.committed(finished.run, finished.phases["read_documents"].phase).values()
    assert commit.used["dedup_exact"].cpu_s > 0


def test_what_building_a_step_takes_counts_for_no_unit(planned: Callable[..., Plan], crawl: Callable[..., str]) -> None:
    plan = planned(("stages.read_documents", {"paths": crawl(["a"])}), "looks_when_it_is_built", "stages.write_parquet")
    plugins.step.cache_clear()  # as in a new worker
    [unit] = enumerate_units(cut(plan)[0], FinishedPhases(plan.run, {}))
    commit = do_unit(plan.run, cut(plan)[0], unit)
    assert isinstance(commit, Commit)
    assert commit.used[WHOLE].gets == commit.used["read_documents"].gets


def test_the_driver_does_not_keep_what_units_used(run: Callable[..., Any], crawl: Callable[..., str]) -> None:
    finished = run(("stages.read_documents", {"paths": crawl(["a b"])}), "stages.write_parquet")
    assert [commit.used for commit in finished.commits("read_documents")] == [{}]


def test_a_commit_of_an_earlier_version_says_nothing_of_it(tmp_path: Path) -> None:
    whole = commits.Commit("u", "read", {}, (), 1.0, {}, {WHOLE: Used(1.0)})
    values = {name: value for name, value in whole.to_json().items() if name != "used"}
    assert commits.Commit.from_json(values).used == {}
    assert commits.Commit.from_json(whole.to_json()) == whole
