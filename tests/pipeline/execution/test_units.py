"""What there is to do follows from the input and from what is done, and from nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.cost import Segment
from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution.units import FinishedPhases, PhaseResults, enumerate_units
from interloom.pipeline.planning.phases import Phase, cut
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store.commits import Commit
from interloom.pipeline.store.parts import PART_BYTES, StoredFile

SINK = "stages.write_parquet"
Planned = Callable[..., Plan]


def first_units(plan: Plan) -> list[Any]:
    return enumerate_units(cut(plan)[0], FinishedPhases(plan.run, {}))


def ids(found: list[Any]) -> list[str]:
    return [unit.id for unit in found]


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., tuple[str, dict[str, Any]]]:
    """The source that reads files of lines from a folder."""

    def write(*files: list[str]) -> tuple[str, dict[str, Any]]:
        (tmp_path / "in").mkdir(exist_ok=True)
        for n, texts in enumerate(files):
            (tmp_path / "in" / f"{n}.txt").write_text("\n".join(texts))
        return "reads_lines", {"paths": str(tmp_path / "in")}

    return write


def test_each_split_of_the_input_is_a_unit(planned: Planned, lines: Any) -> None:
    found = first_units(planned(lines(["a"], ["b"]), SINK))
    assert [Path(unit.split.path).name for unit in found] == ["0.txt", "1.txt"]
    assert len(set(ids(found))) == 2


def test_the_same_input_and_steps_make_the_same_units(planned: Planned, lines: Any) -> None:
    source = lines(["a"], ["b"])
    assert first_units(planned(source, SINK)) == first_units(planned(source, SINK, run="/elsewhere"))


def test_a_changed_file_is_another_unit_and_its_neighbour_is_not(planned: Planned, lines: Any, tmp_path: Path) -> None:
    source = lines(["a"], ["b"])
    before = ids(first_units(planned(source, SINK)))
    file = tmp_path / "in" / "1.txt"
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
    after = ids(first_units(planned(source, SINK)))
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)


def test_another_step_above_makes_other_units(planned: Planned, lines: Any) -> None:
    source = lines(["a"])
    assert ids(first_units(planned(source, SINK))) != ids(first_units(planned(source, "lifts", SINK)))


def test_an_input_of_nothing_is_told(planned: Planned, lines: Any) -> None:
    with pytest.raises(FatalError, match="reads_lines found nothing to read at /"):
        first_units(planned(("reads_lines", {"paths": "/none"}), SINK))


def stored(rows: int, size: int = 10, name: str = "d") -> StoredFile:
    return StoredFile("documents", name, rows, size, f"{name}{rows}")


def commit(*files: StoredFile, **result: Any) -> Commit:
    return Commit("u", "", {}, files, result=result)


def below(*files: StoredFile) -> list[list[int]]:
    """Which parts stand together in the units of a phase that reads these files, one commit per file."""
    above = Phase("read", "documents", "f")
    done = FinishedPhases("/run", {"read": PhaseResults(above, [commit(file) for file in files])})
    found: list[Any] = list(enumerate_units(Phase("next", "documents", "g", inputs=("read",)), done))
    return [[part.ordinal for part in unit.parts] for unit in found]


def test_small_parts_are_packed_together() -> None:
    assert below(*[stored(300)] * 7) == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_large_part_is_a_unit_of_its_own() -> None:
    assert below(stored(10), stored(10, PART_BYTES), stored(10)) == [[0], [1], [2]]


def test_parts_of_several_phases_are_numbered_through() -> None:
    first, second = Phase("a", "documents", "f"), Phase("b", "documents", "g")
    commits = [commit(stored(900))]
    done = FinishedPhases("/run", {"a": PhaseResults(first, commits), "b": PhaseResults(second, commits)})
    found: list[Any] = list(enumerate_units(Phase("join", "documents", "h", inputs=("a", "b")), done))
    assert [unit.parts[0].ordinal for unit in found] == [0, 1]


def packed(step: str, *segments: Segment, rows: int = 0, planned: Planned, source: Any) -> list[tuple[int, int | None]]:
    """Which rows of one stored part stand together in the units of a phase of this step."""
    plan = planned(source, step, SINK)
    file = replace(stored(rows or sum(segment.rows for segment in segments)), segments=segments)
    done = FinishedPhases("/run", {"read": PhaseResults(Phase("read", "documents", "f"), [commit(file)])})
    found: list[Any] = list(enumerate_units(Phase("next", "documents", "g", (plan.steps[1],), inputs=("read",)), done))
    assert all(len(unit.parts) == 1 for unit in found)
    return [(unit.parts[0].first, unit.parts[0].after) for unit in found]


def test_units_of_an_expensive_step_are_cut_by_its_cost(planned: Planned, lines: Any) -> None:
    """`costs_a_second` takes a second per second of video, and a unit a minute."""
    videos = [Segment(1, 25.0, 0, 0)] * 5
    assert packed("costs_a_second", *videos, planned=planned, source=lines(["a"])) == [(0, 2), (2, 4), (4, 5)]


def test_a_document_that_costs_more_than_a_unit_is_a_unit_of_its_own(planned: Planned, lines: Any) -> None:
    videos = [Segment(1, 10.0, 0, 0), Segment(1, 7200.0, 0, 0), Segment(1, 10.0, 0, 0)]
    assert packed("costs_a_second", *videos, planned=planned, source=lines(["a"])) == [(0, 1), (1, 2), (2, 3)]


def test_units_of_a_cheap_step_are_whole_parts(planned: Planned, lines: Any) -> None:
    videos = [Segment(1, 7200.0, 9000, 10**7)] * 3
    assert packed("lifts", *videos, planned=planned, source=lines(["a"])) == [(0, None)]


def test_no_documents_above_make_no_units() -> None:
    assert below() == []
