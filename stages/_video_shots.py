"""The shots of a video file, coarse to fine: key pictures first, all frames only where something may have changed."""

from __future__ import annotations

from collections.abc import Iterator

from stages._video_changes import ChangeFinder, Shot, Thresholds
from stages._video_gops import Gop, GopReader, Sample

_SAME, _HIDDEN_SPIKE = 0.01, 0.35


def shots(reader: GopReader, limits: Thresholds) -> Iterator[Shot]:
    """In time order; the first begins with the first frame."""
    finder = ChangeFinder(limits)
    for gop in reader:
        for sample in _samples(gop, reader, finder):
            yield from finder.feed(sample)
    yield from finder.finish()


def _samples(gop: Gop, reader: GopReader, finder: ChangeFinder) -> Iterator[Sample]:
    """What of a group is worth feeding, its first frame included, the next group's first frame not."""
    if not _looks_into(gop, finder):
        if gop.first is not None:
            yield gop.first
        if gop.after is not None and finder.differ(gop.first or gop.after, gop.after) < _SAME:
            gop.after.gap = True
        return
    yield from _inside(gop, reader, finder)


def _looks_into(gop: Gop, finder: ChangeFinder) -> bool:
    if gop.first is None or gop.goes_on:
        return True
    if gop.after is None or finder.differ(gop.first, gop.after) >= _SAME:
        return not gop.quiet
    return gop.largest > _HIDDEN_SPIKE


def _inside(gop: Gop, reader: GopReader, finder: ChangeFinder) -> Iterator[Sample]:
    """All frames up to the last packet that may hold a change; the rest only when they do not lead to the next group."""
    stop = min(len(gop.packets), gop.last_spike)
    whole = stop >= len(gop.packets)
    last: Sample | None = None
    end_s = gop.after.time_s if gop.after else float("inf")
    for last in reader.frames(gop.packets[:stop], fresh=not gop.continues, last=False):
        if last.time_s < end_s:
            yield last
    if not whole and last is not None and gop.after is not None and finder.differ(last, gop.after) < _SAME:
        gop.after.gap = True
        return
    rest = [*gop.packets[stop:], *gop.tail]
    yield from (sample for sample in reader.frames(rest, last=not gop.goes_on) if sample.time_s < end_s)
