"""Learns which blocks of the frame keep moving (a speaker in a corner, a mouse): their changes are not slide changes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_keyframes.gop import Sample
from interloom.stages.extract_keyframes.signature import BLOCKS, Blocks, dilated, unsteady_blocks

_MOVING_LEVEL = 0.15
"""A block with a higher activity (0 to 1, an exponential mean) keeps moving; our choice."""
_MAX_MOVING_SHARE = 0.4
"""If more of the frame moves, all of it is watched: then it is a moving shot, not a speaker on a slide. Our choice."""
_LEARN_S = 1.5
"""Time constant in seconds by which the activity of a moving block rises; our choice."""
_FORGET_S = 4.0
"""Time constant in seconds by which the activity of a block at rest falls; our choice."""
_MAX_STEP_S = 0.1
"""A change counts for at most so many seconds: one change is not continuous motion, however long ago the last frame was."""
_I_FRAMES = 5
"""Comparisons of one I-frame with the next that `restless` looks back on; our choice."""


def _no_blocks() -> Blocks:
    return np.zeros(BLOCKS, np.bool_)


def _unless_most(blocks: Blocks) -> Blocks:
    return blocks if blocks.mean() <= _MAX_MOVING_SHARE else _no_blocks()


@dataclass(slots=True)
class MovingBlocks:
    """The blocks of the current shot whose changes do not count.

    `mask`: blocks that keep moving from frame to frame; empty where most of the frame moves.
    `restless`: blocks that differed more than once between consecutive I-frames among the last few, where the frames between
    were not worth decoding.
    """

    mask: Blocks = field(default_factory=_no_blocks)
    restless: Blocks = field(default_factory=_no_blocks)
    _activity: NDArray[np.float32] = field(default_factory=lambda: np.zeros(BLOCKS, np.float32))
    _i_frame_changes: deque[Blocks] = field(default_factory=lambda: deque(maxlen=_I_FRAMES))

    def learn(self, before: Sample, sample: Sample, blocks: Blocks) -> None:
        """Updates both masks by the `blocks` that changed between two consecutive samples."""
        if sample.gap or before.gap:
            self._i_frame_changes.append(blocks)
            self.restless = _unless_most(dilated(np.sum(self._i_frame_changes, axis=0) > 1))
        if not sample.gap:
            seconds = max(1e-3, sample.time_s - before.time_s)
            active = blocks | unsteady_blocks(before.sig, sample.sig)
            weight = np.where(active, min(1.0, min(seconds, _MAX_STEP_S) / _LEARN_S), min(1.0, seconds / _FORGET_S))
            self._activity += weight.astype(np.float32) * (active - self._activity)
            self.mask = _unless_most(dilated(self._activity > _MOVING_LEVEL))

    def forget(self) -> None:
        """Clears both masks, because a new shot begins."""
        self._activity[:] = 0
        self._i_frame_changes.clear()
        self.mask = self.restless = _no_blocks()
