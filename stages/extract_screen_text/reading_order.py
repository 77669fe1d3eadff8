"""The order in which boxes of text are read: columns one after the other, and within them lines from the top."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import mean, median

Box = tuple[float, float, float, float]
"""(x0, y0, x1, y1) in pixels."""

_COLUMN_GAP = 1.0
_COLUMN_WIDTH = 4.0
_OVERLAP = 0.5
_APART = 3.0  # what stands alone so many lines below columns (a page number) belongs to neither
_TALL, _UPENDED = 1.5, 2.5  # a word that runs up the side is so much higher than wide, and than a line is high


def rows(boxes: Sequence[Box]) -> list[list[int]]:
    """Numbers of the boxes, row by row in reading order; boxes side by side in a column are one row.

    A page is cut into bands where no line stands; the longest run of bands with an empty strip from top to bottom is read as
    columns when both sides hold running text. Short cells (a table, a bill) are read along their row. Text that runs up the
    side (the axis of a chart) would tie all lines beside it together: it is read by itself, before the first line below its top.
    """
    if not boxes:
        return []
    line = median(map(_height, boxes))
    upended = [n for n, box in enumerate(boxes) if _height(box) > max(_TALL * (box[2] - box[0]), _UPENDED * line)]
    found = list(_page([n for n in range(len(boxes)) if n not in upended], boxes))
    for n in sorted(upended, key=lambda n: boxes[n][0]):
        below = (place for place, row in enumerate(found) if boxes[row[0]][1] >= boxes[n][1])
        found.insert(next(below, len(found)), [n])
    return found


def _page(numbers: list[int], boxes: Sequence[Box]) -> Iterator[list[int]]:
    bands = _bands(numbers, boxes)
    while bands:
        count, seam = _columns(bands, boxes)
        if count:
            inside = [n for band in bands[:count] for n in band]
            yield from _page([n for n in inside if _middle(boxes[n]) < seam], boxes)
            yield from _page([n for n in inside if _middle(boxes[n]) >= seam], boxes)
        else:
            count = 1
            yield from _lines(bands[0], boxes)
        bands = bands[count:]


def _bands(numbers: list[int], boxes: Sequence[Box]) -> list[list[int]]:
    """Boxes that overlap in height, or are linked by others that do. Boxes are a fifth too high: neighbours' edges touch."""
    bands, bottom = list[list[int]](), float("-inf")
    for n in sorted(numbers, key=lambda n: (boxes[n][1], boxes[n][0])):
        margin = 0.1 * _height(boxes[n])
        if boxes[n][1] + margin >= bottom:
            bands.append([])
        bands[-1].append(n)
        bottom = max(bottom, boxes[n][3] - margin)
    return bands


def _columns(bands: list[list[int]], boxes: Sequence[Box]) -> tuple[int, float]:
    """How many bands from the first on stand in columns, and x between the first column and the rest; 0 if they do not."""
    best, inside = (0, 0.0), list[int]()
    for count, band in enumerate(bands, 1):
        inside += band
        gaps = _gaps(inside, boxes)
        if not gaps:
            break
        seams = [seam for _, seam in sorted(gaps, reverse=True) if _is_text(inside, boxes, seam)]
        if seams and not _is_apart(band, inside, boxes, seams[0]):
            best = (count, seams[0])
    return best


def _is_apart(band: list[int], inside: list[int], boxes: Sequence[Box], seam: float) -> bool:
    """Whether the last band stands on one side only and far below the lines above it there."""
    sides = {_middle(boxes[n]) < seam for n in band}
    above = [boxes[n][3] for n in inside if n not in band and (_middle(boxes[n]) < seam) in sides]
    room = min(boxes[n][1] for n in band) - max(above, default=0.0)
    return len(sides) == 1 and room > _APART * median(_height(boxes[n]) for n in inside)


def _gaps(numbers: list[int], boxes: Sequence[Box]) -> list[tuple[float, float]]:
    """Empty strips at least as wide as a line is high: (width, x of the middle)."""
    least = _COLUMN_GAP * median(_height(boxes[n]) for n in numbers)
    found, right = list[tuple[float, float]](), float("inf")
    for n in sorted(numbers, key=lambda n: boxes[n][0]):
        if boxes[n][0] - right >= least:
            found.append((boxes[n][0] - right, (boxes[n][0] + right) / 2))
        right = boxes[n][2] if right == float("inf") else max(right, boxes[n][2])
    return found


def _is_text(numbers: list[int], boxes: Sequence[Box], seam: float) -> bool:
    sides = [[boxes[n] for n in numbers if (_middle(boxes[n]) < seam) == left] for left in (True, False)]
    return all(
        len(side) > 1 and mean((box[2] - box[0]) / max(_height(box), 1) for box in side) >= _COLUMN_WIDTH for side in sides
    )


def _lines(band: list[int], boxes: Sequence[Box]) -> Iterator[list[int]]:
    """Boxes of a band whose middles lie within half a line of the row's first."""
    waiting = sorted(band, key=lambda n: boxes[n][1] + boxes[n][3])
    while waiting:
        first = boxes[waiting[0]]
        middle, reach = (first[1] + first[3]) / 2, _OVERLAP * max(0.0, _height(first))
        row = [n for n in waiting if abs((boxes[n][1] + boxes[n][3]) / 2 - middle) <= reach]
        yield sorted(row, key=lambda n: boxes[n][0])
        waiting = [n for n in waiting if n not in row]


def _height(box: Box) -> float:
    return box[3] - box[1]


def _middle(box: Box) -> float:
    return (box[0] + box[2]) / 2
