"""Searches a video for shots from coarse to fine: all I-frames first, the frames between only where something may change."""

from __future__ import annotations

from collections.abc import Iterator

from interloom.stages.extract_keyframes.changes import ChangeFinder
from interloom.stages.extract_keyframes.gop import HELD_S, Gop, Sample
from interloom.stages.extract_keyframes.gop_reader import GopReader
from interloom.stages.extract_keyframes.shots import Shot
from interloom.stages.extract_keyframes.thresholds import Thresholds

_SAME_SHARE = 0.01
"""Two frames that differ in less of their area show the same; our choice."""
_HIDDEN_CHANGE = 0.35
"""A packet so large, as a share of the I-frame's bytes, may hide a change that is undone before the next I-frame; our choice."""
_JUST_BEFORE_S = 0.02
"""Seconds before the next group, or the next frame, at which a still group's last frame or a held frame is assumed."""


def find_shots(reader: GopReader, limits: Thresholds) -> Iterator[Shot]:
    """Yields the shots of a video in time order; the first one begins with the first frame."""
    finder = ChangeFinder(limits)
    samples = (sample for gop in reader for sample in _samples(gop, reader, finder))
    for sample in _with_held_frames(samples, reader):
        yield from finder.feed(sample)
    yield from finder.finish()


def _with_held_frames(samples: Iterator[Sample], reader: GopReader) -> Iterator[Sample]:
    """Yields the samples, and a held frame once more, just before the next one.

    A frame lasts until the next one: recorders of screens write one frame for a still screen, and so do slow frame rates. The
    last frame of such a video is held, too, even if the file ends with it.
    """
    last: Sample | None = None
    is_held = False
    for sample in samples:
        is_held = last is not None and sample.time_s - last.time_s >= HELD_S
        if last is not None and is_held and not sample.gap:
            yield Sample(sample.time_s - _JUST_BEFORE_S, last.frame, last.sig)
        yield sample
        last = sample
    if last is not None and (is_held or reader.end_s - last.time_s >= HELD_S):
        yield Sample(max(reader.end_s, last.time_s + HELD_S), last.frame, last.sig)


def _samples(gop: Gop, reader: GopReader, finder: ChangeFinder) -> Iterator[Sample]:
    """The samples of a group that the finder must see, from the group's first frame up to the next group's first frame."""
    if not _may_change_inside(gop, finder) or _is_moving_shot_up_to_cut(gop, reader, finder):
        yield from _first_and_last(gop, reader, finder)
        return
    around_change = [] if gop.is_sparse else _around_single_change(gop, reader, finder)
    yield from around_change or _decoded_inside(gop, reader, finder)


def _around_single_change(gop: Gop, reader: GopReader, finder: ChangeFinder) -> list[Sample]:
    """The frames around the only change in an otherwise still group; empty if the group turns out to hold anything else.

    Skips the packets between the I-frame and the change. They would show what the I-frame shows, and a decoder puts that in the
    place of missing frames, which is good enough to see which frame is the first new one.
    """
    first, next_first, span = gop.first, gop.next_first, gop.single_change
    if first is None or next_first is None or span is None:
        return []
    packets = [gop.packets[0], *gop.packets[span[0] : span[1]]]
    decoded = reader.frames(packets, 0.0, fresh=True, last=True)
    samples = [Sample(s.time_s, None, s.sig) for s in decoded if s.time_s < next_first.time_s]
    is_new = [finder.difference(sample, next_first) < _SAME_SHARE for sample in samples]
    is_old = [finder.difference(sample, first) < _SAME_SHARE for sample in samples]
    turn = is_new.index(True) if True in is_new else 0
    if turn < 2 or not all(is_old[:turn]) or not all(is_new[turn:]):
        return []
    samples[0], samples[1].gap, next_first.gap = first, True, True
    return samples


def _first_and_last(gop: Gop, reader: GopReader, finder: ChangeFinder) -> Iterator[Sample]:
    """Yields the first frame of a still group, and again as its last frame if the next group begins with a change.

    The change then counts as a change in one frame, not over the whole group. The last group of a video ends in the same way.
    """
    first, next_first = gop.first, gop.next_first
    if first is None:
        return
    yield first
    if len(gop.packets) < 2:
        return
    until_s = reader.end_s if next_first is None else next_first.time_s
    if next_first is not None and finder.difference(first, next_first) < _SAME_SHARE:
        next_first.gap = True
    elif until_s - first.time_s > 2 * _JUST_BEFORE_S:
        gap = next_first is None or not gop.ends_at_change(reader.longest_gop_packets)
        yield Sample(until_s - _JUST_BEFORE_S, first.frame, first.sig, gap)


def _may_change_inside(gop: Gop, finder: ChangeFinder) -> bool:
    """Whether a frame between this I-frame and the next may begin a shot."""
    if gop.first is None or gop.is_continued or gop.is_sparse:
        return True
    if gop.next_first is None or finder.difference(gop.first, gop.next_first) >= _SAME_SHARE:
        return not gop.is_static
    return gop.largest_share > _HIDDEN_CHANGE


def _is_moving_shot_up_to_cut(gop: Gop, reader: GopReader, finder: ChangeFinder) -> bool:
    """Whether the group belongs to one moving shot that ends with it, so that no frame inside begins a shot."""
    return gop.is_moving_shot(reader.max_gop_packets) and finder.are_two_shots(gop.first, gop.next_first)


def _decoded_inside(gop: Gop, reader: GopReader, finder: ChangeFinder) -> Iterator[Sample]:
    """All frames up to the last packet that may show a change; the rest only if the next group begins with something else."""
    stop = min(len(gop.packets), gop.packets_to_decode)
    is_whole = stop >= len(gop.packets)
    last: Sample | None = None
    end_s = gop.next_first.time_s if gop.next_first else float("inf")
    for last in reader.frames(gop.packets[:stop], gop.change_bytes, fresh=not gop.is_continuation, last=False):
        last.gap = gop.first is not None and gop.first.gap and last.time_s <= gop.first.time_s
        if last.time_s < end_s:
            yield last
    next_first = gop.next_first
    if not is_whole and last is not None and next_first is not None and finder.difference(last, next_first) < _SAME_SHARE:
        next_first.gap = True
        return
    rest = [*gop.packets[stop:], *gop.tail]
    for sample in reader.frames(rest, gop.change_bytes, last=not gop.is_continued):
        if sample.time_s < end_s:
            yield sample
