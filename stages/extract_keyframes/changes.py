"""Finds where a new picture begins: hard cuts, slide changes, pictures behind a fade; motion and a moving corner are none."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from interloom.stages.extract_keyframes.gops import Sample
from interloom.stages.extract_keyframes.motion import MovingBlocks
from interloom.stages.extract_keyframes.signature import BLOCKS, Blocks, changed, jump

_LOOK_AHEAD = 4
_FLASH, _FLASH_S, _SOON_S = 0.4, 0.1, 0.5
_PICTURE_WITHIN_S = 2.0
_LIT = 0.05
_GAP_NOISE = 1.0  # two key pictures of a still scene, encoded anew


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Shares are of the picture's area; `jump`, `noise` and `spread` in grey values of 0 to 255; times in seconds.

    A hard cut changes `cut` of the picture by `jump` in one frame, `times` as much as the frames around it do. A picture is
    still when its blocks changed less than `noise` from frame to frame for `settle_s`. Two still pictures that differ by
    `slide` are two slides; when all of it came in one frame (a bullet appears), `build` is enough. Small changes (writing)
    are a new picture once they add up to `drift`. A picture with less spread than `blank` is empty.
    """

    cut: float = 0.35
    jump: float = 8.0
    times: float = 2.5
    slide: float = 0.04
    build: float = 0.016
    unrest: float = 0.01
    drift: float = 0.1
    settle_s: float = 0.4
    noise: float = 0.15
    blank: float = 8.0


@dataclass(slots=True)
class Shot:
    """A stretch that shows one thing, from `start_s`; `picture` is its best frame, None while all of it was blank: then
    `spare` is its first frame. `seen_s` is when its first picture was."""

    start_s: float
    kind: str
    picture: Sample | None = None
    sharpness: float = 0.0
    spare: Sample | None = None
    seen_s: float = 0.0

    def offer(self, sample: Sample, blank: float) -> None:
        """Takes the sharpest of the first seconds in which there is something to see."""
        if sample.frame is None:
            return
        self.spare = self.spare or sample
        if self.picture is not None and sample.time_s > self.seen_s + _PICTURE_WITHIN_S:
            return
        self.seen_s = sample.time_s if self.picture is None else self.seen_s
        sharpness = sample.sig.sharpness
        if sample.sig.spread >= blank and sharpness > self.sharpness * 1.02:
            self.picture, self.sharpness = sample, sharpness


@dataclass(slots=True)
class _Step:
    """A sample with what changed since the one before it."""

    sample: Sample
    before: Sample | None
    blocks: Blocks
    jump: float

    @property
    def share(self) -> float:
        return float(self.blocks.mean())

    @property
    def seconds(self) -> float:
        return max(1e-3, self.sample.time_s - self.before.time_s) if self.before else 1e-3


