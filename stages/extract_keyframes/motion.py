"""Which blocks of the picture keep moving: a speaker in a corner, a mouse."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from interloom.stages.extract_keyframes.gops import Sample
from interloom.stages.extract_keyframes.signature import BLOCKS, Blocks, grown, stirred

_MOVING, _MOST_MOVING, _LEARN_S, _FORGET_S = 0.15, 0.4, 1.5, 4.0
_LEARN_AT_MOST_S = 0.1  # one change teaches nothing, however long it was ago
_KEYS = 5


def _none() -> Blocks:
    return np.zeros(BLOCKS, np.bool_)


@dataclass(slots=True)
class MovingBlocks:
    """`mask` are the blocks that keep moving from frame to frame, none where most of the picture does; `restless` those that
    differed more than once from one of the last key pictures to the next, with nothing between worth looking at."""

    mask: Blocks = field(default_factory=_none)
    restless: Blocks = field(default_factory=_none)
    _moving: NDArray[np.float32] = field(default_factory=lambda: np.zeros(BLOCKS, np.float32))
    _keys: deque[Blocks] = field(default_factory=lambda: deque(maxlen=_KEYS))

    def learn(self, before: Sample, sample: Sample, blocks: Blocks) -> None:
        """From the blocks that changed between two samples in a row."""
        if sample.gap or before.gap:
            self._keys.append(blocks)
            self.restless = grown(np.sum(self._keys, axis=0) > 1)
        if not sample.gap:
            passed = min(max(1e-3, sample.time_s - before.time_s), _LEARN_AT_MOST_S)
            active = blocks | stirred(before.sig, sample.sig)
            weight = np.where(active, min(1.0, passed / _LEARN_S), min(1.0, passed / _FORGET_S))
            self._moving += weight.astype(np.float32) * (active - self._moving)
            mask = grown(self._moving > _MOVING)
            self.mask = mask if mask.mean() <= _MOST_MOVING else _none()

    def forget(self) -> None:
        """At a cut."""
        self._moving[:] = 0
        self._keys.clear()
        self.mask = self.restless = _none()
