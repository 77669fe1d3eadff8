"""Global steps that read side tables, share results among their exchanges, have parameters by exchange, reports and rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.execution import reports
from interloom.pipeline.execution.kinds import exchange as kind
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.planning import plugins
from interloom.pipeline.store import exchange, run_reader

Runs = Callable[..., FinishedPhases]
SINK = "stages.write_parquet"
TEXTS = ["the pier", "a longest night", "", "boats"]
LENGTHS = {1: 1, 3: 1, 4: 1, 5: 2, 7: 1}


@pytest.fixture
def source(crawl: Callable[..., str], tmp_path: Path) -> tuple[str, dict[str, Any]]:
    """Reads three files; only the first two have words."""
    for name, texts in {"a": TEXTS[:2], "b": TEXTS[2:], "c": [""]}.items():
        crawl(texts, name)
    return "stages.read_documents", {"paths": str(tmp_path / "[a-c].jsonl")}


def words(finished: FinishedPhases) -> dict[str, str]:
    """The label that `reads_words` gave each document that has one, by the id in its file."""
    folder = Path(finished.run, "write_parquet", "data")
    labels = [row for file in folder.glob("*.parquet") for row in pq.read_table(file)["labels"].to_pylist()]
    found = [{label["name"]: label["value"] for label in row} for row in labels]
    return {row["source_id"]: row["words"] for row in found if row["words"]}


def far(run: Runs, source: Any, **parameters: Any) -> FinishedPhases:
    return run(source, "sets_words_aside", ("labels_far_words", parameters), "reads_words", SINK)


def test_a_sketch_reads_side_tables_and_exchanges_share_results(run: Runs, source: Any) -> None:
    finished = far(run, source, factor=1.5)
    assert words(finished) == {"a-0": "the pier", "a-1": "a longest night longest!", "b-1": "boats"}


def test_rows_that_apply_stores_are_found_by_later_steps(run: Runs, source: Any) -> None:
    finished = run(source, "sets_words_aside", "labels_far_words", "scores_length", "reads_words", SINK)
    assert words(finished) == {"a-0": "the pier", "a-1": "a longest night longest! night", "b-1": "boats boats"}


def test_shared_results_are_the_same_for_any_number_of_ranges(run: Runs, source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PACK_BYTES", "MEET_BYTES", "RANGE_BYTES", "TABLE_BYTES"):
        monkeypatch.setattr(kind, name, 1)
    monkeypatch.setattr(exchange, "LEVEL_BITS", 1)
    finished = far(run, source, factor=1.5)
    assert words(finished) == {"a-0": "the pier", "a-1": "a longest night longest!", "b-1": "boats"}
    assert len(finished.files(["labels_far_words.lengths"], "rows")) == len(LENGTHS)


def folders(finished: FinishedPhases) -> Counter[str]:
    """How many folders there are of each phase of `labels_far_words`."""
    names = (folder.name.rpartition("-")[0] for folder in Path(finished.run, "work").glob("labels_far_words*"))
    return Counter(name.removeprefix("labels_far_words") for name in names)


@pytest.mark.parametrize(
    ("parameter", "repeated"),
    [({"factor": 2.0}, {".sketch": 1, ".lengths": 1, ".far": 2}), ({"least": 3}, {".sketch": 1, ".lengths": 1, ".far": 1})],
)
def test_a_parameter_repeats_only_the_exchanges_that_name_it(
    run: Runs, source: Any, parameter: dict[str, Any], repeated: dict[str, int]
) -> None:
    far(run, source)
    finished = far(run, source, **parameter)
    assert folders(finished) == {**repeated, ".verdicts": repeated[".far"], "": 2}


def test_a_change_above_repeats_all_exchanges(run: Runs, source: Any, crawl: Callable[..., str]) -> None:
    far(run, source)
    crawl(["a change"], "c")
    assert words(far(run, source))["c-0"] == "a change change"


def test_reports_are_results_of_exchanges(run: Runs, source: Any) -> None:
    finished = far(run, source)
    [file] = Path(finished.run, "reports").iterdir()
    assert file.name == "labels_far_words.lengths.parquet"
    assert {row["length"]: row["count"] for row in pq.read_table(file).to_pylist()} == LENGTHS


def test_a_report_has_the_same_bytes_for_any_number_of_ranges(run: Runs, source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "_ROWS", 2)
    name = "reports/labels_far_words.lengths.parquet"
    usual = Path(far(run, source).run, name).read_bytes()
    for constant in ("PACK_BYTES", "MEET_BYTES", "RANGE_BYTES", "TABLE_BYTES"):
        monkeypatch.setattr(kind, constant, 1)
    monkeypatch.setattr(exchange, "LEVEL_BITS", 1)
    many = run(source, "sets_words_aside", "labels_far_words", SINK, run=str(Path(source[1]["paths"]).parent / "many"))
    assert Path(many.run, name).read_bytes() == usual
    assert pq.ParquetFile(Path(many.run, name)).num_row_groups == 3


def test_reports_of_an_earlier_plan_are_removed(run: Runs, source: Any) -> None:
    folder = Path(far(run, source).run, "reports")
    pq.write_table(pa.table({"length": [1]}), folder / "of_a_person.parquet")
    (folder / "not_parquet.parquet").write_text("")
    (folder / "broken.parquet").write_bytes(b"PAR1 no footer \x05\0\0\0PAR1")
    run(source, "sets_words_aside", "reads_words", SINK)
    assert {file.name for file in folder.iterdir()} == {"of_a_person.parquet", "not_parquet.parquet", "broken.parquet"}


def is_taken_over() -> None:
    raise FatalError("another driver took over")


def test_a_driver_that_slept_writes_no_report(run: Runs, source: Any) -> None:
    finished = far(run, source)
    [file] = Path(finished.run, "reports").iterdir()
    file.unlink()
    with pytest.raises(FatalError, match="another driver took over"):
        reports.store([results.phase for results in finished.phases.values()], finished, is_taken_over)
    assert not file.exists()


def test_a_driver_that_slept_removes_no_report(run: Runs, source: Any) -> None:
    finished = far(run, source)
    [file] = Path(finished.run, "reports").iterdir()
    with pytest.raises(FatalError, match="another driver took over"):
        reports.store((), finished, is_taken_over)
    assert file.exists()


def test_no_sink_writes_among_reports(planned: Any, source: Any) -> None:
    with pytest.raises(ConfigError, match=r"run/reports lies among the run's reports"):
        planned(source, {"id": "reports", "use": SINK})


def test_a_side_table_of_a_sketch_that_does_not_exist_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "from interloom.pipeline.stage import GlobalStage\n\nclass Sketches(GlobalStage):\n    sketch_tables = ('wrods',)\n"
    (tmp_path / "sketches.py").write_text(lines)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match="sketches: no side table 'wrods'; did you mean 'words'"):
        plugins.find("sketches")


def test_the_plan_on_disk_names_shared_exchanges(source: Any, run: Runs) -> None:
    phases = {phase.name: phase for phase in run_reader.phases(far(run, source).run)}
    assert phases["labels_far_words.far"].exchanges == ("labels_far_words.lengths",)
