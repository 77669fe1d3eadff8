"""From `use` to a step: the file it names, its parameters, and what is told when it is not there."""

from __future__ import annotations

from typing import Any

import pytest

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.planning import plugins
from interloom.schemas.document import Document, Text


@pytest.mark.parametrize(
    ("use", "shape"),
    [
        ("stages.read_documents", "source"),
        ("filters.word_count", "stage"),
        ("stages.dedup_exact", "global"),
        ("stages.write_parquet", "sink"),
        ("makes_children", "stage"),
    ],
)
def test_a_plug_in_has_one_of_four_shapes(use: str, shape: str) -> None:
    assert plugins.find(use).shape == shape


def test_a_third_partys_filter_is_lifted_to_a_step() -> None:
    step: Any = plugins.find("lifts").build({"word": "ham"})
    [doc] = [o for o in step.process([Document(id="a", elements=(Text(position=0, text="ham"),))]) if isinstance(o, Document)]
    assert doc.elements == ()


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("filters.aspect_ration", "no 'filters.aspect_ration'; did you mean 'filters.aspect_ratio'?"),
        ("filter.aspect_ratio", "no 'filter.aspect_ratio'; did you mean 'filters.aspect_ratio'?"),
        ("stages.read_warc.ReadWarc", "no 'stages.read_warc.ReadWarc'; did you mean 'stages.read_warc'?"),
        ("their_package.anything", "no 'their_package.anything'; `interloom list` shows what there is"),
        ("misnamed", "misnamed must hold a filter 'misnamed' or a step class 'Misnamed'"),
        (
            "needs_what_is_not_there",
            "needs_what_is_not_there needs the package 'a_package_nobody_installed'; install it: "
            "pip install a_package_nobody_installed",
        ),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(use: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        plugins.find(use)
    assert refused.value.problems == (message,)


@pytest.mark.parametrize(
    "use", ["", ".", ".read_warc", "stages.", "stages..read_warc", "stages/read_warc.py", "two words", "../x"]
)
def test_what_is_no_name_is_told_in_one_line(use: str) -> None:
    with pytest.raises(ConfigError, match=r"^no '"):
        plugins.find(use)


def test_parameters_have_the_types_of_the_fields() -> None:
    step: Any = plugins.find("stages.write_parquet").build({"shard_size_bytes": "1000"})
    assert (step.shard_size_bytes, step.layout) == (1000, "interleaved")


def test_a_step_is_built_once_in_a_process() -> None:
    assert plugins.step("scores_length", "{}") is plugins.step("scores_length", "{}")


def test_the_same_parameters_in_another_order_are_the_same_step() -> None:
    assert plugins.find("finds_faults").build({"faults": ["a"]}) == plugins.find("finds_faults").build({"faults": ("a",)})


def test_available_lists_files_in_order_and_no_details() -> None:
    uses = list(plugins.available())
    assert [use for use in uses if use.startswith("filters.")] == sorted(use for use in uses if use.startswith("filters."))
    assert not any(part.startswith("_") for use in uses for part in use.split("."))
    assert {"stages.read_warc", "filters.word_count"} <= set(uses)


def test_a_class_is_named_after_its_file() -> None:
    assert plugins.camel("score_clip") == "ScoreClip"
