"""The work of a whole run on paper is cut as the machine cuts it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from interloom.pipeline.cost import Segment
from interloom.pipeline.execution.kinds import documents
from interloom.pipeline.execution.units import FinishedPhases, PhaseResults
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.pricing import layout
from interloom.pipeline.pricing.layout import Files, Units
from interloom.pipeline.store.commits import Commit
from interloom.pipeline.store.parts import StoredFile

MB = 1 << 20


def packed_by_the_machine(parts: Sequence[int], bytes_each: int) -> list[int]:
    """The documents of each unit of a phase that reads these parts."""
    files = tuple(
        StoredFile("documents", f"{n}", rows, bytes_each, "", segments=(Segment(rows, 0, 0, 0),)) for n, rows in enumerate(parts)
    )
    above, phase = Phase("read", "documents", "f"), Phase("next", "documents", "g", inputs=("read",))
    finished = FinishedPhases("run", {"read": PhaseResults(above, [Commit("u", "read", {}, files)])})
    return [sum(ref.rows for ref in pack) for pack in documents.packs(phase, finished)]


@pytest.mark.parametrize(
    ("parts", "bytes_each"),
    [
        ([1000] * 7, 1000),
        ([300] * 10, 1000),
        ([1000, 80] * 5, 1000),
        ([940, 60] * 5, 1000),
        ([400] * 9, 30 * MB),
        ([1], 10),
    ],
)
def test_parts_are_dealt_to_units_as_the_machine_deals_them(parts: list[int], bytes_each: int) -> None:
    files = Files(len(parts), sum(parts), bytes_each * len(parts), tuple(map(float, parts)))
    expected = packed_by_the_machine(parts, bytes_each)
    found = layout.document_packs(files, cost_s=0.0)
    assert (found.count, list(found.pattern)) == (len(expected), expected)


def test_of_many_parts_the_rest_goes_as_the_first_ones_do() -> None:
    found = layout.document_packs(Files(2_000_000, 1e9, 1e9, (800.0, 200.0)), cost_s=0.0)
    assert found.count == pytest.approx(1_000_000)


def test_units_of_steps_that_state_a_cost_take_about_a_minute() -> None:
    assert layout.document_packs(Files(10, 10_000, 1000, (1000.0,)), cost_s=6000.0).count == pytest.approx(100)


def test_a_unit_stores_parts_of_a_thousand_documents() -> None:
    found = layout.parts(Units(3, (2000.0,)), documents=3 * 1023, bytes_=1000)
    assert (found.count, found.pattern) == (6, (1000.0, pytest.approx(23)))


def test_units_of_which_few_documents_are_left_store_a_part_each_and_no_more_than_there_are_documents() -> None:
    assert layout.parts(Units(100, (1000.0,)), documents=5000, bytes_=1000).count == 100
    assert layout.parts(Units(100, (1000.0,)), documents=5, bytes_=1000).count == 5
    assert layout.parts(Units(100, (1000.0,)), documents=0, bytes_=0).count == 0


def test_large_documents_make_more_parts() -> None:
    assert layout.parts(Units(1, (100.0,)), documents=100, bytes_=640 * MB).count == 10


def test_tables_are_packed_by_bytes() -> None:
    assert layout.packs(Files(10, 0, 100), 35) == 4  # three of 10 bytes in each
    assert layout.packs(Files(10, 0, 1000), 35) == 10
    assert layout.packs(Files(10, 0, 0), 35) == 1
    assert layout.packs(Files(), 35) == 0


def test_few_rows_are_sorted_once_and_have_a_segment_each() -> None:
    assert layout.sorted_rows(sends=2, rows=50, bytes_=500, most_bytes=MB) == layout.Sorted((2,), (50,))


def test_ranges_that_lie_in_too_many_files_are_cut_into_finer_ones() -> None:
    found = layout.sorted_rows(sends=640, rows=1e9, bytes_=64 * MB, most_bytes=256 * MB)
    assert found == layout.Sorted((640, 64 * 10), (640 * 64, 64 * 64 * 10))


def test_ranges_that_are_too_large_are_cut_into_finer_ones() -> None:
    found = layout.sorted_rows(sends=1, rows=1e9, bytes_=65 * 256 * MB, most_bytes=256 * MB)
    assert found.units == (1, 64)


def test_rows_meet_in_units_of_many_ranges_or_of_one_large_range() -> None:
    assert layout.meets(200 * MB, layout.Sorted((1,), (64,))) == 4
    assert layout.meets(64 * 100 * MB, layout.Sorted((1,), (64,))) == 64
    assert layout.meets(0, layout.Sorted((0,), (0,))) == 0


def test_shards_are_cut_by_bytes_and_shared_out() -> None:
    assert layout.shards(10 * MB, 3 * MB, 256 * MB, 64) == (4, 4)
    assert layout.shards(1000 * MB, MB, 256 * MB, 64) == (1000, 63)
    assert layout.shards(1000 * MB, 300 * MB, 256 * MB, 64) == (4, 4)
