"""Cuts clips out of a video and keeps their bytes, so that shards hold them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal

from interloom.pipeline.contents import KEYFRAMES, VIDEO, Content, Need
from interloom.pipeline.cost import Cost, Limits
from interloom.pipeline.errors import ConfigError, DocumentError
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Clip, Document, Element, Image, Media
from interloom.schemas.outcome import Outcome, Quarantined
from interloom.stages._video.file import ffmpeg_binary, open_video
from interloom.stages._video.timeline import has_pictures, is_source_clip
from interloom.stages.cut_clips.cutter import Cutter


@dataclass(frozen=True, kw_only=True)
class CutClips(Stage):
    """Cuts clips out of a video and keeps their bytes, each with its time span in `start_s` and `end_s`.

    With `mode: encode` the same ffmpeg gives the same bytes, in one thread. With `mode: copy` a clip begins at the last I-frame
    at or before its start, and its `start_s` is that frame's time; it is an mp4 where the codecs allow it, otherwise Matroska.
    Documents without a clip that stands for a video file pass unchanged. With `by: document`, a span that cannot be cut raises
    DocumentError; with `by: keyframe`, that clip is quarantined and the document stays.

    Parameters:
        by: "document" gives the document's own clip its bytes: the span that `stages.interleave_video` chose. "keyframe" puts a
            clip of the time for which a keyframe was shown before that keyframe. Default "document", our choice.
        mode: "encode" writes H.264 and AAC in mp4, exact to the frame; "copy" keeps the encoded frames and is fast. Default
            "encode", our choice.
        min_s: Shorter spans are not cut. Seconds. Default 1.0 (MMTrail takes clips over 1 s, arXiv 2407.20962, section 3).
        max_s: Of a longer span, only so many seconds are cut. Default none, our choice.
        height: Encoded clips are reduced to this height. Pixels. Default 720, our choice.
        crf: Quality of x264, 0 to 51, lower is better. Default 23, x264's own.
        audio: Whether clips keep the first audio stream. Default true, our choice.
    """

    checkpoint: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(per_second=0.3)  # about 1080p video, encoded again
    isolated: ClassVar[Limits | None] = Limits(timeout_s=3600.0)

    by: Literal["document", "keyframe"] = "document"
    mode: Literal["encode", "copy"] = "encode"
    min_s: float = 1.0
    max_s: float | None = None
    height: int = 720
    crf: int = 23
    audio: bool = True

    def needs(self) -> Iterable[Need]:
        return (VIDEO, KEYFRAMES) if self.by == "keyframe" else (VIDEO,)

    def provides(self) -> Iterable[Content]:
        return ()

    def check(self) -> Iterable[str]:
        if self.min_s < 0 or (self.max_s is not None and self.max_s < max(self.min_s, 0.001)):
            yield f"min_s, max_s: no clip is {self.min_s} to {self.max_s} s long; need 0 <= min_s <= max_s and max_s above 0"
        if self.height < 2 or not 0 <= self.crf <= 51:
            yield f"height, crf: height must be at least 2 and crf 0 to 51, not {self.height} and {self.crf}"
        try:
            ffmpeg_binary()
        except ConfigError as error:
            yield str(error)

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            source_clip = next((element for element in doc.elements if is_source_clip(element)), None)
            if source_clip is None or not has_pictures(doc):
                yield doc
            elif self.by == "document":
                yield doc.with_elements(self._cut_own(doc, e) if e is source_clip else e for e in doc.elements)
            else:
                yield from self._cut_keyframes(doc)

    @cached_property
    def _cutter(self) -> Cutter:
        return Cutter(mode=self.mode, height=self.height, crf=self.crf, audio=self.audio)

    def _cut_own(self, doc: Document, clip: Element) -> Element:
        if not isinstance(clip, Clip) or not self._is_long_enough(clip):
            return clip
        with open_video(doc.source) as path:
            return self._with_bytes(path, clip)

    def _cut_keyframes(self, doc: Document) -> Iterator[Outcome]:
        position = max(element.position for element in doc.elements) + 1
        elements = list[Element]()
        with open_video(doc.source) as path:
            for element in doc.elements:
                if isinstance(element, Image) and self._is_long_enough(element):
                    clip = Clip(position=position, start_s=element.start_s, end_s=element.end_s)
                    position += 1
                    try:
                        elements.append(self._with_bytes(path, clip))
                    except DocumentError as error:
                        yield Quarantined(doc.id, str(error), clip.position, doc.source.url)
                elements.append(element)
        yield doc.with_elements(elements)

    def _is_long_enough(self, media: Media) -> bool:
        if media.start_s is None or media.end_s is None:
            return False
        return media.end_s - media.start_s >= self.min_s and media.end_s > media.start_s

    def _with_bytes(self, path: str, clip: Clip) -> Clip:
        start_s, end_s = clip.start_s or 0.0, clip.end_s or 0.0
        end_s = min(end_s, start_s + self.max_s) if self.max_s is not None else end_s
        cut = self._cutter.cut(path, start_s, end_s)
        digest = hashlib.sha256(cut.data).hexdigest()
        clip = replace(clip, data=cut.data, sha256=digest, format=cut.format, width=cut.width, height=cut.height)
        return replace(clip, start_s=round(cut.start_s, 6), end_s=round(end_s, 6))
