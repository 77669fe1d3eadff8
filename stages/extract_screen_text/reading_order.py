"""Sorts boxes of text into reading order: columns one after the other, and within them lines from the top."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import mean, median

Box = tuple[float, float, float, float]
"""(x0, y0, x1, y1) in pixels."""

_MIN_GAP = 1.0
"""An empty strip between columns is at least as wide as this times a line's height; our choice."""
_MIN_COLUMN_RATIO = 4.0
"""The boxes of running text are on average this many times wider than high, those of a table's cells are not; our choice."""
_ROW_REACH = 0.5
"""A box is in a row if its middle lies within this times the first box's height of that box's middle; our choice."""
_FOOTER_DISTANCE = 3.0
"""A line that stands alone and more than so many line heights below columns (a page number) is in no column; our choice."""
_VERTICAL_RATIO = 1.5
"""A word that runs up the side is more than this many times higher than wide; our choice."""
_VERTICAL_HEIGHT = 2.5
"""A word that runs up the side is more than this many times higher than a line; our choice."""
_BOX_MARGIN = 0.1
"""This share of a box's height is empty above and below its text, so that the boxes of neighbouring lines touch."""


def rows(boxes: Sequence[Box]) -> list[list[int]]:
    """The indexes of the boxes, row by row in reading order; boxes side by side in a column are one row.

    A page is cut into bands at heights without a line. The longest run of bands with an empty strip from top to bottom is read as
    columns if both sides contain running text. Short cells (a table, a bill) are read along their row. Text that runs up the side
    (the axis of a chart) would join all lines beside it to one band: it is placed by itself, before the first line below its top.

    A title over two columns of two lines, numbered title, left, left, right, right -> [[0], [1], [2], [3], [4]]
    """
    if not boxes:
        return []
    line_height = median(map(_height, boxes))
    vertical = [
        n
        for n, box in enumerate(boxes)
        if _height(box) > max(_VERTICAL_RATIO * (box[2] - box[0]), _VERTICAL_HEIGHT * line_height)
    ]
    ordered = list(_page([n for n in range(len(boxes)) if n not in vertical], boxes))
    for n in sorted(vertical, key=lambda n: boxes[n][0]):
        below = (index for index, row in enumerate(ordered) if boxes[row[0]][1] >= boxes[n][1])
        ordered.insert(next(below, len(ordered)), [n])
    return ordered


def _page(numbers: list[int], boxes: Sequence[Box]) -> Iterator[list[int]]:
    """The rows of a page, or of one column of it, which may be divided further."""
    bands = _bands(numbers, boxes)
    while bands:
        count, divider = _columns(bands, boxes)
        if count:
            in_columns = [n for band in bands[:count] for n in band]
            yield from _page([n for n in in_columns if _middle(boxes[n]) < divider], boxes)
            yield from _page([n for n in in_columns if _middle(boxes[n]) >= divider], boxes)
        else:
            count = 1
            yield from _band_rows(bands[0], boxes)
        bands = bands[count:]


def _bands(numbers: list[int], boxes: Sequence[Box]) -> list[list[int]]:
    """Groups of boxes that overlap in height, directly or through others, from the top.

    Heights 0-20, 10-30 and 40-60 -> [[0, 1], [2]]
    """
    bands, bottom = list[list[int]](), float("-inf")
    for n in sorted(numbers, key=lambda n: (boxes[n][1], boxes[n][0])):
        margin = _BOX_MARGIN * _height(boxes[n])
        if boxes[n][1] + margin >= bottom:
            bands.append([])
        bands[-1].append(n)
        bottom = max(bottom, boxes[n][3] - margin)
    return bands


def _columns(bands: list[list[int]], boxes: Sequence[Box]) -> tuple[int, float]:
    """How many of the first bands stand in columns, and the x that divides the first column from the others; (0, 0.0) if none."""
    best, numbers = (0, 0.0), list[int]()
    for count, band in enumerate(bands, 1):
        numbers += band
        gaps = _gaps(numbers, boxes)
        if not gaps:
            break
        dividers = [divider for _, divider in sorted(gaps, reverse=True) if _is_running_text(numbers, boxes, divider)]
        if dividers and not _is_footer(band, numbers, boxes, dividers[0]):
            best = (count, dividers[0])
    return best


def _is_footer(band: list[int], numbers: list[int], boxes: Sequence[Box], divider: float) -> bool:
    """Whether the last band is on one side of the divider only, and far below the lines above it on that side."""
    sides = {_middle(boxes[n]) < divider for n in band}
    bottoms = [boxes[n][3] for n in numbers if n not in band and (_middle(boxes[n]) < divider) in sides]
    distance = min(boxes[n][1] for n in band) - max(bottoms, default=0.0)
    return len(sides) == 1 and distance > _FOOTER_DISTANCE * median(_height(boxes[n]) for n in numbers)


def _gaps(numbers: list[int], boxes: Sequence[Box]) -> list[tuple[float, float]]:
    """The empty vertical strips that are at least as wide as a line is high, as (width, x of the middle).

    Lines 20 high at x 0-100 and 150-250 -> [(50, 125)]
    """
    min_width = _MIN_GAP * median(_height(boxes[n]) for n in numbers)
    gaps, right = list[tuple[float, float]](), float("inf")
    for n in sorted(numbers, key=lambda n: boxes[n][0]):
        if boxes[n][0] - right >= min_width:
            gaps.append((boxes[n][0] - right, (boxes[n][0] + right) / 2))
        right = boxes[n][2] if right == float("inf") else max(right, boxes[n][2])
    return gaps


def _is_running_text(numbers: list[int], boxes: Sequence[Box], divider: float) -> bool:
    """Whether both sides of the divider have several boxes that are much wider than high, as lines of a paragraph are."""
    sides = [[boxes[n] for n in numbers if (_middle(boxes[n]) < divider) == is_left] for is_left in (True, False)]
    return all(
        len(side) > 1 and mean((box[2] - box[0]) / max(_height(box), 1) for box in side) >= _MIN_COLUMN_RATIO for side in sides
    )


def _band_rows(band: list[int], boxes: Sequence[Box]) -> Iterator[list[int]]:
    """The rows of a band: boxes whose middles lie within half a line of the row's highest box, from left to right."""
    remaining = sorted(band, key=lambda n: boxes[n][1] + boxes[n][3])
    while remaining:
        first = boxes[remaining[0]]
        middle, reach = (first[1] + first[3]) / 2, _ROW_REACH * max(0.0, _height(first))
        row = [n for n in remaining if abs((boxes[n][1] + boxes[n][3]) / 2 - middle) <= reach]
        yield sorted(row, key=lambda n: boxes[n][0])
        remaining = [n for n in remaining if n not in row]


def _height(box: Box) -> float:
    return box[3] - box[1]


def _middle(box: Box) -> float:
    """The x of the box's middle."""
    return (box[0] + box[2]) / 2
