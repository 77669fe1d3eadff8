"""A path in object storage at which there is nothing is found before any work, as one on disk is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from click.testing import CliRunner

from interloom.jobs.__main__ import main
from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store import storage
from interloom.stages._input.splits import whole_files

SINK = "stages.write_parquet"


@pytest.fixture
def there(s3: str) -> str:
    """A folder of one file with one document."""
    storage.write(f"{s3}/stored-input/a.jsonl", b'{"text": "one"}\n')
    return f"{s3}/stored-input"


@pytest.mark.parametrize("typo", ["imput", "imput/", "stored-input/b.jsonl", "stored-input/*.json", "stored-input/none/**"])
@pytest.mark.parametrize("beside", [[], ["s3://corpora/stored-input"]])
def test_a_path_with_nothing_to_read_is_refused_before_any_work(
    recipe: Callable[..., str], there: str, s3: str, typo: str, beside: Sequence[str]
) -> None:
    file = recipe(("stages.read_documents", {"paths": [*beside, f"{s3}/{typo}"]}), SINK, run=f"{s3}/never-begun")
    done = CliRunner().invoke(main, ["run", file, "--runner", "local"])
    assert done.exit_code == 2
    assert f"{file}:6:5: stages.read_documents: {s3}/{typo}: no such file, or nothing in it that ends in .parquet" in done.stderr
    assert not storage.exists(f"{s3}/never-begun/")


def test_each_source_with_nothing_to_read_has_a_line(recipe: Callable[..., str], there: str, s3: str) -> None:
    file = recipe(
        {"use": "stages.read_documents", "id": "a", "with": {"paths": f"{s3}/none"}},
        {"use": "stages.read_html", "id": "b", "with": {"paths": f"{s3}/nothing"}},
        {"use": SINK, "from": ["a", "b"]},
    )
    done = CliRunner().invoke(main, ["run", file, "--runner", "local"])
    assert [line.partition(": no such file")[0].partition("stages.")[2] for line in done.stderr.splitlines()] == [
        f"read_documents: {s3}/none",
        f"read_html: {s3}/nothing",
    ]


def test_what_is_gone_when_it_is_listed_is_an_error(there: str, s3: str) -> None:
    with pytest.raises(ConfigError, match=f"^{s3}/gone: no such file"):
        whole_files([there, f"{s3}/gone"], (".jsonl",))


def test_a_name_with_the_characters_of_patterns_is_found(there: str) -> None:
    storage.write(f"{there}/[x].jsonl", b'{"text": "two"}\n')
    assert [file.path for file in storage.glob(f"{there}/[x].jsonl")] == [f"{there}/[x].jsonl"]


def test_many_paths_are_listed_in_their_order(there: str) -> None:
    names = [f"{there}/many/{n:02}.jsonl" for n in range(12)]
    for name in names:
        storage.write(name, b"")
    assert [split.path for split in whole_files(names[::-1], (".jsonl",))] == names[::-1]
