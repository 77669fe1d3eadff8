"""One batch through one step: exactly the culprit is quarantined, nothing vanishes, the books balance."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import replace
from errno import EINVAL, EIO
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.errors import ConfigError, FatalError, KilledError, UnitError, described
from interloom.pipeline.execution import killed
from interloom.pipeline.execution.balance import Account, Book
from interloom.pipeline.execution.killed import VERDICT, Kills, given_up
from interloom.pipeline.execution.source import read_source
from interloom.pipeline.execution.step import Record, attempt, process_of, run_step, settle
from interloom.pipeline.planning.plan import Plan, PlannedStep
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop, Dropped, Killed, Outcome, Quarantined, Side

Article = Callable[..., Document]
DOC = Document(id="a", elements=(Text(position=0, text="words"),))


@pytest.fixture
def step(planned: Callable[..., Plan], crawl: Callable[..., str]) -> Callable[..., PlannedStep]:
    """The planned step that uses this."""
    source = ("stages.read_documents", {"paths": crawl(["one"])})

    def make(use: str, **parameters: Any) -> PlannedStep:
        plan = planned(source, "draws_pictures", (use, parameters), "stages.write_parquet")  # which may provide anything
        return plan.steps[2]

    return make


def ran(step: PlannedStep, docs: list[Document]) -> tuple[list[Document], Record]:
    record = Record()
    return run_step(step, process_of(step), docs, record), record


def test_one_poison_document_among_a_thousand_is_quarantined_alone(step: Any, article: Article) -> None:
    docs = [article(str(n), "poison" if n == 617 else f"text {n}") for n in range(1000)]
    kept, record = ran(step("breaks_on"), docs)
    assert [doc.id for doc in kept] == [str(n) for n in range(1000) if n != 617]
    assert [(row["id"], row["error"]) for row in record.decisions] == [("617", "ValueError: cannot take 'poison'")]
    assert record.books["breaks_on"].documents == Account(into=1000, out=999, quarantined=1)


def test_one_poison_image_is_quarantined_alone(step: Any, article: Article) -> None:
    doc = article("a", "before", "https://x/1.png", "https://x/poison.png", "after", "https://x/2.png")
    [kept, _], record = ran(step("breaks_on_picture"), [doc, article("b", "https://x/3.png")])
    assert [e.position for e in kept.elements] == [0, 1, 3, 4]
    assert [image.format for image in kept.images] == ["png", "png"]
    assert [(row["position"], row["url"]) for row in record.decisions] == [(2, "https://x/poison.png")]
    assert record.books["breaks_on_picture"].images == Account(into=4, out=3, quarantined=1)


def test_the_caption_of_a_quarantined_image_goes_with_it(step: Any, article: Article) -> None:
    doc = article("a", "https://x/poison.png")
    doc = doc.with_elements(
        (*doc.elements, Text(position=1, text="what it shows", origin="caption", of=0), Text(position=2, text="t"))
    )
    [kept], _ = ran(step("breaks_on_picture"), [doc])
    assert [e.position for e in kept.elements] == [2]


def test_what_an_error_says_is_one_short_line() -> None:
    assert described(ValueError("a\n  b" + "c" * 1000)) == "ValueError: a b" + "c" * 497
    assert described(KeyError()) == "KeyError"


def test_an_error_says_the_same_in_every_process() -> None:
    assert described(ValueError("no picture in <_io.BytesIO object at 0x7f9506c30450>")) == (
        "ValueError: no picture in <_io.BytesIO object>"
    )


def test_errors_that_stop_the_unit_are_no_fault_of_the_document() -> None:
    def process(docs: Any) -> Any:
        raise UnitError("the disk is full")

    with pytest.raises(UnitError):
        attempt(process, [])


def killed_at(word: str, tried: list[str]) -> Any:
    """A `process` as that of a sandbox whose children are killed from outside at documents with this text or image URL."""

    def process(docs: Any) -> Any:
        for doc in docs:
            tried.append(doc.id)
            if any(word in (getattr(element, "text", ""), getattr(element, "url", "")) for element in doc.elements):
                raise KilledError("killed again and again")
            yield doc

    return process


def run_on_another_worker(step: PlannedStep, process: Any, docs: list[Document], folder: Path) -> None:
    """The same in a process of its own."""

    def work() -> None:
        run_step(step, process, docs, Record(kills=Kills(str(folder))))

    worker = multiprocessing.get_context("fork").Process(target=work)
    worker.start()
    worker.join(60)
    assert worker.exitcode == 0


def test_a_document_whose_children_are_killed_is_left_to_another_worker(step: Any, article: Article, tmp_path: Path) -> None:
    tried: list[str] = []
    for _ in range(2):  # the same worker twice proves no more than once
        record = Record(kills=Kills(str(tmp_path)))
        assert run_step(step("meets_hostile"), killed_at("bad", tried), [article("a", "bad")], record) == []
        with pytest.raises(KilledError, match=r"^killed again and again while it worked on document a$"):
            record.kills.give_up()
    assert tried == ["a", "a"]
    assert given_up(str(tmp_path)) == ["a"]


def test_a_worker_finds_all_documents_whose_children_are_killed_before_it_gives_the_unit_up(
    step: Any, article: Article, tmp_path: Path
) -> None:
    docs = [article(id_, "good" if id_ in "bd" else "bad") for id_ in "abcdef"]
    record = Record(kills=Kills(str(tmp_path)))
    kept = run_step(step("meets_hostile"), killed_at("bad", []), docs, record)
    assert [doc.id for doc in kept] == ["b", "d"]
    assert record.decisions == []
    assert given_up(str(tmp_path)) == ["a", "c", "e", "f"]
    with pytest.raises(
        KilledError, match=r"^killed again and again while it worked on document a; 3 more documents met the same$"
    ):
        record.kills.give_up()


def test_two_workers_are_enough_for_any_number_of_documents_whose_children_are_killed(
    step: Any, article: Article, tmp_path: Path
) -> None:
    docs = [article(id_, "good" if id_ in "bd" else "bad") for id_ in "abcdef"]
    run_on_another_worker(step("meets_hostile"), killed_at("bad", []), docs, tmp_path)
    record = Record(kills=Kills(str(tmp_path)))
    kept = run_step(step("meets_hostile"), killed_at("bad", []), docs, record)
    record.kills.give_up()
    assert [doc.id for doc in kept] == ["b", "d"]
    assert [(row["id"], row["error"]) for row in record.decisions] == [(id_, VERDICT) for id_ in "acef"]


def test_a_worker_whose_children_are_all_killed_stops_early(
    step: Any, article: Article, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(killed, "_MOST_IN_A_ROW", 2)
    tried: list[str] = []
    docs = [article(str(n), "good" if n in (0, 3) else "bad") for n in range(9)]
    with pytest.raises(
        KilledError, match=r"^killed again and again while it worked on document 6; the 2 before it met the same$"
    ):
        run_step(step("meets_hostile"), killed_at("bad", tried), docs, Record(kills=Kills(str(tmp_path))))
    assert tried == list("0123456")


def test_a_batch_whose_children_are_killed_is_run_again_document_by_document(step: Any, article: Article, tmp_path: Path) -> None:
    tried: list[str] = []
    docs, record = [article("a", "good"), article("b", "bad"), article("c", "good")], Record(kills=Kills(str(tmp_path)))
    kept = run_step(step("scores_length"), killed_at("bad", tried), docs, record)
    assert ([doc.id for doc in kept], tried) == (["a", "c"], list("ababc"))
    assert given_up(str(tmp_path)) == ["b"]


def test_a_source_leaves_the_documents_whose_children_are_killed_to_another_worker(step: Any, tmp_path: Path) -> None:
    source = replace(step("lifts"), key="source", shape="source")
    said: list[Outcome] = [Document(id="a"), Killed("b", "ffmpeg was ended", url="u"), Document(id="c")]
    record = Record(kills=Kills(str(tmp_path)))
    assert [doc.id for doc in read_source(source, said, record, "in")] == ["a", "c"]
    assert (record.decisions, record.kills.left) == ([], [("b", "ffmpeg was ended")])


def test_a_source_quarantines_the_documents_whose_children_are_killed_on_two_workers(step: Any, tmp_path: Path) -> None:
    source = replace(step("lifts"), key="source", shape="source")
    worker = multiprocessing.get_context("fork").Process(target=lambda: Kills(str(tmp_path)).blame("b", "ffmpeg was ended"))
    worker.start()
    worker.join(60)
    record = Record(kills=Kills(str(tmp_path)))
    assert list(read_source(source, [Killed("b", "ffmpeg was ended", url="u")], record, "in")) == []
    assert [(row["id"], row["error"], row["url"]) for row in record.decisions] == [("b", VERDICT, "u")]
    assert record.books["source"].documents == Account(into=1, quarantined=1)


def test_a_document_whose_children_are_killed_on_two_workers_is_quarantined_alone(
    step: Any, article: Article, tmp_path: Path
) -> None:
    docs, record = [article("a", "good"), article("b", "bad"), article("c", "good")], Record(kills=Kills(str(tmp_path)))
    run_on_another_worker(step("meets_hostile"), killed_at("bad", []), docs, tmp_path)
    kept = run_step(step("meets_hostile"), killed_at("bad", []), docs, record)
    assert [doc.id for doc in kept] == ["a", "c"]
    assert [(row["id"], row["error"]) for row in record.decisions] == [
        ("b", "killed: on two workers, each process that worked on it was ended from outside")
    ]
    record.kills.give_up()  # nothing is left to another worker


def test_two_documents_killed_on_one_worker_each_are_both_innocent(step: Any, article: Article, tmp_path: Path) -> None:
    run_on_another_worker(step("meets_hostile"), killed_at("bad", []), [article("a", "bad")], tmp_path)
    record = Record(kills=Kills(str(tmp_path)))
    run_step(step("meets_hostile"), killed_at("bad", []), [article("b", "bad")], record)
    assert (record.decisions, [id_ for id_, _ in record.kills.left]) == ([], ["b"])


def test_an_image_whose_children_are_killed_on_two_workers_is_quarantined_alone(
    step: Any, article: Article, tmp_path: Path
) -> None:
    docs, record = [article("a", "https://x/1.png", "https://x/bad.png", "https://x/2.png")], Record(kills=Kills(str(tmp_path)))
    run_on_another_worker(step("stages.decode_images"), killed_at("https://x/bad.png", []), docs, tmp_path)
    [kept] = run_step(step("stages.decode_images"), killed_at("https://x/bad.png", []), docs, record)
    assert [image.url for image in kept.images] == ["https://x/1.png", "https://x/2.png"]
    assert [(row["position"], row["error"][:7]) for row in record.decisions] == [(1, "killed:")]


def test_a_document_with_an_image_whose_children_are_killed_is_left_to_another_worker_as_a_whole(
    step: Any, article: Article, tmp_path: Path
) -> None:
    alone = killed_at("https://x/bad.png", [])

    def process(docs: Any) -> Any:
        if len(docs[0].images) > 1:
            raise ValueError("one of them is broken")
        return alone(docs)

    docs = [article("a", "https://x/1.png", "https://x/bad.png", "https://x/2.png"), article("b", "https://x/3.png")]
    record = Record(kills=Kills(str(tmp_path)))
    assert [doc.id for doc in run_step(step("stages.decode_images"), process, docs, record)] == ["b"]
    assert ([id_ for id_, _ in record.kills.left], record.decisions) == (["a"], [])


@pytest.mark.parametrize("use", ["loses_documents", "says_both", "doubles_documents", "loses_images"])
def test_a_step_that_loses_or_doubles_stops_the_run(step: Any, article: Article, use: str) -> None:
    with pytest.raises(FatalError, match=f"^{use}:? .*(lost|both dropped and kept|doubled)"):
        ran(step(use), [article("a", "text", "https://x/1.png"), article("b", "text", "https://x/2.png")])


def test_what_is_lost_is_named(step: Any, article: Article) -> None:
    with pytest.raises(FatalError, match=r"^loses_documents: 1 documents lost, the first a$"):
        ran(step("loses_documents"), [article("a", "x"), article("b", "x")])


def test_children_count_as_born(step: Any, article: Article) -> None:
    kept, record = ran(step("makes_children"), [article("a", "x", "y", "https://x/1.png"), article("b", "z")])
    assert [doc.id for doc in kept] == ["a#0", "a#1", "a#2", "b#0"]
    book = record.books["makes_children"]
    assert (book.documents.into, book.documents.born, book.documents.out) == (2, 2, 4)
    assert (book.images.into, book.images.left, book.images.born, book.images.out) == (1, 1, 1, 1)
    assert book.imbalance() == ""


def test_children_of_children_are_found_by_their_parent(step: Any, article: Article) -> None:
    kept, _ = ran(step("makes_children"), [article("a#1", "x", "y")])
    assert [doc.id for doc in kept] == ["a#1#0", "a#1#1"]


def test_a_document_is_not_found_again_by_its_siblings(step: Any, article: Article) -> None:
    docs = [article("a#1", "x"), article("a#2", "y")]
    with pytest.raises(FatalError, match=r"1 documents lost, the first a#1$"):
        settle(step("lifts"), docs, docs[1:], Record())


def test_a_parent_may_lose_all_its_children(step: Any, article: Article) -> None:
    record = Record()
    docs = [article("a", "x", "y")]
    assert settle(step("makes_children"), docs, [Dropped("a#0", Drop("short")), Dropped("a#1", Drop("short"))], record) == []
    assert record.books["makes_children"].imbalance() == ""


def test_a_stranger_stops_the_run(step: Any, article: Article) -> None:
    docs = [article("a", "x")]
    with pytest.raises(FatalError, match=r"^lifts: 1 documents made of nothing, the first z$"):
        settle(step("lifts"), docs, [*docs, article("z", "x")], Record())


def test_images_leave_with_their_document(step: Any, article: Article) -> None:
    record = Record()
    docs = [article("a", "https://x/1.png", "https://x/2.png")]
    settle(step("lifts"), docs, [Dropped("a", Drop("too_short")), Dropped("a", Drop("too_small"), 1)], record)
    assert record.books["lifts"].images == Account(into=2, left=1, dropped={"too_small": 1})
    assert record.books["lifts"].imbalance() == ""


def test_a_dropped_image_that_stays_stops_the_run(step: Any, article: Article) -> None:
    docs = [article("a", "https://x/1.png")]
    with pytest.raises(FatalError, match="image 0 of document a"):
        settle(step("lifts"), docs, [Dropped("a", Drop("too_small"), 0), *docs], Record())


def test_an_image_dropped_as_it_was_found_balances(step: Any, article: Article) -> None:
    record = Record()
    docs = [article("a", "x")]
    settle(step("lifts"), docs, [Dropped("a", Drop("no_address"), 7, "data:"), *docs], record)
    assert record.books["lifts"].imbalance() == ""


def test_an_image_dropped_from_a_new_child_balances(step: Any, article: Article) -> None:
    record = Record()
    child = article("a#0", "x", "https://x/1.png")
    settle(step("makes_children"), [article("a", "x")], [Dropped("a#0", Drop("too_small"), 4), child], record)
    assert record.books["makes_children"].images == Account(born=2, out=1, dropped={"too_small": 1})


def test_texts_that_go_are_counted_apart(step: Any, article: Article) -> None:
    [kept], record = ran(step("lifts", word="spam"), [article("a", "spam", "ham", "https://x/1.png")])
    assert [e.position for e in kept.elements] == [1, 2]
    book = record.books["lifts"]
    assert (book.texts, book.images) == (Account(into=2, out=1, dropped={"has_word": 1}), Account(into=1, out=1))


def settled(step: PlannedStep, before: Document, after: Document, *decisions: Outcome) -> Book:
    """The book of a step that made `after` of a document and decided so."""
    record = Record()
    settle(step, [before], [*decisions, after], record)
    assert record.books[step.key].imbalance() == ""
    return record.books[step.key]


def test_a_text_that_is_cut_is_replaced_by_its_parts(step: Any, article: Article) -> None:
    doc = article("a", "one two", "three")
    cut = doc.with_elements([Text(position=2, text="one"), Text(position=3, text="two"), doc.elements[1]])
    assert settled(step("lifts"), doc, cut).texts == Account(into=2, born=2, out=3, replaced=1)


def test_a_text_that_is_joined_to_another_is_replaced(step: Any, article: Article) -> None:
    doc = article("a", "one", "two")
    assert settled(step("lifts"), doc, article("a", "one two")).texts == Account(into=2, out=1, replaced=1)


def test_texts_leave_with_the_image_that_they_describe(step: Any, article: Article) -> None:
    doc = article("a", "one", "https://x/1.png")
    doc = doc.with_elements([*doc.elements, Text(position=2, text="a boat", of=1)])
    book = settled(step("lifts"), doc, doc.without([1]), Dropped("a", Drop("too_small"), 1))
    assert book.texts == Account(into=2, out=1, left=1)


def test_texts_leave_with_their_document(step: Any, article: Article) -> None:
    record = Record()
    settle(step("lifts"), [article("a", "one", "two")], [Dropped("a", Drop("too_short"))], record)
    assert record.books["lifts"].texts == Account(into=2, left=2)


def test_a_text_that_vanishes_without_a_reason_stops_the_run(step: Any, article: Article) -> None:
    doc = article("a", "one", "two")
    with pytest.raises(FatalError, match=r"^lifts lost text 1 of document a without a reason"):
        settle(step("lifts"), [doc], [doc.without([1])], Record())


def test_a_decision_is_a_row_with_what_was_measured(step: Any, article: Article) -> None:
    record = Record()
    settle(step("lifts"), [article("a", "x")], [Dropped("a", Drop("too_long", 3.5, 2.0), url="u", kept="b")], record)
    assert record.decisions == [
        {
            "id": "a",
            "position": None,
            "url": "u",
            "step": "lifts",
            "use": "lifts",
            "reason": "too_long",
            "value": 3.5,
            "threshold": 2.0,
            "kept": "b",
            "source_id": None,
        }
    ]


def test_a_decision_tells_the_id_in_the_file_of_the_document_or_of_its_parent(step: Any, article: Article) -> None:
    record = Record()
    doc = article("a", "x").with_labels(source_id="row 7")
    said = [Dropped("a#0", Drop("too_long")), Quarantined("a#1", "broken"), Quarantined("a#1", "broken", source_id="row 8")]
    settle(step("lifts"), [doc], said, record)
    assert [row["source_id"] for row in record.decisions] == ["row 7", "row 7", "row 8"]


def test_rows_set_aside_are_kept_by_table(step: Any, article: Article) -> None:
    record = Record()
    docs = [article("a", "x")]
    settle(step("lifts"), docs, [Side("captures", {"url": "u"}), *docs], record)
    assert record.sides == {"captures": [{"url": "u"}]}


def test_a_source_enters_each_record_as_read(step: Any) -> None:
    source = replace(step("lifts"), key="source", shape="source")
    record = Record()
    picture = Document(id="a", elements=(Image(position=0), Text(position=1, text="one")))
    said: list[Outcome] = [picture, Dropped("b", Drop("empty")), Quarantined("c", "broken"), Side("captures", {})]
    assert list(read_source(source, said, record, "in")) == [picture]
    book = record.books["source"]
    assert book.documents == Account(into=3, out=1, quarantined=1, dropped={"empty": 1})
    assert (book.images, book.texts, book.imbalance()) == (Account(into=1, out=1), Account(into=1, out=1), "")


def test_an_image_that_a_source_drops_is_entered_as_read(step: Any) -> None:
    record = Record()
    said: list[Outcome] = [
        Dropped("a", Drop("missing_file"), 1, "gone.png"),
        Document(id="a", elements=(Text(position=0, text="x"),)),
    ]
    list(read_source(step("lifts"), said, record, "in"))
    book = record.books["lifts"]
    assert (book.documents, book.images) == (Account(into=1, out=1), Account(into=1, dropped={"missing_file": 1}))


def read_until(error: Exception, ids: str = "abcdefghijklmnopqrstuvwxyz") -> Iterator[Outcome]:
    """Documents with these ids, then the error."""
    yield from (Document(id=id_) for id_ in ids)
    raise error


def test_what_a_source_leaves_unread_when_it_raises_is_quarantined_in_the_name_of_its_file(step: Any) -> None:
    record = Record()
    docs = list(read_source(step("lifts"), read_until(RuntimeError("nobody thought of this")), record, "in.txt"))
    assert "".join(doc.id for doc in docs) == "abcdefghijklmnopqrstuvwxyz"
    [row] = record.decisions
    assert (row["id"], row["error"]) == ("in.txt", "lifts stopped reading: RuntimeError: nobody thought of this")
    assert record.books["lifts"].documents == Account(into=27, out=26, quarantined=1)


@pytest.mark.parametrize("error", [OSError("corrupt"), OSError(EINVAL, "Invalid argument"), MemoryError()])
def test_an_error_that_broken_content_causes_is_no_fault_of_the_disk(step: Any, error: OSError) -> None:
    record = Record()
    assert list(read_source(step("lifts"), read_until(error, ""), record, "in.txt")) == []
    assert record.books["lifts"].documents == Account(into=1, quarantined=1)


def test_a_disk_that_fails_while_a_source_reads_fails_the_unit(step: Any) -> None:
    with pytest.raises(UnitError, match="Input/output error"):
        list(read_source(step("lifts"), read_until(OSError(EIO, "Input/output error")), Record(), "in.txt"))


def test_a_document_of_a_source_that_cannot_be_stored_is_quarantined_alone(step: Any) -> None:
    record = Record()
    said = [Document(id="a"), Document(id="b", elements=(Image(position=0, width=1 << 40),)), Document(id="c")]
    assert [doc.id for doc in read_source(step("lifts"), said, record, "in.txt")] == ["a", "c"]
    [row] = record.decisions
    assert (row["id"], row["error"]) == ("b", "cannot be stored: element 0: width is 1099511627776")


def test_our_own_errors_pass_through_a_source(step: Any) -> None:
    def read() -> Any:
        raise ConfigError("no access")
        yield

    with pytest.raises(ConfigError):
        list(read_source(step("lifts"), read(), Record(), "in"))


@pytest.mark.parametrize(
    ("outcome", "problem"),
    [
        (Dropped("a", Drop("other", "de", "en")), "the value of 'other' is 'de'"),  # type: ignore[arg-type]
        (Dropped("a", Drop("other", 1, 1 << 60)), "the threshold of 'other' is 1152921504606846976"),
        (Dropped("a", True), "True is no Drop"),  # type: ignore[arg-type]
        (Quarantined("a", ValueError("x")), "error is ValueError('x')"),  # type: ignore[arg-type]
        (DOC.with_score("good", "very"), "scores: 'good' is 'very'"),  # type: ignore[arg-type]
        (DOC.with_labels(language=None), "labels: 'language' is None"),  # type: ignore[arg-type]
        (DOC.with_elements([Text(position=0, text=b"bytes")]), "element 0: text is b'bytes'"),  # type: ignore[arg-type]
        (None, "None is no document, Dropped, Quarantined or Side"),
    ],
)
def test_what_a_step_yields_that_cannot_be_stored_is_the_steps_failure_at_this_document(
    step: Any, outcome: Any, problem: str
) -> None:
    record = Record()
    kept = run_step(
        step("filters.word_count"),
        lambda docs: [outcome if doc.id == "a" else doc for doc in docs],
        [DOC, replace(DOC, id="b")],
        record,
    )
    assert [doc.id for doc in kept] == ["b"]
    [row] = record.decisions
    assert (row["step"], row["id"], row["error"]) == ("word_count", "a", f"what the step yields cannot be stored: {problem}")


def test_a_decision_of_a_source_that_cannot_be_stored_is_quarantined(step: Any) -> None:
    record = Record()
    assert list(read_source(step("lifts"), [Dropped("a", Drop("long", "9"))], record, "in.txt")) == []  # type: ignore[arg-type]
    assert [(row["id"], row["error"]) for row in record.decisions] == [("a", "cannot be stored: the value of 'long' is '9'")]
