"""Cuts clips out of a video and keeps their bytes, so that shards hold them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal

from interloom.pipeline.errors import ConfigError, DocumentError
from interloom.pipeline.stage import Limits, Stage
from interloom.schemas.document import Clip, Document, Element, Image, Media
from interloom.schemas.outcome import Outcome, Quarantined
from interloom.stages._video.file import ffmpeg_binary, open_video
from interloom.stages.cut_clips.cutter import Cutter


@dataclass(frozen=True, kw_only=True)
class CutClips(Stage):
    """Clips with bytes, each with its span of the video in `start_s` and `end_s`.

    `by: document` gives the document's clip its bytes: the span that `stages.interleave_video` made. `by: keyframe` puts
    before each keyframe the clip of the time that it was shown, if that is at least `min_s` (MMTrail takes clips over 1 s,
    arXiv 2407.20962, section 3); of what lasts longer than `max_s`, only the first `max_s`.

    `mode: encode` makes H.264 and AAC in mp4, exact to the frame, at most `height` high, in one thread, so that the same
    ffmpeg gives the same bytes. `mode: copy` is fast and keeps the encoded frames: it begins at the intra frame at or
    before the start, which `start_s` then says; mp4 where the codecs allow it, else Matroska. A clip of a keyframe that
    cannot be cut is quarantined; the document stays. What is no video passes.
    """

    dear: ClassVar[bool] = True
    isolated: ClassVar[Limits | None] = Limits(timeout_s=3600.0, memory_bytes=8 << 30)

    by: Literal["document", "keyframe"] = "document"
    mode: Literal["encode", "copy"] = "encode"
    min_s: float = 1.0
    max_s: float | None = None
    height: int = 720
    crf: int = 23
    audio: bool = True

    def check(self) -> Iterable[str]:
        if self.min_s < 0 or (self.max_s is not None and self.max_s < max(self.min_s, 0.001)):
            yield f"min_s, max_s: {self.min_s} to {self.max_s} leaves no clip"
        if self.height < 2 or not 0 <= self.crf <= 51:
            yield f"height, crf: at least 2, and from 0 to 51, not {self.height} and {self.crf}"
        try:
            ffmpeg_binary()
        except ConfigError as error:
            yield str(error)

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            file = next((e for e in doc.elements if isinstance(e, Clip) and e.data is None and e.blob is None), None)
            if file is None:
                yield doc
            elif self.by == "document":
                yield doc.with_elements(self._own(doc, element) if element is file else element for element in doc.elements)
            else:
                yield from self._beside_keyframes(doc)

    @cached_property
    def _cutter(self) -> Cutter:
        return Cutter(mode=self.mode, height=self.height, crf=self.crf, audio=self.audio)

    def _own(self, doc: Document, clip: Element) -> Element:
        if not isinstance(clip, Clip) or not self._wanted(clip):
            return clip
        with open_video(doc.source) as path:
            return self._filled(path, clip)

    def _beside_keyframes(self, doc: Document) -> Iterator[Outcome]:
        number = max(element.position for element in doc.elements) + 1
        elements = list[Element]()
        with open_video(doc.source) as path:
            for element in doc.elements:
                if isinstance(element, Image) and self._wanted(element):
                    clip = Clip(position=number, start_s=element.start_s, end_s=element.end_s)
                    number += 1
                    try:
                        elements.append(self._filled(path, clip))
                    except DocumentError as error:
                        yield Quarantined(doc.id, str(error), clip.position, doc.source.url)
                elements.append(element)
        yield doc.with_elements(elements)

    def _wanted(self, media: Media) -> bool:
        if media.start_s is None or media.end_s is None:
            return False
        return media.end_s - media.start_s >= self.min_s and media.end_s > media.start_s

    def _filled(self, path: str, clip: Clip) -> Clip:
        start_s, end_s = clip.start_s or 0.0, clip.end_s or 0.0
        end_s = min(end_s, start_s + self.max_s) if self.max_s is not None else end_s
        cut = self._cutter.cut(path, start_s, end_s)
        mark = hashlib.sha256(cut.data).hexdigest()
        clip = replace(clip, data=cut.data, sha256=mark, format=cut.format, width=cut.width, height=cut.height)
        return replace(clip, start_s=round(cut.start_s, 6), end_s=round(end_s, 6))
