"""Distinguishes tables that hold data from tables that serve the layout (Readability.js, _markDataTables)."""

from __future__ import annotations

from collections.abc import Sequence

from interloom.stages.extract_html.page import Node

_DATA_ROWS = 10
"""A table with this many rows holds data (Readability.js)."""
_LAYOUT_COLUMNS = 4
"""A table with more columns holds data (Readability.js)."""
_LAYOUT_CELLS = 10
"""A table with more cells holds data (Readability.js)."""


def is_data_table(nodes: Sequence[Node], table: Node) -> bool:
    """Whether a table holds data: by its attributes, by header cells or a caption, or by its number of cells."""
    if table.attributes.get("role") == "presentation" or table.attributes.get("datatable") == "0":
        return False
    descendants = nodes[table.number + 1 : table.end]
    tags = {node.tag for node in descendants}
    if table.attributes.get("summary") or tags & {"col", "colgroup", "tfoot", "thead", "th"}:
        return True
    if any(node.tag == "caption" and node.block_end > node.block_start for node in descendants):
        return True
    if "table" in tags:
        return False
    rows = [sum(nodes[n].tag == "td" for n in range(row.number, row.end)) for row in descendants if row.tag == "tr"]
    columns = max(rows, default=0)
    if len(rows) == 1 or columns == 1:
        return False
    return len(rows) >= _DATA_ROWS or columns > _LAYOUT_COLUMNS or len(rows) * columns > _LAYOUT_CELLS
