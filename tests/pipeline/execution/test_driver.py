"""A run as a whole: what is done is never done again, what fails is told and resumed, the books balance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.errors import FatalError
from interloom.pipeline.execution.balance import Account
from interloom.pipeline.execution.driver import check_books, execute, summary
from interloom.pipeline.execution.kinds.documents import batched
from interloom.pipeline.execution.phase_run import Progress
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.planning.phases import cut
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store import run_reader
from interloom.pipeline.store.commits import Commit
from interloom.schemas.document import Document

SINK = "stages.write_parquet"
Planned = Callable[..., Plan]


class Counting(LocalRunner):
    """The local runner; remembers the units it ran by phase, and stops like a killed driver before unit `stop`."""

    def __init__(self, stop: int = 1 << 30) -> None:
        super().__init__()
        self.ran: list[str] = []
        self._stop = stop

    def run_unit(self, run: str, phase: Any, unit: Any) -> Any:
        if len(self.ran) >= self._stop:
            raise KeyboardInterrupt
        self.ran.append(phase.name)
        return super().run_unit(run, phase, unit)


@pytest.fixture
def read(crawl: Callable[..., str]) -> tuple[str, dict[str, Any]]:
    """Three files of ten documents."""
    for name in ("a", "b", "c"):
        crawl([f"{name} has {n} words" for n in range(10)], name)
    return "stages.read_documents", {"paths": str(Path(crawl(["x"], "one")).parent / "[abc].jsonl")}


def test_a_finished_run_computes_nothing_again(planned: Planned, read: Any) -> None:
    plan = planned(read, "stages.dedup_exact", SINK)
    execute(plan, LocalRunner())
    again = Counting()
    execute(plan, again)
    assert again.ran == []


def test_a_killed_run_goes_on_where_it_was_and_ends_the_same(planned: Planned, read: Any, tmp_path: Path) -> None:
    whole = planned(read, "stages.dedup_exact", SINK, run=str(tmp_path / "whole"))
    execute(whole, LocalRunner())
    expected = outputs(whole)
    for stop in range(1, 7):
        plan = planned(read, "stages.dedup_exact", SINK, run=str(tmp_path / f"stop{stop}"))
        with pytest.raises(KeyboardInterrupt):
            execute(plan, Counting(stop))
        rest = Counting()
        execute(plan, rest)
        assert len(rest.ran) == 9 - stop
        assert outputs(plan) == expected


def outputs(plan: Plan) -> dict[str, bytes]:
    folder = Path(plan.run) / "write_parquet"
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_changed_threshold_below_scoring_scores_nothing_again(planned: Planned, read: Any) -> None:
    ran = []
    for least in (10, 12):
        runner = Counting()
        score = ("filters.score", {"of": "length", "on": "document", "at_least": least})
        execute(planned(read, "scores_length", score, SINK), runner)
        ran.append(runner.ran)
    assert (ran[0].count("read_documents"), ran[1].count("read_documents")) == (3, 0)
    assert ran[1].count("score") == ran[0].count("score") == 1


def test_another_file_in_the_input_is_read_alone(planned: Planned, read: Any, crawl: Any) -> None:
    execute(planned(read, SINK), LocalRunner())
    more = Counting()
    crawl(["new text"], "b")
    done = execute(planned(read, SINK), more)
    assert more.ran.count("read_documents") == 1
    assert summary(done)["write_parquet"].documents.out == 21


def test_a_failing_unit_is_told_and_the_others_are_kept(planned: Planned, read: Any, tmp_path: Path) -> None:
    down = tmp_path / "down"
    down.touch()
    Path(read[1]["paths"]).with_name("b.jsonl").write_text('{"id": "b-0", "text": "late"}\n')
    plan = planned(read, ("fails_while", {"file": str(down)}), SINK)
    message = "1 of 3 units of read_documents failed; the first: UnitError: the service does not answer"
    with pytest.raises(FatalError, match=message):
        execute(plan, LocalRunner())
    down.unlink()
    rest = Counting()
    done = execute(plan, rest)
    assert rest.ran.count("read_documents") == 1
    assert summary(done)["write_parquet"].documents.out == 21


def test_a_source_that_breaks_in_a_file_loses_the_rest_of_that_file(planned: Planned, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name, text in (("1", "a\nb"), ("2", "c\n!\nd"), ("3", "e")):
        (tmp_path / "in" / name).write_text(text)
    done = execute(planned(("reads_lines", {"paths": str(tmp_path / "in")}), SINK, max_error_rate=0.2), LocalRunner())
    assert summary(done)["write_parquet"].documents.out == 4
    [row] = run_reader.decisions(done.run)
    assert (row["id"], row["error"]) == ("2", "reads_lines stopped reading: RuntimeError: a line nobody thought of")


def test_too_many_quarantined_fail_the_run(planned: Planned, crawl: Any) -> None:
    source = ("stages.read_documents", {"paths": crawl(["good"] * 9 + ["poison"])})
    message = r"breaks_on quarantined 1 of 10 documents \(10.0%, allowed 5.0%\)"
    with pytest.raises(FatalError, match=message):
        execute(planned(source, "breaks_on", SINK), LocalRunner())


def test_a_higher_error_rate_accepts_what_is_done(planned: Planned, crawl: Any) -> None:
    source = ("stages.read_documents", {"paths": crawl(["good"] * 9 + ["poison"])})
    with pytest.raises(FatalError):
        execute(planned(source, "breaks_on", SINK), LocalRunner())
    rest = Counting()
    done = execute(planned(source, "breaks_on", SINK, max_error_rate=0.1), rest)
    assert "read_documents" not in rest.ran
    assert summary(done)["breaks_on"].documents.quarantined == 1


def test_too_many_quarantined_images_fail_the_run(planned: Planned, crawl: Any) -> None:
    source = ("stages.read_documents", {"paths": crawl(["one", "two"], "poison")})
    with pytest.raises(FatalError, match="breaks_on_picture quarantined 2 of 2 images"):
        execute(planned(source, "draws_pictures", "breaks_on_picture", SINK), LocalRunner())


def test_the_books_of_every_step_balance(planned: Planned, read: Any) -> None:
    steps = (read, "draws_pictures", "makes_children", ("filters.word_count", {"at_least": 3}), "stages.dedup_exact", SINK)
    found = summary(execute(planned(*steps), LocalRunner()))
    assert list(found) == ["read_documents", "draws_pictures", "makes_children", "word_count", "dedup_exact", "write_parquet"]
    assert {key: book.imbalance() for key, book in found.items()} == dict.fromkeys(found, "")
    children, words = found["makes_children"], found["word_count"]
    assert (children.documents.into, children.documents.born, children.documents.out) == (30, 30, 60)
    assert (words.documents.dropped, words.images.left) == ({"too_few_words": 30}, 30)


def test_the_driver_keeps_books_by_phase_and_not_by_unit(planned: Planned, read: Any) -> None:
    plan = planned(read, SINK)
    first, again = execute(plan, LocalRunner()), execute(plan, LocalRunner())
    assert [commit.books for done in (first, again) for commit in done.commits("read_documents")] == [{}] * 6
    assert [done.phases["read_documents"].books["read_documents"].documents.out for done in (first, again)] == [30, 30]


def test_documents_lost_between_phases_are_found(planned: Planned, read: Any) -> None:
    plan = planned(read, "scores_length", "lifts", SINK)
    done = execute(plan, LocalRunner())
    books = done.phases["lifts"].books
    books["lifts"] = replace(books["lifts"], documents=Account(into=29, out=29))
    with pytest.raises(FatalError, match="the books do not balance: lifts: 30 documents stored above, 29 read"):
        check_books(cut(plan), done)


def test_progress_is_told_after_every_unit(planned: Planned, read: Any) -> None:
    told: list[Progress] = []
    execute(planned(read, SINK), LocalRunner(), report=told.append)
    assert [replace(progress, ended=None) for progress in told[:4]] == [
        Progress("read_documents", n, 3, 0, 10 * n, n == 3) for n in range(4)
    ]
    assert [isinstance(progress.ended, Commit) for progress in told[:4]] == [False, True, True, True]


def test_progress_tells_how_many_units_an_earlier_run_finished(planned: Planned, read: Any) -> None:
    execute(planned(read, SINK), LocalRunner())
    told: list[Progress] = []
    execute(planned(read, SINK), LocalRunner(), report=told.append)
    assert told[0] == Progress("read_documents", 3, 3, 3, 30, True)


def test_the_recipe_is_kept_beside_the_plan(planned: Planned, read: Any) -> None:
    plan = planned(read, SINK)
    execute(plan, LocalRunner(), "name: test\n")
    assert (Path(plan.run) / "recipe.yaml").read_text() == "name: test\n"


def test_branches_that_join_bring_a_document_twice_and_deduplication_keeps_one(planned: Planned, crawl: Any) -> None:
    source = ("stages.read_documents", {"paths": crawl(["one", "two", "three"])})
    left, right = ({"use": "lifts", "id": name, "from": "read_documents"} for name in ("left", "right"))
    dedup = {"use": "stages.dedup_exact", "from": ["left", "right"]}
    found = summary(execute(planned(source, left, right, dedup, "lifts", SINK), LocalRunner()))
    assert (found["dedup_exact"].documents.into, found["dedup_exact"].documents.out) == (6, 3)
    assert found["write_parquet"].documents.out == 3


def test_branches_that_join_before_a_cheap_step_still_balance(planned: Planned, crawl: Any) -> None:
    source = ("stages.read_documents", {"paths": crawl(["one", "two", "three words here"])})
    left, right = ({"use": "lifts", "id": name, "from": "read_documents"} for name in ("left", "right"))
    join = {"use": "filters.word_count", "with": {"at_least": 3}, "from": ["left", "right"]}
    found = summary(execute(planned(source, left, right, join, "stages.dedup_exact", SINK), LocalRunner()))
    assert found["word_count"].documents.dropped == {"too_few_words": 4}
    assert found["write_parquet"].documents.out == 1


def test_batches_never_hold_a_document_twice() -> None:
    docs = [Document(id=id_) for id_ in "abcabd"]
    assert [[doc.id for doc in batch] for batch in batched(docs, 4)] == [["a", "b", "c"], ["a", "b", "d"]]


def test_batches_are_full() -> None:
    docs = [Document(id=str(n)) for n in range(7)]
    assert [len(batch) for batch in batched(docs, 3)] == [3, 3, 1]


def test_units_in_any_order_make_the_same_shards(planned: Planned, read: Any, tmp_path: Path) -> None:
    class Backwards(LocalRunner):
        def wait(self) -> Any:
            self._queue.reverse()
            yield from super().wait()

    made = []
    for name, runner in (("there", LocalRunner()), ("back", Backwards())):
        plan = planned(read, "stages.dedup_minhash", (SINK, {"shard_size_bytes": 3000}), run=str(tmp_path / name))
        execute(plan, runner)
        made.append(outputs(plan))
    assert made[0] == made[1]
    assert len(made[0]) > 4


def test_a_hostile_document_leaves_its_neighbours_unharmed(planned: Planned, crawl: Any) -> None:
    source = ("stages.read_documents", {"paths": crawl(["good", "segfault", "raise", "good", "hang", "exit", "good"])})
    done: FinishedPhases = execute(planned(source, "meets_hostile", SINK, max_error_rate=1), LocalRunner())
    assert summary(done)["meets_hostile"].documents.quarantined == 4
    assert summary(done)["write_parquet"].documents.out == 3


def test_text_that_utf8_cannot_hold_stops_nothing(planned: Planned, crawl: Any) -> None:
    source = ("stages.read_documents", {"paths": crawl(["good"] * 30)})
    done = execute(planned(source, "speaks_in_halves", SINK), LocalRunner())
    assert (summary(done)["speaks_in_halves"].documents.quarantined, summary(done)["write_parquet"].documents.out) == (1, 29)


def test_what_killed_processes_were_writing_is_removed(planned: Any, crawl: Any, tmp_path: Path) -> None:
    plan = planned(("stages.read_documents", {"paths": crawl(["text"])}), "stages.write_parquet")
    execute(plan, LocalRunner())
    run = tmp_path / "run"
    units = [file.parent for file in run.glob("work/*/*/documents-*")]
    left = [folder / ".interloom-tmp-x" for folder in (run, run / "targets", run / "write_parquet", *run.glob("work/*"), *units)]
    left += [units[0] / "documents-0000-of-another-copy.parquet", units[0] / "killed" / "document" / ".interloom-tmp-x"]
    for file in left:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    for commit in run.glob("work/*/commits/*"):
        commit.unlink()
    execute(plan, LocalRunner())
    assert [file for file in left if file.exists()] == []
