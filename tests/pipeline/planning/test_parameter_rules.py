"""Values of parameters with which nothing or everything would be dropped are refused, whichever plug-in has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.planning import plugins
from interloom.pipeline.planning.plan import make_plan
from interloom.pipeline.planning.recipe import read_recipe


@pytest.fixture
def problems(recipe: Callable[..., str], crawl: Callable[..., str]) -> Callable[..., list[str]]:
    """What is wrong with these parameters of a filter: `line:column: message`."""

    def find(use: str, values: dict[str, Any]) -> list[str]:
        brings = {"labels": ["language"], "scores": ["language"]}
        source = {"use": "stages.read_documents", "with": {"paths": crawl(["one"])}, "brings": brings}
        file = recipe(source, (use, values), "stages.write_parquet")
        with pytest.raises(ConfigError) as refused:
            make_plan(*read_recipe(file))
        return [problem.removeprefix(file + ":") for problem in refused.value.problems]

    return find


@pytest.mark.parametrize(
    ("use", "values", "problem"),
    [
        ("filters.word_count", {"at_least": 9, "at_most": 8}, "at_least 9 is above at_most 8; nothing is within these limits"),
        ("filters.word_count", {"at_least": 5000}, "at_least 5000 is above at_most 2000 (its default); nothing is within"),
        ("filters.image_size", {"shortest": 9, "longest": 8}, "shortest 9 is above longest 8; nothing is within"),
        ("filters.score_range", {"of": "a", "low": 0.6, "high": 0.5}, "low 0.6 is above high 0.5; nothing is within"),
        ("filters.gopher_quality", {"words_at_least": 9, "words_at_most": 8}, "words_at_least 9 is above words_at_most 8"),
        ("filters.word_count", {"at_most": True}, "at_most: input should be another value than true or false, not True"),
        ("filters.gopher_repetition", {"top_at_most": [True]}, "top_at_most: input should be another value than true or false"),
        ("filters.word_count", {"at_least": -1}, "at_least: input should be greater than or equal to 0, not -1"),
        ("filters.language", {"at_least": 65}, "at_least: input should be less than or equal to 1, not 65"),
        ("filters.language", {"at_least": float("nan")}, "at_least: input should be a finite number, not nan"),
        ("filters.language", {"keep": []}, "keep: is empty; give at least one"),
        (
            "filters.language",
            {"keep": ["de", "english"]},
            "'english' is no code of a language (ISO 639-1: en, de, zh); did you mean",
        ),
        ("filters.image_format", {"keep": ["jpge"]}, "keep.0: input should be 'avif', 'bmp', 'gif'"),
    ],
)
def test_a_value_that_leaves_nothing_is_told(problems: Any, use: str, values: dict[str, Any], problem: str) -> None:
    [line] = problems(use, values)
    assert problem in line


@pytest.mark.parametrize(
    ("code", "meant"), [("english", "en"), ("eng", "en"), ("EN", "en"), ("german", "de"), ("chinese", "zh"), ("frenhc", "fr")]
)
def test_a_language_that_is_no_code_is_told_with_the_code(problems: Any, code: str, meant: str) -> None:
    [line] = problems("filters.language", {"keep": [code]})
    assert line.endswith(f"did you mean '{meant}'?")


@pytest.mark.parametrize("code", ["en", "und", "kab", "wuu", "zh-Hant", "eng_Latn"])
def test_codes_of_languages_are_taken(planned: Callable[..., Any], crawl: Callable[..., str], code: str) -> None:
    brings = {"labels": ["language"], "scores": ["language"]}
    source = {"use": "stages.read_documents", "with": {"paths": crawl(["one"])}, "brings": brings}
    assert planned(source, ("filters.language", {"keep": [code]}), "stages.write_parquet").step("language")


@pytest.mark.parametrize("written", ["nan", "inf", "-Infinity"])
def test_a_number_that_is_none_is_refused_where_it_is_written_as_text(written: str) -> None:
    with pytest.raises(ValidationError, match=r"eps\n  Input should be a finite number"):
        plugins.find("stages.dedup_semantic").build({"eps": written})
