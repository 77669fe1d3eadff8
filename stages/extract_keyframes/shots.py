"""The shots of a video file, coarse to fine: key pictures first, all frames only where something may have changed."""

from __future__ import annotations

from collections.abc import Iterator

from interloom.stages.extract_keyframes.changes import ChangeFinder, Shot, Thresholds
from interloom.stages.extract_keyframes.gops import Gop, GopReader, Sample

_SAME, _HIDDEN_SPIKE = 0.01, 0.35
_JUST_BEFORE_S = 0.02


def shots(reader: GopReader, limits: Thresholds) -> Iterator[Shot]:
    """In time order; the first begins with the first frame."""
    finder = ChangeFinder(limits)
    for gop in reader:
        for sample in _samples(gop, reader, finder):
            yield from finder.feed(sample)
    yield from finder.finish()


def _samples(gop: Gop, reader: GopReader, finder: ChangeFinder) -> Iterator[Sample]:
    """What of a group is worth feeding, its first frame included, the next group's first frame not."""
    if not _looks_into(gop, finder) or _flows_to_a_cut(gop, reader, finder):
        yield from _ends(gop, reader.end_s, finder)
        return
    yield from _leap(gop, reader, finder) or _inside(gop, reader, finder)


def _leap(gop: Gop, reader: GopReader, finder: ChangeFinder) -> list[Sample]:
    """The frames around the only change in a group that else stands still, or none when that is not what it holds.

    The packets between the key picture and the change are left out. What they would show is what the key picture shows,
    and that is what a decoder puts in the place of missing pictures, good enough to see which frame is the first new one.
    """
    first, after, place = gop.first, gop.after, gop.leap
    if first is None or after is None or place is None:
        return []
    packets = [gop.packets[0], *gop.packets[place[0] : place[1]]]
    seen = [Sample(s.time_s, None, s.sig) for s in reader.frames(packets, 0.0, fresh=True, last=True) if s.time_s < after.time_s]
    news = [finder.differ(sample, after) < _SAME for sample in seen]
    olds = [finder.differ(sample, first) < _SAME for sample in seen]
    turn = news.index(True) if True in news else 0
    if turn < 2 or not all(olds[:turn]) or not all(news[turn:]):
        return []
    seen[0], seen[1].gap, after.gap = first, True, True
    return seen


def _ends(gop: Gop, end_s: float, finder: ChangeFinder) -> Iterator[Sample]:
    """The first frame; and once more as the last one of a group in which nothing changes when the next begins with a change, or
    when none follows."""
    first, after = gop.first, gop.after
    if first is None:
        return
    yield first
    if len(gop.packets) < 2:
        return
    until_s = end_s if after is None else after.time_s
    if after is not None and finder.differ(first, after) < _SAME:
        after.gap = True
    elif until_s - first.time_s > 2 * _JUST_BEFORE_S:
        yield Sample(until_s - _JUST_BEFORE_S, first.frame, first.sig, gap=True)


def _looks_into(gop: Gop, finder: ChangeFinder) -> bool:
    if gop.first is None or gop.goes_on:
        return True
    if gop.after is None or finder.differ(gop.first, gop.after) >= _SAME:
        return not gop.quiet
    return gop.largest > _HIDDEN_SPIKE


def _flows_to_a_cut(gop: Gop, reader: GopReader, finder: ChangeFinder) -> bool:
    """A group of a moving shot that ends with the shot: then there is no need to look inside."""
    return gop.flows(reader.regular) and finder.is_other_shot(gop.first, gop.after)


def _inside(gop: Gop, reader: GopReader, finder: ChangeFinder) -> Iterator[Sample]:
    """All frames up to the last packet that may hold a change; the rest only when they do not lead to the next group."""
    stop = min(len(gop.packets), gop.last_spike)
    whole = stop >= len(gop.packets)
    last: Sample | None = None
    end_s = gop.after.time_s if gop.after else float("inf")
    for last in reader.frames(gop.packets[:stop], gop.spike, fresh=not gop.continues, last=False):
        last.gap = gop.first is not None and gop.first.gap and last.time_s <= gop.first.time_s
        if last.time_s < end_s:
            yield last
    if not whole and last is not None and gop.after is not None and finder.differ(last, gop.after) < _SAME:
        gop.after.gap = True
        return
    rest = [*gop.packets[stop:], *gop.tail]
    yield from (sample for sample in reader.frames(rest, gop.spike, last=not gop.goes_on) if sample.time_s < end_s)
