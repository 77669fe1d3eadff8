"""Scores how much moves in a video: in each scene, in each clip, in all of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import ClassVar

import numpy as np

from interloom.pipeline.stage import Limits, Stage
from interloom.schemas.document import Clip, Document, Element, Image
from interloom.schemas.outcome import Outcome
from interloom.stages._video.file import open_video
from interloom.stages._video.frames import Grey, Look, Span, looks

_WIDTH = 160
_BLOCK = 8
_NOISE = 4.0
"""Mean grey levels by which a block differs between two frames when it is more than compression that breathes."""

Motion = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class ScoreMotion(Stage):
    """`motion`, the mean optical flow in picture widths per second (Farneback 2003; as MMTrail and OpenVid, with other
    flows), and `moving`, the share of the picture that changes.

    Each keyframe's span (each `every_s` where there are no keyframes) is looked at every `every_s`, at most `at_most` times:
    `motion` is of frames `flow_s` apart, `moving` of frames `change_s` apart or, in shorter spans, `flow_s`; the span gets
    their medians. A slide has `moving` under 0.05, also with a small speaker in its corner; a film or a camera on the
    speaker has much. Keyframes score for their span, clips and the document the mean over theirs by time. A span shorter
    than `flow_s` has no score. What is no video passes.
    """

    dear: ClassVar[bool] = True
    isolated: ClassVar[Limits | None] = Limits(timeout_s=1800.0, memory_bytes=4 << 30)

    every_s: float = 10.0
    flow_s: float = 0.2
    change_s: float = 1.0
    at_most: int = 9

    def check(self) -> Iterable[str]:
        for name in ("every_s", "flow_s", "at_most"):
            if getattr(self, name) <= 0:
                yield f"{name}: more than 0, not {getattr(self, name)}"
        if self.change_s < self.flow_s:
            yield f"change_s: at least flow_s, {self.flow_s}, not {self.change_s}"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            yield self._scored(doc) if any(isinstance(element, Clip) for element in doc.elements) else doc

    def _scored(self, doc: Document) -> Document:
        spans = self._spans(doc)
        samples = [(span, time_s) for span in spans for time_s in self._times(span)]
        found: dict[Span, list[Motion]] = {span: [] for span in spans}
        with open_video(doc.source) as path:
            for (span, _), seen in zip(samples, looks(path, samples, (self.flow_s, self.change_s), _WIDTH), strict=True):
                if len(seen) > 1:
                    found[span].append((_flow(*seen[:2]), _changed(seen[0][0], seen[-1][0])))
        known = {span: _median(values) for span, values in found.items() if values}
        out = doc.with_elements(_told(element, known) for element in doc.elements)
        whole = _mean(known, (0.0, math.inf))
        return out if whole is None else out.with_score("motion", whole[0]).with_score("moving", whole[1])

    def _spans(self, doc: Document) -> list[Span]:
        shown = [span for image in doc.images if (span := _span(image))]
        clips = [span for element in doc.elements if isinstance(element, Clip) and (span := _span(element))]
        return list(dict.fromkeys(shown or [part for clip in clips for part in self._cut(clip)]))

    def _cut(self, span: Span) -> list[Span]:
        count = max(1, math.ceil((span[1] - span[0]) / self.every_s))
        edges = [span[0] + (span[1] - span[0]) * n / count for n in range(count + 1)]
        return list(pairwise(edges))

    def _times(self, span: Span) -> list[float]:
        length = span[1] - span[0]
        count = min(self.at_most, max(1, math.ceil(length / self.every_s)))
        return [span[0] + length * (2 * n + 1) / (2 * count) for n in range(count)]


def _span(element: Element) -> Span | None:
    if element.start_s is None or element.end_s is None or element.end_s <= element.start_s:
        return None
    return element.start_s, element.end_s


def _flow(before: Look, after: Look) -> float:
    import cv2

    flow = cv2.calcOpticalFlowFarneback(before[0], after[0], None, 0.5, 3, 15, 3, 5, 1.2, 0)
    mean = float(np.hypot(flow[..., 0], flow[..., 1]).mean(dtype=np.float64))
    speed: float = mean / before[0].shape[1] / after[1]
    return speed


def _changed(before: Grey, after: Grey) -> float:
    height, width = (size - size % _BLOCK for size in before.shape)
    change = np.abs(after[:height, :width].astype(np.int16) - before[:height, :width])
    blocks = change.reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).mean(axis=(1, 3))
    return float((blocks > _NOISE).mean()) if blocks.size else 0.0


def _median(values: Sequence[Motion]) -> Motion:
    return round(median(value[0] for value in values), 4), round(median(value[1] for value in values), 4)


def _mean(known: Mapping[Span, Motion], within: Span) -> Motion | None:
    """Over the parts of the spans that lie within this one, by their length."""
    parts = [(min(end, within[1]) - max(start, within[0]), value) for (start, end), value in known.items()]
    parts = [(length, value) for length, value in parts if length > 0]
    total = sum(length for length, _ in parts)
    if not parts:
        return None
    mean = [sum(length * value[n] for length, value in parts) / total for n in (0, 1)]
    return round(mean[0], 4), round(mean[1], 4)


def _told(element: Element, known: Mapping[Span, Motion]) -> Element:
    span = _span(element) if isinstance(element, Image | Clip) else None
    value = None if span is None else known.get(span) or (_mean(known, span) if isinstance(element, Clip) else None)
    return element if value is None else element.with_score("motion", value[0]).with_score("moving", value[1])
