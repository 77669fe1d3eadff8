"""The lists of files of code hosts are no text; lists of files that a text has are."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser

from interloom.stages.extract_html.file_lists import without_file_lists
from interloom.stages.extract_html.parse import read_page

FILES = ("src", ".gitignore", "setup.cfg", "pond.py")
TEXT = "<p>The pond behind the orchard freezes late, because a spring under the willow keeps the water moving.</p>" * 6


def kept(markup: str) -> list[str]:
    """The texts of a page with this above its text that stay."""
    page = read_page(LexborHTMLParser(markup + TEXT), len(markup + TEXT))
    is_kept = without_file_lists(page, [True] * len(page.blocks))
    return [block.text for block, keep in zip(page.blocks, is_kept, strict=True) if keep][:-6]


@pytest.mark.parametrize(
    ("before", "row", "after"),
    [
        (
            "<table><tr><th>Name<th>Last commit",
            "<tr><td><a href='/u/p/blob/main/{0}'>{0}</a><td><a href='/c'>Bump</a>",
            "</table>",
        ),
        ("<table>", "<tr><td><a href='/u/p/-/blob/main/{0}'>{0}</a><td><time>3 years ago</time>", "</table>"),
        ("<table>", "<tr><td><a href='/u/p/src/branch/main/{0}'>{0}</a>", "</table>"),
        ("<table>", "<tr><td>-rw-r--r--<td><a href='/p/tree/{0}'>{0}</a><td>742<td><a href='/p/log/{0}'>log</a>", "</table>"),
        ("<table>", "<tr><td>-rw-r--r--<td><a href='/?p=p.git;a=blob;f={0};h=1a2b'>{0}</a>", "</table>"),
        ("<ul>", "<li><a href='/u/p/blob/main/{0}'>{0}</a>", "</ul>"),
    ],
)
def test_the_files_of_a_repository_are_left_out(before: str, row: str, after: str) -> None:
    assert kept(before + "".join(row.format(name) for name in FILES) + after) == []


@pytest.mark.parametrize(
    "markup",
    [
        "<ul><li><a href='/u/p/blob/main/pond.py'>pond.py</a>: measures ice</ul>" * 4,
        "<article><ul>" + "".join(f"<li><a href='/u/p/blob/main/{name}'>{name}</a>" for name in FILES) + "</ul></article>",
        "<div class=readme><ul>" + "".join(f"<li><a href='/u/p/blob/main/{name}'>{name}</a>" for name in FILES) + "</ul></div>",
        "<ul>" + "".join(f"<li><a href='/notes/{name}'>{name}</a>" for name in FILES) + "</ul>",
    ],
)
def test_links_to_files_in_a_text_stay(markup: str) -> None:
    assert len(kept(markup)) == 4


def test_a_page_that_is_a_list_of_files_keeps_it() -> None:
    markup = "<ul>" + "".join(f"<li><a href='/u/p/blob/main/{name}'>{name}</a>" for name in FILES) + "</ul>"
    page = read_page(LexborHTMLParser(markup), len(markup))
    assert without_file_lists(page, [True] * 4) == [True] * 4
