"""Moves captions in time to where the video's frames fit them best."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from interloom.pipeline.contents import SPEECH, VIDEO, Content, Need, scores
from interloom.pipeline.cost import Cost
from interloom.schemas.document import Document, Element, Text
from interloom.schemas.outcome import Outcome
from interloom.stages._clip.clip_stage import ClipStage
from interloom.stages._video.file import open_video
from interloom.stages._video.frames import frames_at_rate
from interloom.stages._video.timeline import has_pictures

if TYPE_CHECKING:
    pass

Floats = npt.NDArray[np.float64]
_SIDE = 336
"""Pixels of a frame's shorter side: the input size of the largest common CLIP."""
_TIME_TOLERANCE_S = 1e-6
"""Times that are equal but for rounding count as equal."""


@dataclass(frozen=True, kw_only=True)
class ShiftCaptions(ClipStage):
    """Moves each caption of a video to the time nearby at which the frames fit its text best, by CLIP.

    What is said is often shown a little earlier or later. Each caption gets the time span of the clip whose mean frame vector is
    most similar to its text, among all clips of `clip_s` whose middle lies at most `window_s` from the caption's middle
    (HowToCaption, ECCV 2024, section 3, with BLIP; here CLIP). On a tie the nearest clip counts.

    Captions are timed texts of one `origin` that describe no image. Each gets the scores `clip_shift`, the cosine similarity
    there, and `shift_s`, the seconds by which its middle moved; HowToCaption then keeps the 25 million most similar captions.
    Run this step before `stages.interleave_video`. Documents without a clip or captions pass unchanged.

    Parameters:
        model: The CLIP model, as in `stages.score_clip`.
        pretrained: The weights of the model, as in `stages.score_clip`. Default none.
        origin: The origin of the texts that are captions. Default "asr", our choice.
        window_s: The middle of a caption moves by at most so many seconds. Default 10.0 (HowToCaption, section 3).
        clip_s: Length of the clips, and so of the new spans. Seconds. Default 8.0 (HowToCaption, section 3).
        fps: Frames a second that are encoded. Default 1.0 (HowToCaption, section 3).
        batch_size: Images or texts that the model encodes at once. Default 256, our choice.
        precision: Number format of the model, as in `stages.score_clip`. Default "auto".
        device: Where the model runs, as in `stages.score_clip`. Default "auto".
    """

    cost: ClassVar[Cost] = Cost(per_second=0.05)  # about one frame a second through ViT-B-32

    origin: Literal["asr", "generated", "caption"] = "asr"
    window_s: float = 10.0
    clip_s: float = 8.0
    fps: float = 1.0

    def needs(self) -> Iterable[Need]:
        return (VIDEO, SPEECH) if self.origin == "asr" else (VIDEO,)

    def provides(self) -> Iterable[Content]:
        return scores("text", "clip_shift", "shift_s")

    def check(self) -> Iterable[str]:
        if self.window_s < 0 or self.clip_s <= 0 or self.fps <= 0:
            yield "window_s, clip_s, fps: window_s must be at least 0, clip_s and fps more than 0"
        yield from super().check()

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            captions = [text for text in doc.texts if self._is_caption(text)]
            yield self._shifted(doc, captions) if captions and has_pictures(doc) else doc

    def _is_caption(self, text: Text) -> bool:
        is_timed = text.start_s is not None and text.end_s is not None
        return is_timed and text.origin == self.origin and text.of is None and bool(text.text.strip())

    def _shifted(self, doc: Document, captions: Sequence[Text]) -> Document:
        times, frames = self._frame_vectors(doc)
        if not len(times):
            return doc
        starts, clips = _clip_vectors(times, frames, self.clip_s, 1 / self.fps)
        moved = {text.position: self._moved(text, starts, clips) for text in captions}
        return doc.with_elements(moved.get(element.position, element) for element in doc.elements)

    def _frame_vectors(self, doc: Document) -> tuple[Floats, Floats]:
        """Times in seconds and unit vectors of the frames; frames stream through the model and only the vectors are kept."""
        times: list[float] = []

        def frames(path: str) -> Iterator[bytes]:
            for time_s, frame in frames_at_rate(path, self.fps, _SIDE):
                times.append(time_s)
                yield frame

        with open_video(doc.source) as path:
            vectors, broken = self._towers.embed_images(frames(path))
        whole = [n for n in range(len(times)) if n not in broken]
        return np.array(times)[whole], vectors[whole].astype(np.float64)

    def _moved(self, text: Text, starts: Floats, clips: Floats) -> Element:
        """The caption with the span of the clip that fits it best. A long caption counts by its best passage."""
        middle = ((text.start_s or 0.0) + (text.end_s or 0.0)) / 2
        shifts = starts + self.clip_s / 2 - middle
        near = np.flatnonzero(np.abs(shifts) <= self.window_s + _TIME_TOLERANCE_S)
        if not len(near):
            near = np.array([np.abs(shifts).argmin()])
        passages = self._towers.embed_texts(list(self._towers.windows(text.text))).astype(np.float64)
        similarity = np.round((clips[near] @ passages.T).max(axis=1), 4)
        best = min(range(len(near)), key=lambda n: (-similarity[n], abs(shifts[near[n]]), shifts[near[n]]))
        start_s = round(float(starts[near[best]]), 3)
        moved = replace(text, start_s=start_s, end_s=round(start_s + self.clip_s, 3))
        return moved.with_score("clip_shift", float(similarity[best])).with_score("shift_s", round(float(shifts[near[best]]), 3))


def _clip_vectors(times: Floats, frames: Floats, clip_s: float, step_s: float) -> tuple[Floats, Floats]:
    """The starts in seconds of all clips within the video, one at each frame, and the unit vectors of their mean frames.

    Frames at 0, 1 ... 9 s, `clip_s` 8, `step_s` 1 -> starts 0, 1 and 2 s
    """
    last = max(times[0], times[-1] + step_s - clip_s)
    starts = times[times <= last + _TIME_TOLERANCE_S]
    ends = np.searchsorted(times, starts + clip_s - _TIME_TOLERANCE_S)
    sums = np.concatenate([np.zeros((1, frames.shape[1])), np.cumsum(frames, axis=0)])
    means = sums[ends] - sums[np.searchsorted(times, starts)]
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    clips: Floats = means / np.where(lengths == 0, 1.0, lengths)
    return starts, clips
