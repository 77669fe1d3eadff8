"""Data tables are content as a whole, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from interloom.stages.extract_html.page import Node, Page

_MIN_SHARE = 0.5
"""A table with so large a share of its text in the main content is main content. Our choice."""
_LAYOUT_ROLES = ("presentation", "none")


def with_whole_tables(page: Page, is_content: Sequence[bool]) -> list[bool]:
    """`is_content` with the other cells of each table with header cells that is mostly main content.

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
