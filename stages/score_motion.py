"""Scores how much moves in a video, by optical flow and by the share of the frame that changes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import ClassVar

import numpy as np

from interloom.pipeline.contents import VIDEO, Content, Need, scores
from interloom.pipeline.cost import Cost, Limits
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Clip, Document, Element, Image
from interloom.schemas.outcome import Outcome
from interloom.stages._video.file import open_video
from interloom.stages._video.frames import Grey, GreyFrame, Span, sample_frames
from interloom.stages._video.timeline import has_pictures

_WIDTH = 160
"""Pixels to which frames are reduced before they are compared; our choice."""
_BLOCK = 8
"""Pixels of a block's side; our choice."""
_CODING_NOISE = 4.0
"""Mean grey levels by which a block differs between two frames if more than coding noise changed; our choice."""

Motion = tuple[float, float]
"""The scores `motion` and `moving`."""


@dataclass(frozen=True, kw_only=True)
class ScoreMotion(Stage):
    """Scores how much moves in a video: in each keyframe's time span, in each clip and in the whole document.

    `motion` is the mean optical flow in frame widths per second (Farneback 2003; MMTrail and OpenVid score the mean flow too, of
    other flow methods). `moving` is the share of the frame area that changes, 0 to 1. A slide has a `moving` below 0.05, also
    with a small speaker in its corner; moving scenes and a camera on the speaker have much more.

    The spans of keyframes are sampled; if there are no keyframes, the clips' spans in pieces of `every_s`. A span gets the
    medians of its samples, a clip and the document the means over their spans, weighted by time. A span shorter than `flow_s`
    gets no score. Documents without a clip pass unchanged. A file that cannot be opened as video raises DocumentError.

    Parameters:
        every_s: A span is sampled once in so many seconds. Default 10.0, our choice.
        flow_s: `motion` compares frames that are so many seconds apart. Default 0.2, our choice.
        change_s: `moving` compares frames that are so many seconds apart; in shorter spans, `flow_s`. Default 1.0, our choice.
        at_most: A span is sampled no more often than this. Default 9, our choice.
    """

    memory_bytes: ClassVar[int] = 330_000_000
    checkpoint: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(per_second=0.05)  # about 1080p video on one core
    isolated: ClassVar[Limits | None] = Limits(timeout_s=1800.0, memory_bytes=4 << 30)

    every_s: float = 10.0
    flow_s: float = 0.2
    change_s: float = 1.0
    at_most: int = 9

    def needs(self) -> Iterable[Need]:
        return (VIDEO,)

    def provides(self) -> Iterable[Content]:
        return (*scores("image", "motion", "moving"), *scores("document", "motion", "moving"))

    def check(self) -> Iterable[str]:
        for name in ("every_s", "flow_s", "at_most"):
            if getattr(self, name) <= 0:
                yield f"{name}: must be more than 0, not {getattr(self, name)}"
        if self.change_s < self.flow_s:
            yield f"change_s: must be at least flow_s ({self.flow_s}), not {self.change_s}"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            yield self._scored(doc) if has_pictures(doc) else doc

    def _scored(self, doc: Document) -> Document:
        spans = self._spans(doc)
        samples = [(span, time_s) for span in spans for time_s in self._times(span)]
        measured: dict[Span, list[Motion]] = {span: [] for span in spans}
        with open_video(doc.source) as path:
            sampled = sample_frames(path, samples, (self.flow_s, self.change_s), _WIDTH)
            for (span, _), frames in zip(samples, sampled, strict=True):
                if len(frames) > 1:
                    measured[span].append((_flow(*frames[:2]), _changed_share(frames[0][0], frames[-1][0])))
        by_span = {span: _median(values) for span, values in measured.items() if values}
        out = doc.with_elements(_with_scores(element, by_span) for element in doc.elements)
        mean = _mean(by_span, (0.0, math.inf))
        return out if mean is None else out.with_score("motion", mean[0]).with_score("moving", mean[1])

    def _spans(self, doc: Document) -> list[Span]:
        """The spans to measure: those of the keyframes, otherwise the pieces of the clips."""
        keyframes = [span for image in doc.images if (span := _span(image))]
        clips = [span for element in doc.elements if isinstance(element, Clip) and (span := _span(element))]
        return list(dict.fromkeys(keyframes or [piece for clip in clips for piece in self._pieces(clip)]))

    def _pieces(self, span: Span) -> list[Span]:
        """Divides a span into equal pieces of at most `every_s`.

        With `every_s: 10`, (0, 30) -> [(0, 10), (10, 20), (20, 30)]
        """
        count = max(1, math.ceil((span[1] - span[0]) / self.every_s))
        edges = [span[0] + (span[1] - span[0]) * n / count for n in range(count + 1)]
        return list(pairwise(edges))

    def _times(self, span: Span) -> list[float]:
        """The times at which a span is sampled, in the middle of equal pieces.

        With `every_s: 10`, (0, 30) -> [5, 15, 25]
        """
        length = span[1] - span[0]
        count = min(self.at_most, max(1, math.ceil(length / self.every_s)))
        return [span[0] + length * (2 * n + 1) / (2 * count) for n in range(count)]


