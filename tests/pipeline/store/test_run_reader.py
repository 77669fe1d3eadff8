"""What a run's folder tells about itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.store import run_reader

SINK = "stages.write_parquet"


@pytest.fixture
def finished(run: Callable[..., FinishedPhases], crawl: Callable[..., str]) -> str:
    """The folder of a run over four documents with an image each."""
    texts = ["one two three", "short", "poison in many words", "one two three"]
    source = ("stages.read_documents", {"paths": crawl(texts)})
    steps = ("draws_pictures", ("filters.word_count", {"at_least": 3}), "breaks_on", "scores_length", "stages.dedup_exact", SINK)
    return run(source, *steps, max_error_rate=0.5).run


def about(run: str, name: str) -> list[tuple[str, str]]:
    return [(row["step"], row["reason"] or row["error"]) for row in run_reader.decisions_on(run, name)]


def test_the_funnel_follows_the_steps(finished: str) -> None:
    funnel = run_reader.funnel(finished)
    assert [(key, book.documents.out) for key, book in funnel.items()] == [
        ("read_documents", 4),
        ("draws_pictures", 4),
        ("word_count", 3),
        ("breaks_on", 2),
        ("scores_length", 2),
        ("dedup_exact", 1),
        ("write_parquet", 1),
    ]


def test_every_document_that_left_has_a_row(finished: str) -> None:
    rows = {row["source_id"]: (row["step"], row["reason"], row["error"]) for row in run_reader.decisions(finished)}
    assert rows == {
        "crawl-1": ("word_count", "too_few_words", None),
        "crawl-2": ("breaks_on", None, "ValueError: cannot take 'poison in many words'"),
        "crawl-3": ("dedup_exact", "duplicate_text", None),
    }


def id_of(run: str, name: str) -> str:
    """The id of the document whose line has this id."""
    ids = {row["id"] for row in run_reader.decisions_on(run, name)} | {doc.id for _, doc in run_reader.documents(run, name)}
    [id_] = ids
    return id_


@pytest.mark.parametrize("name", ["crawl-1", "https://example.org/crawl-1"])
def test_a_document_is_found_by_the_id_in_its_file_and_by_url(finished: str, name: str) -> None:
    assert about(finished, name) == [("word_count", "too_few_words")]


def test_the_beginning_of_an_id_will_do_when_it_is_long_enough(finished: str) -> None:
    id_ = id_of(finished, "crawl-1")
    assert about(finished, id_) == about(finished, id_[:6]) == [("word_count", "too_few_words")]
    assert about(finished, id_[:5]) == []


def test_of_the_id_in_its_file_the_beginning_will_not_do(finished: str) -> None:
    assert (about(finished, "crawl-"), list(run_reader.documents(finished, "crawl-"))) == ([], [])


def test_a_child_is_found_by_the_id_in_the_file_of_its_document(run: Callable[..., FinishedPhases], crawl: Any) -> None:
    short = ("filters.word_count", {"at_least": 3})
    done = run(("stages.read_documents", {"paths": crawl(["one two"])}), "makes_children", short, SINK)
    rows = list(run_reader.decisions_on(done.run, "crawl-0"))
    assert [(row["step"], row["id"].partition("#")[2]) for row in rows] == [("word_count", "0")]


def test_a_row_holds_what_was_measured(finished: str) -> None:
    [row] = run_reader.decisions_on(finished, "crawl-1")
    assert (row["value"], row["threshold"], row["use"], row["position"]) == (1, 3, "filters.word_count", None)


def test_a_duplicate_names_what_stands_for_it(finished: str) -> None:
    [row] = run_reader.decisions_on(finished, "crawl-3")
    assert row["kept"] == id_of(finished, "crawl-0")


def test_a_document_stands_where_it_was_stored_last(finished: str) -> None:
    assert [phase for phase, _ in run_reader.documents(finished, "crawl-0")] == ["dedup_exact", "read_documents"]
    assert [phase for phase, _ in run_reader.documents(finished, "crawl-3")] == ["read_documents"]


def test_a_stored_document_has_its_scores_and_elements(finished: str) -> None:
    _, doc = next(run_reader.documents(finished, "https://example.org/crawl-0"))
    assert (doc.scores, doc.text, len(doc.images)) == ({"length": 13.0}, "one two three", 1)


def test_nobody_knows_a_stranger(finished: str) -> None:
    assert (about(finished, "nobody"), list(run_reader.documents(finished, "nobody"))) == ([], [])


def test_where_there_is_no_run_it_is_told(tmp_path: Any) -> None:
    with pytest.raises(ConfigError, match="no run here"):
        run_reader.funnel(str(tmp_path))


def test_an_earlier_input_of_the_same_recipe_no_longer_counts(run: Any, crawl: Any) -> None:
    for texts in (["short", "one two three"], ["one two three four"]):
        done = run(("stages.read_documents", {"paths": crawl(texts)}), ("filters.word_count", {"at_least": 3}), SINK)
    assert run_reader.funnel(done.run)["word_count"].documents.into == 1
    assert list(run_reader.decisions(done.run)) == []


def test_a_run_that_stopped_tells_how_far_it_came(run: Any, crawl: Any, tmp_path: Any) -> None:
    with pytest.raises(FatalError):
        run(("stages.read_documents", {"paths": crawl(["poison", "good"])}), "breaks_on", SINK)
    progress = {phase.name: len(done) for phase, done in run_reader.progress(str(tmp_path / "run"))}
    assert progress == {
        "read_documents": 1,
        "read_documents.scatter": 0,
        "write_parquet.assign": 0,
        "write_parquet.write": 0,
    }


def test_the_units_of_a_phase_are_known_once_it_began(finished: str) -> None:
    assert {phase.name: len(run_reader.units(finished, phase) or ()) for phase in run_reader.phases(finished)}[
        "read_documents"
    ] == 1
