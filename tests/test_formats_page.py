"""The table of docs/formats.md names every format, and tests that are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from interloom.stages._formats.names import PublishedName
from interloom.stages.read_documents.formats import FormatName

ROOT = Path(__file__).parents[1]
ROWS = re.findall(r"^\| (.+) \| (yes|no) \| (yes|no) \| (.+) \|$", (ROOT / "docs" / "formats.md").read_text(), re.MULTILINE)


def test_every_format_has_a_row() -> None:
    rows = {name.strip("`"): (is_read, is_written) for name, is_read, is_written, _ in ROWS}
    written = get_args(PublishedName)
    wanted = {name: ("yes", "yes" if name in written else "no") for name in _names(FormatName) - {"auto", "interloom", "text"}}
    assert {name: rows.get(name) for name in wanted} == wanted


def test_the_tests_that_it_names_are_there() -> None:
    named = [test for *_, tests in ROWS for test in re.findall(r"`([^`]+)`", tests)]
    files = {test: (ROOT / "tests" / "stages" / test.partition("::")[0]).read_text() for test in named}
    assert [test for test in named if f"def {test.partition('::')[2]}" not in files[test]] == []
    assert len(named) > len(ROWS)


def _names(literal: object) -> set[str]:
    """The strings of a Literal, also of those in it."""
    return {name for part in get_args(literal) for name in ([part] if isinstance(part, str) else _names(part))}
