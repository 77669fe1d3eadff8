"""Moves captions in time to where the picture fits them best."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from interloom.pipeline.stage import Stage
from interloom.schemas.document import Clip, Document, Element, Text
from interloom.schemas.outcome import Outcome
from interloom.stages._clip import checkpoints
from interloom.stages._video.file import open_video
from interloom.stages._video.frames import at_rate

if TYPE_CHECKING:
    from interloom.stages._clip.towers import Towers

Floats = npt.NDArray[np.float64]
_SIDE = 336
"""Pixels of a frame's shorter side: what the largest common CLIP looks at."""


@dataclass(frozen=True, kw_only=True)
class ShiftCaptions(Stage):
    """What is said is often shown a little earlier or later: each caption gets the clip of `clip_s` around its middle, at most
    `window_s` earlier or later, whose frames (`fps` a second, mean of their vectors) are most like it (HowToCaption, ECCV
    2024, section 3: 8 s, 10 s, 1 a second, BLIP; here CLIP). On a tie the nearest.

    Captions are timed texts of this `origin` that describe no picture. Each gets new times and the scores `clip_shift`, the
    cosine there, and `shift_s`, by how much its middle moved; HowToCaption then keeps the best 25 million. `model` and
    `pretrained` are as in `stages.score_clip`. Run it before `stages.interleave_video`. What is no video passes.
    """

    dear: ClassVar[bool] = True
    uses_gpu: ClassVar[bool] = True

    model: str
    pretrained: str | None = None
    origin: Literal["asr", "generated", "caption"] = "asr"
    window_s: float = 10.0
    clip_s: float = 8.0
    fps: float = 1.0
    batch_size: int = 256
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def check(self) -> Iterable[str]:
        if self.window_s < 0 or self.clip_s <= 0 or self.fps <= 0:
            yield "window_s, clip_s, fps: at least 0, and more than 0"
        if self.batch_size < 1:
            yield f"batch_size: at least 1, not {self.batch_size}"
        yield from checkpoints.problems(self.model, self.pretrained)

    def files(self) -> Iterable[str]:
        return checkpoints.paths(self.model, self.pretrained)

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            is_video = any(isinstance(element, Clip) for element in doc.elements)
            captions = [text for text in doc.texts if self._is_caption(text)]
            yield self._shifted(doc, captions) if is_video and captions else doc

    def _is_caption(self, text: Text) -> bool:
        is_timed = text.start_s is not None and text.end_s is not None
        return is_timed and text.origin == self.origin and text.of is None and bool(text.text.strip())

    @cached_property
    def _towers(self) -> Towers:
        from interloom.stages._clip.towers import Towers

        return Towers.open(self.model, self.pretrained, batch_size=self.batch_size, precision=self.precision, device=self.device)

    def _shifted(self, doc: Document, captions: Sequence[Text]) -> Document:
        times, frames = self._frames(doc)
        if not len(times):
            return doc
        starts, clips = _clips(times, frames, self.clip_s, 1 / self.fps)
        moved = {text.position: self._moved(text, starts, clips) for text in captions}
        return doc.with_elements(moved.get(element.position, element) for element in doc.elements)

    def _frames(self, doc: Document) -> tuple[Floats, Floats]:
        """Times and unit vectors of the frames; they stream through the model, only vectors stay."""
        times: list[float] = []

        def encoded(path: str) -> Iterator[bytes]:
            for time_s, frame in at_rate(path, self.fps, _SIDE):
                times.append(time_s)
                yield frame

        with open_video(doc.source) as path:
            vectors, broken = self._towers.pictures(encoded(path))
        good = [n for n in range(len(times)) if n not in broken]
        return np.array(times)[good], vectors[good].astype(np.float64)

    def _moved(self, text: Text, starts: Floats, clips: Floats) -> Element:
        middle = ((text.start_s or 0.0) + (text.end_s or 0.0)) / 2
        shifts = starts + self.clip_s / 2 - middle
        near = np.flatnonzero(np.abs(shifts) <= self.window_s + 1e-6)
        if not len(near):
            near = np.array([np.abs(shifts).argmin()])
        windows = self._towers.texts(list(self._towers.windows(text.text))).astype(np.float64)
        fits = np.round((clips[near] @ windows.T).max(axis=1), 4)
        best = min(range(len(near)), key=lambda n: (-fits[n], abs(shifts[near[n]]), shifts[near[n]]))
        start_s = round(float(starts[near[best]]), 3)
        placed = replace(text, start_s=start_s, end_s=round(start_s + self.clip_s, 3))
        return placed.with_score("clip_shift", float(fits[best])).with_score("shift_s", round(float(shifts[near[best]]), 3))


def _clips(times: Floats, frames: Floats, clip_s: float, step_s: float) -> tuple[Floats, Floats]:
    """The starts of all clips that lie within the video (at each frame), and the unit means of their frames."""
    last = max(times[0], times[-1] + step_s - clip_s)
    starts = times[times <= last + 1e-6]
    ends = np.searchsorted(times, starts + clip_s - 1e-6)
    sums = np.concatenate([np.zeros((1, frames.shape[1])), np.cumsum(frames, axis=0)])
    means = sums[ends] - sums[np.searchsorted(times, starts)]
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    clips: Floats = means / np.where(lengths == 0, 1.0, lengths)
    return starts, clips
