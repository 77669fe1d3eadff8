"""Tables that hold data, told from those that place things on a page, as Readability does."""

from __future__ import annotations

from collections.abc import Sequence

from interloom.stages.extract_html.page import Box

_DATA_ROWS, _DATA_COLUMNS, _DATA_CELLS = 10, 4, 10


def is_data(boxes: Sequence[Box], table: Box) -> bool:
    """Whether a table holds data, not places: it says so, has heads or a caption, or many cells."""
    if table.attributes.get("role") == "presentation" or table.attributes.get("datatable") == "0":
        return False
    inside = boxes[table.number + 1 : table.end]
    tags = {box.tag for box in inside}
    if table.attributes.get("summary") or tags & {"col", "colgroup", "tfoot", "thead", "th"}:
        return True
    if any(box.tag == "caption" and box.last > box.first for box in inside):
        return True
    if "table" in tags:
        return False
    rows = [sum(boxes[n].tag == "td" for n in range(row.number, row.end)) for row in inside if row.tag == "tr"]
    columns = max(rows, default=0)
    if len(rows) == 1 or columns == 1:
        return False
    return len(rows) >= _DATA_ROWS or columns > _DATA_COLUMNS or len(rows) * columns > _DATA_CELLS
