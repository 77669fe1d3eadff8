"""A shot of a video: a span of time that shows one scene, slide or screen, and the frame that represents it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from interloom.stages.extract_keyframes.gop import Sample

_BEST_WITHIN_S = 2.0
"""The best frame is chosen among those of the first seconds after something becomes visible; our choice."""
_SHARPER = 1.02
"""A later frame must be so many times as sharp to be chosen instead; our choice."""

ShotKind = Literal["start", "cut", "slide", "drift", "fade"]
"""What begins a shot: the video, a hard cut, a new slide, small changes that add up, or a fade-in."""


@dataclass(slots=True)
class Shot:
    """A shot from `start_s` on.

    `best` is its sharpest frame of the first two seconds and `sharpness` the variance of the Laplacian of `best`; None while
    all frames were blank. `fallback` is its first frame, blank or not. `visible_s` is the time of its first frame that is not
    blank.
    """

    start_s: float
    kind: ShotKind
    best: Sample | None = None
    sharpness: float = 0.0
    fallback: Sample | None = None
    visible_s: float = 0.0

    def offer(self, sample: Sample, blank_spread: float) -> None:
        """Makes the sample the shot's best frame if it is early enough, sharper than the best so far and not blank."""
        if sample.frame is None:
            return
        self.fallback = self.fallback or sample
        if self.best is not None and sample.time_s > self.visible_s + _BEST_WITHIN_S:
            return
        self.visible_s = sample.time_s if self.best is None else self.visible_s
        sharpness = sample.sig.sharpness
        if sample.sig.spread >= blank_spread and sharpness > self.sharpness * _SHARPER:
            self.best, self.sharpness = sample, sharpness