@dataclass(slots=True)
class ChangeFinder:
    """Fed with samples in time order, hands out each shot when the next one has begun."""

    limits: Thresholds
    moving: MovingBlocks = field(default_factory=MovingBlocks)
    _queue: deque[_Step] = field(default_factory=deque)
    _steps: deque[_Step] = field(default_factory=lambda: deque(maxlen=2))
    _shot: Shot | None = None
    _reference: Sample | None = None
    _last: Sample | None = None
    _episode: deque[Sample] = field(default_factory=lambda: deque(maxlen=90))
    _still_since: float | None = None
    _settled: Sample | None = None
    _unrest: int = 0
    _dark_since: float | None = None
    _least_spread: float = 0.0
    _lit_since: float | None = None
    _faded: bool = False

    def differ(self, one: Sample, two: Sample) -> float:
        """The share of the picture outside the moving blocks in which two samples differ."""
        return float((changed(one.sig, two.sig) & ~self.moving.mask & ~self.moving.restless).mean())

    def is_other_shot(self, one: Sample | None, two: Sample | None) -> bool:
        """Whether two pictures differ as much as those on both sides of a cut, and neither is empty."""
        if one is None or two is None or self._is_blank(one) or self._is_blank(two):
            return False
        return bool(changed(one.sig, two.sig).mean() >= self.limits.cut and jump(one.sig, two.sig) >= self.limits.jump)

    def feed(self, sample: Sample) -> Iterator[Shot]:
        last, self._last = self._last, sample
        blocks = changed(last.sig, sample.sig) if last else np.zeros(BLOCKS, np.bool_)
        self._queue.append(_Step(sample, last, blocks, jump(last.sig, sample.sig) if last else 0.0))
        if len(self._queue) > _LOOK_AHEAD:
            yield from self._take(self._queue.popleft())

    def finish(self) -> Iterator[Shot]:
        while self._queue:
            yield from self._take(self._queue.popleft())
        if self._shot is not None:
            yield self._shot

    def _take(self, step: _Step) -> Iterator[Shot]:
        sample = step.sample
        if self._shot is None:
            self._shot = Shot(sample.time_s, "start")
        elif self._is_cut(step):
            yield from self._begin(sample.time_s, "cut")
            self.moving.forget()
            self._reference = None
            self._episode.clear()
            self._episode.append(_light(sample))
            self._still_since, self._settled, self._unrest = None, None, 2
        else:
            yield from self._watch(step)
        yield from self._fade(sample)
        if step.seconds > _SOON_S:
            self._steps.clear()
        elif step.before is not None:
            self._steps.append(step)
        unsettled = self._reference is None or self._is_blank(self._reference) or self._shot.picture is None
        if unsettled or not self._episode:  # else it may be of the next shot
            self._shot.offer(sample, self.limits.blank)

    def _is_cut(self, step: _Step) -> bool:
        limits = self.limits
        soon = step.sample.time_s + _SOON_S
        if step.share < limits.cut or step.jump < limits.jump or step.before is None:
            return False
        after = [following for following in list(self._queue)[:2] if following.sample.time_s < soon]
        around = [other.jump * min(1.0, step.seconds / other.seconds) for other in (*self._steps, *after)]
        if step.jump < limits.times * max(around, default=0.0):
            return False
        soon_after = [(step.before, other.sample) for other in self._queue if other.sample.time_s < soon]
        just_before = [(other.before, step.sample) for other in self._steps if other.before]
        back = (changed(one.sig, two.sig).mean() for one, two in (*soon_after, *just_before))
        return min(back, default=1.0) > _FLASH * step.share

    def _watch(self, step: _Step) -> Iterator[Shot]:
        sample, before = step.sample, step.before
        assert before is not None
        self.moving.learn(before, sample, step.blocks)
        if not self._is_still(step):
            if not self._episode:
                self._episode.append(_light(before))
            self._episode.append(_light(sample))
            self._unrest += 1
            self._still_since = self._settled = None
        elif self._episode:
            self._still_since = before.time_s if self._still_since is None else self._still_since
            self._episode.append(_light(sample))
            self._settled = sample if sample.frame is not None else self._settled
            if sample.time_s - self._still_since >= self.limits.settle_s:
                yield from self._settle(sample, self.limits.build if self._unrest == 1 else self.limits.slide)
        elif self._reference is None:
            self._reference = _light(before)
        elif not self._is_blank(sample) and self.differ(self._reference, sample) >= self.limits.drift:
            yield from self._begin(sample.time_s, "drift")
            self._reference = _light(sample)

    def _is_still(self, step: _Step) -> bool:
        """Nothing moved outside the moving blocks. Slides and screens are, what a camera sees hardly ever is."""
        assert step.before is not None
        shown = ~self.moving.mask
        noise = np.abs(step.sample.sig.mean - step.before.sig.mean)[shown].mean()
        most = _GAP_NOISE if step.sample.gap else self.limits.noise
        return noise < most and float((step.blocks & shown).mean()) < self.limits.unrest

    def _is_blank(self, sample: Sample) -> bool:
        return sample.sig.spread < self.limits.blank

    def _settle(self, sample: Sample, least: float) -> Iterator[Shot]:
        """The picture came to rest: a new one if it differs from the one before the unrest."""
        reference, self._reference = self._reference, _light(sample)
        if reference is not None and not self._is_blank(reference) and not self._is_blank(sample):
            share = self.differ(reference, sample)
            if share >= least:
                near = (seen.time_s for seen in self._episode if self.differ(seen, sample) <= share / 2)
                yield from self._begin(next(near, sample.time_s), "slide")
                if self._shot is not None and self._settled is not None:
                    self._shot.offer(self._settled, self.limits.blank)
            else:
                self._reference = reference
        self._episode.clear()
        self._still_since, self._settled, self._unrest = None, None, 0

    def _fade(self, sample: Sample) -> Iterator[Shot]:
        """A picture out of the dark is new from where it begins to show, unless a cut led into the dark and began it there."""
        if self._is_blank(sample):
            if self._dark_since is None:
                self._dark_since, self._least_spread = sample.time_s, sample.sig.spread
                self._faded = self._shot is not None and self._shot.picture is not None
            self._least_spread = min(self._least_spread, sample.sig.spread)
            is_lit = sample.sig.spread > self._least_spread + _LIT
            self._lit_since = (self._lit_since or sample.time_s) if is_lit else None
            return
        since, self._dark_since = self._dark_since, None
        if since is not None and self._faded and sample.time_s - since > _FLASH_S:
            yield from self._begin(sample.time_s if self._lit_since is None else self._lit_since, "fade")
            self._reference = None

    def _begin(self, start_s: float, kind: str) -> Iterator[Shot]:
        if self._shot is not None:
            yield self._shot
        self._shot, self._faded = Shot(start_s, kind), False


def _light(sample: Sample) -> Sample:
    """Without its frame, which is large."""
    return Sample(sample.time_s, None, sample.sig)
