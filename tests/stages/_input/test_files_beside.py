"""Which names of files stay in their folder, also where no file system follows them."""

from __future__ import annotations

import pytest

from interloom.stages._input.files_beside import is_inside


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        *(("a.png", True), ("a/b c.png", True), ("a/..b/c.png", True)),
        *(
            ("..", False),
            ("../a.png", False),
            ("a/../b.png", False),
            ("a/./b.png", False),
            ("/a.png", False),
            ("a//b.png", False),
        ),
        *(("", False), ("a\\b.png", False), ("C:/a.png", False), ("a\x00.png", False), ("a" * 256, False), ("a/" * 600, False)),
    ],
)
def test_a_name_that_could_lead_out_of_its_folder_is_none(name: str, inside: bool) -> None:
    assert is_inside(name) is inside
