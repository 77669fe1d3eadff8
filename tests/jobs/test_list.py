"""`interloom list`: plug-ins, their parameters, and what the docstrings say about them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
from click.testing import CliRunner

from interloom.jobs.__main__ import main
from interloom.jobs._list import plain_type, split_docstring
from interloom.pipeline.planning import plugins

PLUGIN = '''
from dataclasses import dataclass
from interloom.pipeline.stage import Stage

@dataclass(frozen=True, kw_only=True)
class Marks(Stage):
    """Marks documents.

    It changes nothing else.

    Parameters:
        word: What the label says: "a" or "b",
            twice if need be.
        share: The share of documents. Default 0.5 (our choice).
    """

    word: str
    share: float = 0.5
    undescribed: tuple[str, ...] = ("x",)

    def process(self, docs):
        yield from docs
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules can be used as plug-ins."""
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins.forget()
    return tmp_path


def output(*words: str) -> str:
    result = CliRunner().invoke(main, ["list", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize(
    ("docstring", "text", "descriptions"),
    [
        ("", "", {}),
        ("Drops documents.", "Drops documents.", {}),
        ("Drops.\n\n    Parameters:\n        at_least: The least.\n", "Drops.", {"at_least": "The least."}),
        (
            "Drops.\n\nParameters:\n    a: One,\n        two: three.\n    b: Four.",
            "Drops.",
            {"a": "One, two: three.", "b": "Four."},
        ),
        ("Drops.\n\nParameters:\n    a:\n        On the next line.", "Drops.", {"a": "On the next line."}),
        ("Drops. Parameters: none.", "Drops. Parameters: none.", {}),
    ],
)
def test_the_parameters_block_of_a_docstring_is_parsed(docstring: str, text: str, descriptions: dict[str, str]) -> None:
    assert split_docstring(docstring) == (text, descriptions)


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "integer"),
        (float | None, "number or null"),
        (bool, "true or false"),
        (str | list[str], "string or list of string"),
        (tuple[str, ...], "list of string"),
        (Literal["first", "newest", "longest"], '"first", "newest" or "longest"'),
        (tuple[Literal["a", "b"], ...], 'list of "a" or "b"'),
        (Mapping[str, float], "mapping of string to number"),
        (dict[str, int], "mapping of string to integer"),
        (Path, "Path"),
    ],
)
def test_types_are_shown_in_the_words_of_yaml(annotation: object, words: str) -> None:
    assert plain_type(annotation) == words


def test_a_plug_in_is_shown_with_type_default_and_description_of_each_parameter(folder: Path) -> None:
    (folder / "marks.py").write_text(PLUGIN)
    assert output("marks").splitlines() == [
        "marks (stage)",
        "",
        "Marks documents.",
        "",
        "It changes nothing else.",
        "",
        "Resources of a worker, if the recipe says nothing:",
        "    1 CPU, no GPU",
        "    about 0.2 GB; `plan --sample` measures what your documents take",
        "    up to 256 documents at a time",
        "",
        "word: string, required",
        '    What the label says: "a" or "b", twice if need be.',
        "",
        "share: number, default 0.5",
        "    The share of documents. Default 0.5 (our choice).",
        "",
        'undescribed: list of string, default ["x"]',
    ]


def test_limits_of_a_document_a_model_and_the_cost_of_units_are_shown() -> None:
    assert (
        "    each document by itself in a child process, with up to 30 s of CPU time and 4 GiB"
        in output("extract_html").splitlines()
    )
    lines = output("score_clip").splitlines()
    assert "    1 CPU, no GPU; it runs a model, so `gpus: 1` makes it faster" in lines
    assert "    about 0.9 GB besides its model, which Ray reserves; `plan --sample` measures what your documents take" in lines
    assert "    its units are cut by 0.03 s per image, 10 s per million characters" in lines


def test_a_plug_in_that_raises_on_import_is_a_line_of_the_list(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "raises.py").write_text("raise ValueError('two\\nlines')")
    (folder / "needs.py").write_text("import no_such_package")
    (folder / "marks.py").write_text(PLUGIN)
    monkeypatch.setattr(plugins, "available", lambda: iter(["raises", "needs", "marks"]))
    first, second, third = output().splitlines()
    assert first.split(maxsplit=1) == ["raises", "raises cannot be imported: ValueError: two lines"]
    assert second.startswith("needs ") and "install it: pip install no_such_package" in second
    assert third.split(maxsplit=1) == ["marks", "Marks documents."]


@pytest.mark.parametrize("use", list(plugins.available()))
def test_every_plug_in_is_shown(use: str) -> None:
    lines = output(use).splitlines()
    assert lines[0].startswith(use)
    assert all(any(line.startswith(f"{name}: ") for line in lines) for name in plugins.find(use).model.model_fields)
