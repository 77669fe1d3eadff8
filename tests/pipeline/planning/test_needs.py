"""Each step finds what it needs above it, or the recipe is refused with one line at its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.planning.plan import Plan, make_plan
from interloom.pipeline.planning.recipe import read_recipe

SINK = "stages.write_parquet"
MOTION = "stages.score_motion"


@pytest.fixture
def lines(crawl: Callable[..., str]) -> dict[str, Any]:
    return {"use": "stages.read_documents", "with": {"paths": crawl(["one"])}}


@pytest.fixture
def video(tmp_path: Path) -> tuple[str, dict[str, Any]]:
    (tmp_path / "a.mp4").write_bytes(b"film")
    return "stages.read_video", {"paths": str(tmp_path / "a.mp4")}


@pytest.fixture
def page(tmp_path: Path) -> tuple[str, dict[str, Any]]:
    (tmp_path / "a.html").write_text("<p>A page.")
    return "stages.read_html", {"paths": str(tmp_path / "a.html")}


@pytest.fixture
def problems(recipe: Callable[..., str]) -> Callable[..., list[str]]:
    """What is wrong with a recipe of these steps: `line:column: message`."""

    def find(*steps: Any) -> list[str]:
        file = recipe(*steps)
        with pytest.raises(ConfigError) as refused:
            make_plan(*read_recipe(file))
        return [problem.removeprefix(file + ":") for problem in refused.value.problems]

    return find


def test_an_image_filter_before_images_are_fetched_and_decoded_is_refused(problems: Any, page: Any) -> None:
    assert problems(page, "stages.extract_html", "filters.image_size", SINK) == [
        "8:3: filters.image_size needs the width and height of images, which no step above provides; stages.decode_images would"
    ]


def test_a_step_that_provides_it_further_down_is_told_of(problems: Any, page: Any) -> None:
    fetch = ("stages.fetch_images", {"sources": ["data"]})
    assert problems(page, "stages.extract_html", "filters.image_size", fetch, "stages.decode_images", SINK) == [
        "8:3: filters.image_size needs the width and height of images, "
        "which no step above provides; a step further down or on another branch does"
    ]


@pytest.mark.parametrize(
    ("judged", "hint"),
    [
        (
            {"of": "motoin", "on": "document"},
            "the score 'motoin' of documents, which no step above provides; did you mean 'motion'?",
        ),
        ({"of": "cut_rate", "on": "document"}, "there is age_limit, "),
        ({"of": "fps"}, "the score 'fps' of images, which no step above provides; documents have a score of that name"),
    ],
)
def test_a_score_that_no_step_gives_is_told_at_its_parameter(
    problems: Any, video: Any, judged: dict[str, Any], hint: str
) -> None:
    [problem] = problems(video, MOTION, ("filters.score", {**judged, "at_least": 1}), SINK)
    assert problem.startswith("10:5: filters.score needs ")
    assert hint in problem


def test_a_filter_by_language_wants_the_step_that_detects_it(problems: Any, lines: Any) -> None:
    brings = "if the input brings it, say so at its source: brings:"
    assert problems(lines, "filters.language", SINK) == [
        f"7:3: filters.language needs the label 'language', which no step above provides; there is source_id; {brings} {{labels: "
        "[language]}",
        f"7:3: filters.language needs the score 'language' of documents, which no step above provides; there is none; {brings} "
        "{scores: [language]}",
    ]


def test_what_the_input_brings_is_there(planned: Callable[..., Plan], lines: Any) -> None:
    lines["brings"] = {"scores": ["quality", "language"], "image_scores": ["clip"], "labels": ["language"]}
    judge = ("filters.score", {"of": "quality", "on": "document", "at_least": 1})
    plan = planned(lines, judge, "filters.language", ("filters.score", {"of": "clip", "at_least": 1}), SINK)
    assert len(plan.steps) == 5


def test_what_is_brought_does_not_count_for_the_fingerprint(planned: Callable[..., Plan], lines: Any) -> None:
    before = planned(lines, SINK).steps
    assert planned({**lines, "brings": {"scores": ["quality"]}}, SINK).steps == before


def test_only_a_source_brings_something(problems: Any, lines: Any) -> None:
    assert problems(lines, {"use": "filters.word_count", "brings": {"scores": ["quality"]}}, SINK) == [
        "8:3: filters.word_count says itself what it provides; `brings` is for sources"
    ]


def test_below_a_step_that_does_not_say_what_it_provides_nothing_is_missing(planned: Callable[..., Plan], lines: Any) -> None:
    judge = ("filters.score", {"of": "anything", "on": "document", "at_least": 1})
    assert len(planned(lines, "scores_length", judge, SINK).steps) == 4


def test_a_line_says_what_a_step_brings_that_does_not_say_it_itself(problems: Any, lines: Any) -> None:
    judge = ("filters.score", {"of": "lenght", "on": "document", "at_least": 1})
    [problem] = problems(lines, {"use": "scores_length", "brings": {"scores": ["length"]}}, judge, SINK)
    assert problem.endswith("did you mean 'length'?")


def test_one_of_the_branches_that_meet_is_enough(planned: Callable[..., Plan], lines: Any, video: Any) -> None:
    film = {"use": video[0], "with": video[1]}
    meet = {"use": MOTION, "from": ["read_documents", "read_video"]}
    assert len(planned(lines, film, meet, SINK).steps) == 4


def judged(of: str, on: str) -> tuple[str, dict[str, Any]]:
    return "filters.score", {"of": of, "on": on, "at_least": 0.5}


def test_a_score_that_one_of_the_branches_lacks_is_told_with_the_branch(problems: Any, lines: Any) -> None:
    scored = [lines, "stages.score_language", {**lines, "id": "other"}]
    meet = {"use": "filters.word_count", "from": ["score_language", "other"]}
    [problem] = problems(*scored, meet, judged("language", "document"), SINK)
    assert problem.endswith(
        "filters.score needs the score 'language' of documents, which the documents that come from 'other' do not have: "
        "it would drop them all; give it to them, too, or put this step above the place where the branches meet"
    )


@pytest.mark.parametrize("steps", [["stages.score_language"], ["filters.word_count", "stages.score_language"]])
def test_a_score_that_is_given_where_or_after_branches_meet_is_no_branch_s(planned: Any, lines: Any, steps: list[str]) -> None:
    meet = {"use": steps[0], "from": ["read_documents", "other"]}
    rest = (meet, *steps[1:], judged("language", "document"), SINK)
    assert planned(lines, {**lines, "id": "other"}, *rest)


def test_a_branch_without_images_may_lack_a_score_of_images(planned: Any, lines: Any, page: Any) -> None:
    text = {**lines, "id": "other", "with": {**lines["with"], "format": "text"}}
    pages = ({"use": page[0], "with": page[1], "brings": {"image_scores": ["clip"]}}, "stages.extract_html")
    assert planned(text, *pages, {**_from(judged("clip", "image")), "from": ["other", "extract_html"]}, SINK)


def _from(step: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"use": step[0], "with": step[1]}


def test_pages_cannot_be_extracted_from_documents_that_are_extracted(problems: Any, lines: Any) -> None:
    assert problems(lines, "stages.extract_html", SINK) == [
        "7:3: stages.extract_html needs raw pages, which no step above provides; stages.read_html or stages.read_warc would"
    ]


def test_without_the_crawl_images_of_the_crawl_are_not_looked_for(problems: Any, page: Any) -> None:
    assert problems(page, "stages.extract_html", "stages.fetch_images", SINK) == [
        "8:3: stages.fetch_images needs the side table 'captures', which no step above provides; "
        "stages.read_warc would; or leave `crawl` out of `sources`"
    ]


def test_a_wrong_key_of_brings_is_told(problems: Any, lines: Any) -> None:
    assert problems({**lines, "brings": {"label": ["a"]}}, SINK) == ["8:5: unknown key 'label'; did you mean 'labels'?"]
