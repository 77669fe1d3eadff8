"""The examples of docs/loader.md work when they are followed to the letter."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interloom.stages.write_parquet import WriteParquet

pytestmark = pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning")  # torchdata 0.11 calls it
PAGE = (Path(__file__).parents[2] / "docs" / "loader.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def there(
    corpus: Callable[..., str], folder_of: Callable[..., str], page_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with the shards that the examples name."""
    folder_of(tmp_path / "parquet", [page_of(f"parquet{n}", 5, n) for n in range(20)], 7, WriteParquet())
    shutil.move(corpus(40, "page"), tmp_path / "shards")
    shutil.move(corpus(30, "other"), tmp_path / "more")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
@pytest.mark.usefixtures("there")
def test_the_example_works(number: int) -> None:
    names: dict[str, Any] = {}
    exec(EXAMPLES[number], names)


@pytest.mark.usefixtures("there")
def test_the_first_example_reads_all_documents_and_goes_on() -> None:
    names: dict[str, Any] = {}
    exec(EXAMPLES[0], names)
    assert names["checkpoint"]["position"] == 40
    assert list(names["loader"]) == []
