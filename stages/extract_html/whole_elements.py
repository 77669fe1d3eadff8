"""Elements that are content as a whole, or not at all: data tables, and details that readers open."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from interloom.stages.extract_html.class_names import BIT
from interloom.stages.extract_html.page import Node, Page

_MIN_SHARE = 0.25
"""A table with so large a share of its text in the main content is main content: part of its cells says nothing. Our choice."""
_MAX_LINK_SHARE = 0.3
"""A part of the details with so large a share of link text is navigation. Our choice."""
_NO_DETAILS = sum(BIT[name] for name in ("nav", "footer", "related", "share", "comment", "ad", "signup", "overlay"))
"""Hints around details that are no content."""
_LAYOUT_ROLES = ("presentation", "none")


def with_whole_tables(page: Page, is_content: Sequence[bool]) -> list[bool]:
    """`is_content` with the other cells of each table with header cells of which a quarter is main content.

    A table that holds another one is left as it is.
    """
    chosen = list(is_content)
    for table in _tables(page.nodes):
        blocks = range(table.block_start, min(table.block_end, len(chosen)))
        kept = sum(len(page.blocks[n].text) for n in blocks if chosen[n])
        total = sum(len(page.blocks[n].text) for n in blocks)
        if 0 < _MIN_SHARE * total <= kept < total:
            chosen[blocks.start : blocks.stop] = [True] * len(blocks)
    return chosen


def with_details(page: Page, is_content: Sequence[bool]) -> list[bool]:
    """`is_content` with the texts of each `details`, or tab that is closed, in the article that follows main content."""
    chosen, done = list(is_content), 0
    for details in page.nodes:
        is_tab = page.holds_closed_tabs and details.attributes.get("role") == "tabpanel"
        no_details = _NO_DETAILS & ~BIT["nav"] if is_tab else _NO_DETAILS  # tabs are navigation by their names
        if (
            not (is_tab or details.tag == "details")
            or not 0 < details.block_start < len(chosen)
            or details.path_hints & no_details
        ):
            continue
        if chosen[details.block_start - 1] and details.closest("article", "main") is not None:
            for n in range(max(done, details.block_start), min(details.block_end, len(chosen))):
                block = page.blocks[n]
                chosen[n] = chosen[n] or block.link_chars <= _MAX_LINK_SHARE * len(block.text)
            done = max(done, details.block_end)
    return chosen


def _tables(nodes: Sequence[Node]) -> list[Node]:
    """The tables with header cells and without tables in them."""
    tables = [node for node in nodes if node.tag == "table"]
    innermost = [table for table, other in pairwise((*tables, None)) if table and (other is None or table.end <= other.number)]
    return [
        table
        for table in innermost
        if table.attributes.get("role") not in _LAYOUT_ROLES
        and any(node.tag == "th" for node in nodes[table.number + 1 : table.end])
    ]
