"""Cells of data tables that the trees leave out come with the rest of their table."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser

from interloom.stages.extract_html.parse import read_page
from interloom.stages.extract_html.whole_elements import with_whole_tables


@pytest.mark.parametrize(
    ("table", "is_content", "expected"),
    [
        ("<table><tr><th>Depth of the pond<tr><td>Ice</table>", [1, 0], [1, 1]),
        ("<table><tr><th>Depth of the pond<tr><td>Ice</table>", [0, 1], [0, 1]),
        ("<table><tr><th>Ice<tr><td>Depth in may</table>", [1, 0], [1, 0]),
        ("<table><tr><th>Ice<tr><td>Depth</table>", [1, 0], [1, 1]),
        ("<table><tr><td>Depth of the pond<tr><td>Ice</table>", [1, 0], [1, 0]),
        ("<table role=none><tr><th>Depth of the pond<tr><td>Ice</table>", [1, 0], [1, 0]),
        ("<table><tr><th>Depth of the pond<tr><td><table><tr><td>Ice</table></table>", [1, 0], [1, 0]),
        ("<p>Depth of the pond<p>Ice", [1, 0], [1, 0]),
    ],
)
def test_a_table_with_header_cells_is_content_if_a_quarter_of_it_is(
    table: str, is_content: list[bool], expected: list[bool]
) -> None:
    page = read_page(LexborHTMLParser(table), len(table))
    assert with_whole_tables(page, is_content) == expected
