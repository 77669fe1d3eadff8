"""What a run's folder tells about itself."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.store import naming, run_reader

SINK = "stages.write_parquet"


@pytest.fixture
def finished(run: Callable[..., FinishedPhases], crawl: Callable[..., str]) -> str:
    """The folder of a run over four documents with an image each."""
    texts = ["one two three", "short", "poison in many words", "one two three"]
    source = ("stages.read_documents", {"paths": crawl(texts)})
    steps = ("draws_pictures", ("filters.word_count", {"at_least": 3}), "breaks_on", "scores_length", "stages.dedup_exact", SINK)
    return run(source, *steps, max_error_rate=0.5).run


def about(run: str, name: str) -> list[tuple[str, str]]:
    return [(row["step"], row["reason"] or row["error"]) for row in naming.find(run, name).decisions]


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
    ids = {row["id"] for row in naming.find(run, name).decisions} | {doc.id for _, doc in naming.find(run, name).documents}
    [id_] = ids
    return id_


@pytest.mark.parametrize("name", ["crawl-1", "https://example.org/crawl-1"])
def test_a_document_is_found_by_the_id_in_its_file_and_by_url(finished: str, name: str) -> None:
    assert about(finished, name) == [("word_count", "too_few_words")]


def test_the_beginning_of_an_id_will_do_when_it_is_long_enough(finished: str) -> None:
    id_ = id_of(finished, "crawl-1")
    assert about(finished, id_) == about(finished, id_[:6]) == [("word_count", "too_few_words")]
    assert about(finished, id_[:5]) == []


def test_an_exact_name_goes_before_a_beginning(run: Callable[..., FinishedPhases], crawl: Any, tmp_path: Any) -> None:
    long_ = id_of(run(("stages.read_documents", {"paths": crawl(["one"])}), SINK).run, "crawl-0")
    rows = [{"id": long_[:8], "text": "named so"}, {"id": "b", "text": "b"}]
    (tmp_path / "crawl.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run(("stages.read_documents", {"paths": str(tmp_path / "crawl.jsonl")}), SINK)
    assert [doc.text for _, doc in naming.find(done.run, long_[:8]).documents] == ["named so"]


@pytest.mark.parametrize("text", ["a page of three words", "short"])
def test_a_document_is_found_by_its_file(run: Callable[..., FinishedPhases], tmp_path: Path, text: str) -> None:
    (tmp_path / "pages").mkdir()
    for name in ("a", "b"):
        (tmp_path / "pages" / f"{name}.html").write_text(f"<article><p>{text} {name}</p></article>")
    source = ("stages.read_html", {"paths": str(tmp_path / "pages")})
    done = run(source, "stages.extract_html", ("filters.word_count", {"at_least": 3}), SINK)
    file = os.path.relpath(tmp_path / "pages" / "b.html")
    assert list(naming.find(done.run, file).roots.values()) == [str(tmp_path / "pages" / "b.html")]


def test_a_document_is_found_by_an_image_as_its_row_names_it_and_by_the_file_of_that(
    run: Callable[..., FinishedPhases], tmp_path: Path
) -> None:
    for name in ("0.jpg", "1.jpg"):
        (tmp_path / name).write_bytes(b"ink")
    rows = [{"text": f"boat {n}", "image": f"./{n}.jpg"} for n in range(2)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run(("stages.read_documents", {"paths": str(tmp_path / "in.jsonl"), "fields": {"image": "image"}}), SINK)
    for name in ("./1.jpg", str(tmp_path / "1.jpg")):
        assert {doc.text for _, doc in naming.find(done.run, name).documents} == {"boat 1"}


def test_of_the_id_in_its_file_the_beginning_will_not_do(finished: str) -> None:
    assert (about(finished, "crawl-"), naming.find(finished, "crawl-").documents) == ([], [])


def test_a_child_is_found_by_the_id_in_the_file_of_its_document(run: Callable[..., FinishedPhases], crawl: Any) -> None:
    short = ("filters.word_count", {"at_least": 3})
    done = run(("stages.read_documents", {"paths": crawl(["one two"])}), "makes_children", short, SINK)
    rows = naming.find(done.run, "crawl-0").decisions
    assert [(row["step"], row["id"].partition("#")[2]) for row in rows] == [("word_count", "0")]


def test_a_row_holds_what_was_measured(finished: str) -> None:
    [row] = naming.find(finished, "crawl-1").decisions
    assert (row["value"], row["threshold"], row["use"], row["position"]) == (1, 3, "filters.word_count", None)


def test_a_duplicate_names_what_stands_for_it(finished: str) -> None:
    [row] = naming.find(finished, "crawl-3").decisions
    assert row["kept"] == id_of(finished, "crawl-0")


def test_a_document_stands_where_it_was_stored_last(finished: str) -> None:
    assert [phase for phase, _ in naming.find(finished, "crawl-0").documents] == ["dedup_exact", "read_documents"]
    assert [phase for phase, _ in naming.find(finished, "crawl-3").documents] == ["read_documents"]


def test_a_stored_document_has_its_scores_and_elements(finished: str) -> None:
    _, doc = naming.find(finished, "https://example.org/crawl-0").documents[0]
    assert (doc.scores, doc.text, len(doc.images)) == ({"length": 13.0}, "one two three", 1)


def test_nobody_knows_a_stranger(finished: str) -> None:
    assert (about(finished, "nobody"), naming.find(finished, "nobody").documents) == ([], [])


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