def _span(element: Element) -> Span | None:
    """The time span of an element, None if it has none or an empty one."""
    if element.start_s is None or element.end_s is None or element.end_s <= element.start_s:
        return None
    return element.start_s, element.end_s


def _flow(before: GreyFrame, after: GreyFrame) -> float:
    """Mean optical flow from one frame to another, in frame widths per second."""
    import cv2

    # Pyramid scale and levels, window, iterations, polynomial size and sigma, flags: as in OpenCV's tutorial.
    flow = cv2.calcOpticalFlowFarneback(before[0], after[0], None, 0.5, 3, 15, 3, 5, 1.2, 0)
    mean_pixels = float(np.hypot(flow[..., 0], flow[..., 1]).mean(dtype=np.float64))
    speed: float = mean_pixels / before[0].shape[1] / after[1]
    return speed


def _changed_share(before: Grey, after: Grey) -> float:
    """The share of the blocks of 8 x 8 pixels that differ between two frames by more than coding noise, 0 to 1."""
    height, width = (size - size % _BLOCK for size in before.shape)
    change = np.abs(after[:height, :width].astype(np.int16) - before[:height, :width])
    blocks = change.reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).mean(axis=(1, 3))
    return float((blocks > _CODING_NOISE).mean()) if blocks.size else 0.0


def _median(values: Sequence[Motion]) -> Motion:
    return round(median(motion for motion, _ in values), 4), round(median(moving for _, moving in values), 4)


def _mean(by_span: Mapping[Span, Motion], within: Span) -> Motion | None:
    """The mean over those parts of the spans that lie within one span, weighted by their length; None if no part does.

    {(0, 10): (0.1, 0.0), (10, 20): (0.3, 1.0)}, (5, 20) -> (0.2333, 0.6667)
    """
    parts = [(min(end, within[1]) - max(start, within[0]), value) for (start, end), value in by_span.items()]
    parts = [(length, value) for length, value in parts if length > 0]
    total = sum(length for length, _ in parts)
    if not parts:
        return None
    mean = [sum(length * value[n] for length, value in parts) / total for n in (0, 1)]
    return round(mean[0], 4), round(mean[1], 4)


def _with_scores(element: Element, by_span: Mapping[Span, Motion]) -> Element:
    """The image or clip with the scores of its span; a clip of another span gets the mean over the spans in it."""
    span = _span(element) if isinstance(element, Image | Clip) else None
    value = None if span is None else by_span.get(span) or (_mean(by_span, span) if isinstance(element, Clip) else None)
    return element if value is None else element.with_score("motion", value[0]).with_score("moving", value[1])
