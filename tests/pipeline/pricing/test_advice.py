"""A filter may change places with a step that neither gives it what it needs nor changes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from interloom.pipeline.execution.balance import Account, Book
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.pricing.advice import advise, commute
from interloom.pipeline.pricing.flow import Flow
from interloom.pipeline.pricing.price import Price, StepPrice

Planned = Callable[..., Plan]


@pytest.fixture
def plan(planned: Planned, tmp_path: Path) -> Plan:
    (tmp_path / "page.html").write_text("<p>text</p>")
    return planned(
        ("stages.read_html", {"paths": str(tmp_path / "page.html")}),
        ("filters.url_blocklist", {"words": ["casino"]}),
        "stages.extract_html",
        "stages.score_language",
        "filters.word_count",
        "filters.language",
        ("filters.text_word_count", {"at_least": 3}),
        "stages.dedup_minhash",
        "filters.image_name",
        "filters.image_count",
        {"use": "stages.fetch_images", "with": {"sources": ["http"]}},
        "filters.gopher_quality",
        "stages.decode_images",
        ("stages.select_top", {"of": "language", "share": 0.5}),
        ("filters.character_count", {"at_least": 3}),
        "stages.write_parquet",
    )


@pytest.mark.parametrize(
    ("below", "above", "expected"),
    [
        ("word_count", "score_language", True),
        ("word_count", "extract_html", False),  # which gives it the text
        ("language", "score_language", False),  # which gives it the label
        ("language", "word_count", True),
        ("word_count", "text_word_count", False),  # which takes texts away
        ("language", "text_word_count", True),
        ("gopher_quality", "fetch_images", True),
        ("gopher_quality", "decode_images", True),
        ("image_count", "image_name", False),  # which takes images away
        ("image_count", "fetch_images", False),
        ("image_name", "word_count", False),  # a filter of images keeps the document: it drops none
        ("dedup_minhash", "score_language", True),
        ("dedup_minhash", "word_count", True),
        ("dedup_minhash", "text_word_count", False),
        ("character_count", "select_top", False),  # which takes a share of the documents that there are
        ("select_top", "word_count", False),
        ("score_language", "word_count", False),  # it drops nothing
    ],
)
def test_steps_commute_where_neither_needs_the_other(plan: Plan, below: str, above: str, expected: bool) -> None:
    assert commute(plan.step(below), plan.step(above)) is expected


OWN_FILTER = """
from interloom.pipeline.contents import TEXT
from interloom.pipeline.filter import document_filter
from interloom.schemas.outcome import Drop


@document_filter{declared}
def only_english(document):
    return Drop("other") if document.labels["language"] != "en" else None
"""


@pytest.mark.parametrize(("declared", "expected"), [("", False), ("(needs=[TEXT])", True)])
def test_a_filter_beside_the_recipe_is_moved_if_it_says_what_it_needs(
    planned: Planned, crawl: Callable[..., str], tmp_path: Path, declared: str, expected: bool
) -> None:
    (tmp_path / "only_english.py").write_text(OWN_FILTER.format(declared=declared))
    source = ("stages.read_documents", {"paths": crawl(["a b"])})
    plan = planned(source, "stages.score_language", "only_english", "stages.write_parquet")
    assert commute(plan.step("only_english"), plan.step("score_language")) is expected


def priced(plan: Plan, sampled: int = 100, **steps: tuple[float, float]) -> Price:
    """A price in which steps take so many seconds a document and let such a share through; others nothing and all."""
    found, documents = [], 1000.0
    for step in plan.steps:
        seconds, passes = steps.get(step.key, (0.0, 1.0))
        flow = Flow(documents, documents * passes, sampled)
        found.append(StepPrice(step.key, flow, {"cpu_s": seconds * documents}, 0.0, 0.0, 1, 0.0))
        documents *= passes
    return Price(tuple(found), (), {}, {}, {})


def test_a_filter_of_texts_behind_the_fetch_of_images_is_told(plan: Plan) -> None:
    price = priced(plan, fetch_images=(2.0, 0.9), gopher_quality=(0.001, 0.1))
    [move] = advise(plan, price, {})
    assert (move.key, move.before) == ("gopher_quality", "fetch_images")
    assert move.saves_s == pytest.approx(2000 * 0.9, rel=0.01)


def test_a_step_that_makes_children_is_not_passed(plan: Plan) -> None:
    price = priced(plan, fetch_images=(2.0, 0.9), gopher_quality=(0.001, 0.1))
    born = {"fetch_images": Book(Account(into=100, born=50, out=150))}
    assert advise(plan, price, born) == []


def test_a_good_order_is_left_alone(plan: Plan) -> None:
    assert advise(plan, priced(plan, word_count=(0.001, 0.1), fetch_images=(2.0, 0.9)), {}) == []


def test_steps_of_different_branches_do_not_change_places(planned: Planned, crawl: Callable[..., str]) -> None:
    plan = planned(
        ("stages.read_documents", {"paths": crawl(["a b"])}),
        {"use": "stages.score_language", "id": "dear"},
        {"use": "filters.word_count", "id": "cheap"},
        {"use": "stages.write_parquet", "from": "dear", "id": "all"},
        {"use": "stages.write_parquet", "from": "cheap", "id": "some"},
    )
    assert advise(plan, priced(plan, dear=(1.0, 1.0), cheap=(0.0, 0.1)), {}) == []


def moved(plan: Plan, price: Price, **keeps: float) -> list[tuple[str, str]]:
    return [(move.key, move.before) for move in advise(plan, price, {}, keeps)]


def shortened(plan: Plan, *left_out: str) -> Plan:
    """The plan without these steps: each of the others reads the one before."""
    steps = [step for step in plan.steps if step.key not in left_out]
    later = (replace(step, inputs=(above.key,)) for step, above in zip(steps[1:], steps, strict=False))
    return replace(plan, steps=(steps[0], *later))


def test_what_saves_less_than_a_minute_is_noise(plan: Plan) -> None:
    assert moved(plan, priced(plan, fetch_images=(0.06, 1.0), gopher_quality=(0.0, 0.1))) == []  # 54 s
    assert moved(plan, priced(plan, fetch_images=(0.07, 1.0), gopher_quality=(0.0, 0.1))) == [("gopher_quality", "fetch_images")]


def test_a_share_of_few_documents_is_noise(plan: Plan) -> None:
    assert moved(plan, priced(plan, 9, fetch_images=(2.0, 1.0), gopher_quality=(0.001, 0.1))) == []


def test_a_global_step_is_moved_if_the_user_says_what_it_keeps(plan: Plan) -> None:
    plan = shortened(plan, "text_word_count")
    price = priced(plan, language=(2.0, 1.0), dedup_minhash=(0.001, 0.1))
    assert moved(plan, price) == []
    assert moved(plan, price, dedup_minhash=0.1) == [("dedup_minhash", "language")]


@pytest.mark.parametrize(("seconds", "found"), [(0.4, [("gopher_quality", "dedup_minhash")]), (0.6, [])])
def test_a_filter_passes_a_global_step_if_that_saves_whatever_it_keeps(
    plan: Plan, seconds: float, found: list[tuple[str, str]]
) -> None:
    plan = shortened(plan, "image_name", "image_count", "fetch_images")
    assert moved(plan, priced(plan, dedup_minhash=(1.0, 1.0), gopher_quality=(seconds, 0.5))) == found
