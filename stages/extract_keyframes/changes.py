"""Finds where a new shot begins: at hard cuts, slide changes and fades, but not at motion or in a moving corner."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from interloom.stages.extract_keyframes.gop import Sample
from interloom.stages.extract_keyframes.motion import MovingBlocks
from interloom.stages.extract_keyframes.shots import Shot, ShotKind
from interloom.stages.extract_keyframes.signature import BLOCKS, Blocks, brightness_change, changed_blocks
from interloom.stages.extract_keyframes.thresholds import Thresholds

_LOOK_AHEAD = 4
"""Samples after a change that are known before it is judged."""
_LOOK_BACK = 2
"""Changes before it with which a change is compared."""
_COMPARED_WITHIN_S = 0.5
"""Samples further away than this do not tell whether a change is a cut or a flash; our choice."""
_FLASH_SHARE = 0.4
"""A change is a flash if the frames on both sides of it differ by no more than this share of it; our choice."""
_MIN_BLANK_S = 0.1
"""Blank frames for a shorter time are a flicker, not a fade; our choice."""
_VISIBLE_SPREAD = 0.05
"""Grey levels of spread above the darkest frame at which a fade-in begins to show; our choice."""
_MAX_SAMPLES_SINCE_CHANGE = 90
"""Samples kept since a change began, to find its first frame in; our choice."""
_NOISE_OF_I_FRAMES = 1.0
"""Replaces `still_noise` where frames were skipped: two I-frames of a still scene are encoded independently; our choice."""


@dataclass(slots=True)
class _Change:
    """A sample with the blocks and the brightness that changed since the sample before it."""

    sample: Sample
    before: Sample | None
    blocks: Blocks
    brightness: float

    @property
    def share(self) -> float:
        return float(self.blocks.mean())

    @property
    def seconds(self) -> float:
        return max(1e-3, self.sample.time_s - self.before.time_s) if self.before else 1e-3


@dataclass(slots=True)
class ChangeFinder:
    """Takes samples in time order and yields each shot when the next one has begun.

    `_reference`: the last still frame; new slides are compared with it. `_since_change`: samples since the frame stopped being
    still. `_changes`: how many samples among them changed. `_still_since`: since when it is still again, `_still_frame` a frame
    of that. `_blank_since`, `_least_spread`, `_visible_since`: course of a fade; `_fades_out`: the shot was visible before it.
    """

    limits: Thresholds
    moving: MovingBlocks = field(default_factory=MovingBlocks)
    _ahead: deque[_Change] = field(default_factory=deque)
    _recent: deque[_Change] = field(default_factory=lambda: deque(maxlen=_LOOK_BACK))
    _shot: Shot | None = None
    _reference: Sample | None = None
    _last: Sample | None = None
    _since_change: deque[Sample] = field(default_factory=lambda: deque(maxlen=_MAX_SAMPLES_SINCE_CHANGE))
    _still_since: float | None = None
    _still_frame: Sample | None = None
    _changes: int = 0
    _blank_since: float | None = None
    _least_spread: float = 0.0
    _visible_since: float | None = None
    _fades_out: bool = False

    def difference(self, first: Sample, second: Sample) -> float:
        """The share of the frame, 0 to 1, in which two samples differ outside the moving blocks."""
        return float((changed_blocks(first.sig, second.sig) & ~self.moving.mask & ~self.moving.restless).mean())

    def are_two_shots(self, first: Sample | None, second: Sample | None) -> bool:
        """Whether two frames differ as much as those on both sides of a hard cut, and neither is blank."""
        if first is None or second is None or self._is_blank(first) or self._is_blank(second):
            return False
        share = changed_blocks(first.sig, second.sig).mean()
        return bool(share >= self.limits.cut_share and brightness_change(first.sig, second.sig) >= self.limits.cut_brightness)

    def feed(self, sample: Sample) -> Iterator[Shot]:
        """Takes the next sample; yields the shots that are complete."""
        last, self._last = self._last, sample
        blocks = changed_blocks(last.sig, sample.sig) if last else np.zeros(BLOCKS, np.bool_)
        self._ahead.append(_Change(sample, last, blocks, brightness_change(last.sig, sample.sig) if last else 0.0))
        if len(self._ahead) > _LOOK_AHEAD:
            yield from self._judge(self._ahead.popleft())

    def finish(self) -> Iterator[Shot]:
        """Yields the remaining shots after the last sample."""
        while self._ahead:
            yield from self._judge(self._ahead.popleft())
        if self._shot is not None:
            yield self._shot

    def _judge(self, change: _Change) -> Iterator[Shot]:
        sample = change.sample
        if self._shot is None:
            self._shot = Shot(sample.time_s, "start")
        elif self._is_cut(change):
            yield from self._begin_shot(sample.time_s, "cut")
            self.moving.forget()
            self._reference = None
            self._since_change.clear()
            self._since_change.append(_without_frame(sample))
            self._still_since, self._still_frame, self._changes = None, None, 2
        else:
            yield from self._watch(change)
        yield from self._watch_fade(sample)
        if change.seconds > _COMPARED_WITHIN_S:
            self._recent.clear()
        elif change.before is not None:
            self._recent.append(change)
        unsettled = self._reference is None or self._is_blank(self._reference) or self._shot.best is None
        if unsettled or not self._since_change:  # otherwise the sample may belong to the next shot
            self._shot.offer(sample, self.limits.blank_spread)

    def _is_cut(self, change: _Change) -> bool:
        """Whether this change is a hard cut: large, much larger than the changes around it, and not undone (a flash)."""
        limits = self.limits
        latest_s = change.sample.time_s + _COMPARED_WITHIN_S
        if change.share < limits.cut_share or change.brightness < limits.cut_brightness or change.before is None:
            return False
        after = [following for following in list(self._ahead)[:2] if following.sample.time_s < latest_s]
        around = [other.brightness * min(1.0, change.seconds / other.seconds) for other in (*self._recent, *after)]
        if change.brightness < limits.cut_ratio * max(around, default=0.0):
            return False
        with_later = [(change.before, other.sample) for other in self._ahead if other.sample.time_s < latest_s]
        with_earlier = [(other.before, change.sample) for other in self._recent if other.before]
        across = (changed_blocks(first.sig, second.sig).mean() for first, second in (*with_later, *with_earlier))
        return min(across, default=1.0) > _FLASH_SHARE * change.share

    def _watch(self, change: _Change) -> Iterator[Shot]:
        """Follows the shot until it is still again, and yields it if a new slide is shown then."""
        sample, before = change.sample, change.before
        assert before is not None
        self.moving.learn(before, sample, change.blocks)
        if not self._is_still(change):
            if not self._since_change:
                self._since_change.append(_without_frame(before))
            self._since_change.append(_without_frame(sample))
            self._changes += 1
            self._still_since = self._still_frame = None
        elif self._since_change:
            self._still_since = before.time_s if self._still_since is None else self._still_since
            self._since_change.append(_without_frame(sample))
            self._still_frame = next((seen for seen in (sample, self._still_frame, before) if seen and seen.frame), None)
            if sample.time_s - self._still_since >= self.limits.settle_s:
                yield from self._settle(sample, self.limits.build_share if self._changes == 1 else self.limits.slide_share)
        elif self._reference is None:
            self._reference = _without_frame(before)
        elif not self._is_blank(sample) and self.difference(self._reference, sample) >= self.limits.drift_share:
            yield from self._begin_shot(sample.time_s, "drift")
            self._reference = _without_frame(sample)

    def _is_still(self, change: _Change) -> bool:
        """Whether nothing changed outside the moving blocks. Slides and screens are still, camera footage hardly ever is."""
        assert change.before is not None
        watched = ~self.moving.mask
        noise = np.abs(change.sample.sig.mean - change.before.sig.mean)[watched].mean()
        most = _NOISE_OF_I_FRAMES if change.sample.gap else self.limits.still_noise
        return noise < most and float((change.blocks & watched).mean()) < self.limits.still_share

    def _is_blank(self, sample: Sample) -> bool:
        return sample.sig.spread < self.limits.blank_spread

    def _settle(self, sample: Sample, min_share: float) -> Iterator[Shot]:
        """The frame is still again: begins a shot if at least `min_share` differs from the still frame before the change."""
        reference, self._reference = self._reference, _without_frame(sample)
        if reference is not None and not self._is_blank(reference) and not self._is_blank(sample):
            share = self.difference(reference, sample)
            if share >= min_share:
                new_slide = (seen.time_s for seen in self._since_change if self.difference(seen, sample) <= share / 2)
                yield from self._begin_shot(next(new_slide, sample.time_s), "slide")
                if self._shot is not None and self._still_frame is not None:
                    self._shot.offer(self._still_frame, self.limits.blank_spread)
            else:
                self._reference = reference
        self._since_change.clear()
        self._still_since, self._still_frame, self._changes = None, None, 0

    def _watch_fade(self, sample: Sample) -> Iterator[Shot]:
        """A fade-in begins a shot where it begins to show, unless a cut to black began that shot already."""
        if self._is_blank(sample):
            if self._blank_since is None:
                self._blank_since, self._least_spread = sample.time_s, sample.sig.spread
                self._fades_out = self._shot is not None and self._shot.best is not None
            self._least_spread = min(self._least_spread, sample.sig.spread)
            is_visible = sample.sig.spread > self._least_spread + _VISIBLE_SPREAD
            self._visible_since = (self._visible_since or sample.time_s) if is_visible else None
            return
        blank_since, self._blank_since = self._blank_since, None
        if blank_since is not None and self._fades_out and sample.time_s - blank_since > _MIN_BLANK_S:
            yield from self._begin_shot(sample.time_s if self._visible_since is None else self._visible_since, "fade")
            self._reference = None

    def _begin_shot(self, start_s: float, kind: ShotKind) -> Iterator[Shot]:
        if self._shot is not None:
            yield self._shot
        self._shot, self._fades_out = Shot(start_s, kind), False


def _without_frame(sample: Sample) -> Sample:
    """The sample without its frame, which takes much memory."""
    return Sample(sample.time_s, None, sample.sig)
