"""Extracts the keyframes of a video: one image for each shot, slide or screen, with its time span exact to the frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from importlib.util import find_spec
from typing import ClassVar

from interloom.pipeline.contents import (
    IMAGE_BYTES,
    IMAGE_FORMAT,
    IMAGE_SHA256,
    IMAGE_SIZE,
    IMAGES,
    KEYFRAMES,
    VIDEO,
    Content,
    Need,
    scores,
)
from interloom.pipeline.cost import Cost, Limits
from interloom.pipeline.errors import DocumentError
from interloom.pipeline.ranges import Amount, Positive
from interloom.pipeline.stage import Stage
from interloom.schemas.document import Clip, Document, Image
from interloom.schemas.outcome import Outcome
from interloom.stages._video.file import open_video
from interloom.stages._video.timeline import has_pictures
from interloom.stages.extract_keyframes.gop import Sample
from interloom.stages.extract_keyframes.gop_reader import GopReader
from interloom.stages.extract_keyframes.jpeg import encode_jpeg
from interloom.stages.extract_keyframes.search import find_shots
from interloom.stages.extract_keyframes.shots import Shot
from interloom.stages.extract_keyframes.signature import changed_blocks
from interloom.stages.extract_keyframes.thresholds import Thresholds

_MAX_BROKEN_SHARE = 0.5
"""A video of which more I-frames cannot be decoded is quarantined; our choice."""
_SKIPPED = ("blank_shots", "blurred_shots", "repeated_shots")


@dataclass(frozen=True, kw_only=True)
class ExtractKeyframes(Stage):
    """Adds one JPEG image for each shot, slide or screen that a video shows, with the time span in which it is shown.

    Only the I-frames are decoded at first, the frames between two I-frames only where the video may change there. Shots begin
    at hard cuts, at fades, and where a slide or screen that has come to rest differs from the last one. Frames are compared by
    SSIM with a reference frame as in Multimodal Textbook (arXiv 2501.00958, section 3), here block by block, so that a speaker
    in a corner and a mouse pointer do not count as changes. A shot is represented by the sharpest frame of its first two
    seconds or by the frame in which it came to rest; the image's score `frame_s` is that frame's presentation time, its score
    `sharpness` the variance of the Laplacian at 256 x 144 pixels.

    Blank and blurred shots and repetitions of the shot before are skipped, but a video gets at least one image. The document
    gets the scores `keyframes`, `blank_shots`, `blurred_shots`, `repeated_shots` (counts) and `cut_rate` (hard cuts a minute).
    Documents without pictures pass unchanged. A video of which no frame or less than half of the I-frames can be decoded is
    quarantined.

    Parameters:
        cut_share: A hard cut changes at least this share of the frame area in one frame. Default 0.35, our choice.
        slide_share: Two slides or screens differ in at least this share of the frame area. Default 0.04, our choice.
        build_share: Enough instead of `slide_share` if all of the change came in one frame, as when a bullet appears; half of
            it is the least in which a shot must differ from the last image. Default 0.016, our choice.
        settle_s: A slide has come to rest once nothing changed for so long. Seconds. Default 0.4, our choice.
        min_sharpness: Shots whose best frame is less sharp are skipped as blurred. Variance of the Laplacian at 256 x 144.
            Default 2.0, our choice.
        max_keyframes: The search ends after so many images. Default 3000, our choice.
        max_pixels: A video with larger frames is quarantined. Pixels of a frame. Default 2**26, our choice.
        max_side: Larger images are reduced until their longer side has so many pixels. Default 1920, our choice.
        quality: Quality of the JPEG files, 1 to 100 (Pillow's). Default 90, our choice.
    """

    memory_bytes: ClassVar[int] = 340_000_000
    checkpoint: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(per_second=0.05)  # about 1080p video on one core
    isolated: ClassVar[Limits | None] = Limits(timeout_s=1800.0, memory_bytes=4 << 30)

    cut_share: float = 0.35
    slide_share: float = 0.04
    build_share: float = 0.016
    settle_s: Amount = 0.4
    min_sharpness: Amount = 2.0
    max_keyframes: int = 3000
    max_pixels: Positive = 1 << 26
    max_side: int = 1920
    quality: int = 90

    def needs(self) -> Iterable[Need]:
        return (VIDEO,)

    def provides(self) -> Iterable[Content]:
        images = (IMAGES, IMAGE_BYTES, IMAGE_SIZE, IMAGE_FORMAT, IMAGE_SHA256, KEYFRAMES)
        counted = scores("document", *_SKIPPED, "keyframes", "cut_rate")
        return (*images, *scores("image", "frame_s", "sharpness"), *counted)

    def check(self) -> Iterable[str]:
        for module in ("av", "cv2"):
            if find_spec(module) is None:
                yield f"no module '{module}': pip install 'interloom[video]'"
        if not 0 < self.build_share <= self.slide_share <= self.cut_share <= 1:
            yield "build_share, slide_share, cut_share: must be 0 < build_share <= slide_share <= cut_share <= 1"
        if self.max_keyframes < 1 or self.max_side < 16 or not 1 <= self.quality <= 100:
            yield "max_keyframes must be at least 1, max_side at least 16, quality from 1 to 100"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            clip = next((e for e in doc.elements if isinstance(e, Clip)), None)
            yield self._with_keyframes(doc, clip) if clip is not None and has_pictures(doc) else doc

    def _with_keyframes(self, doc: Document, clip: Clip) -> Document:
        with open_video(doc.source) as path:
            reader = GopReader(path, self.max_pixels)
            selection = self._select(reader)
        if not selection.images or reader.broken_i_frames > _MAX_BROKEN_SHARE * reader.i_frames:
            raise DocumentError(f"{reader.broken_i_frames} of {reader.i_frames} I-frames cannot be decoded")
        position = max((e.position for e in doc.elements), default=-1) + 1
        ends = [image.start_s or 0.0 for image in selection.images[1:]] + [max(reader.end_s, clip.end_s or 0.0)]
        images = [
            replace(image, position=position + n, end_s=round(end, 6))
            for n, (image, end) in enumerate(zip(selection.images, ends, strict=True))
        ]
        minutes = max(reader.end_s, 1.0) / 60
        scores = {**selection.skipped, "keyframes": float(len(images)), "cut_rate": round(selection.cuts / minutes, 4)}
        return replace(doc, elements=(*doc.elements, *images), scores={**doc.scores, **scores})

    def _select(self, reader: GopReader) -> _Selection:
        """Adds an image of every shot that is not skipped; if all are skipped, an image of the first shot."""
        selection, first = _Selection(), None
        for shot in find_shots(reader, self._limits):
            selection.cuts += shot.kind == "cut"
            first = first or shot
            self._add(shot, selection, reader)
            if len(selection.images) >= self.max_keyframes:
                break
        frame = first and (first.best or first.fallback)
        if not selection.images and first and frame:
            selection.images.append(self._image(first, frame, reader))
        return selection

    def _add(self, shot: Shot, selection: _Selection, reader: GopReader) -> None:
        frame, last = shot.best, selection.last
        if frame is None:
            selection.skipped["blank_shots"] += 1
        elif shot.sharpness < self.min_sharpness:
            selection.skipped["blurred_shots"] += 1
        elif last and changed_blocks(last.sig, frame.sig).mean() < self.build_share / 2:
            selection.skipped["repeated_shots"] += 1
        else:
            selection.images.append(self._image(shot, frame, reader))
            selection.last = frame

    def _image(self, shot: Shot, sample: Sample, reader: GopReader) -> Image:
        """The keyframe of a shot; its position and end are set once all keyframes are known."""
        assert sample.frame is not None
        data, width, height = encode_jpeg(sample.frame, reader.pixel_aspect, self.max_side, self.quality)
        return Image(
            position=0,
            start_s=round(shot.start_s, 6),
            format="jpeg",
            width=width,
            height=height,
            data=data,
            sha256=sha256(data).hexdigest(),
            scores={"frame_s": round(sample.time_s, 6), "sharpness": round(shot.sharpness, 3)},
        )

    @property
    def _limits(self) -> Thresholds:
        return Thresholds(
            cut_share=self.cut_share, slide_share=self.slide_share, build_share=self.build_share, settle_s=self.settle_s
        )


@dataclass(slots=True)
class _Selection:
    """The images so far, the last one's sample, the number of hard cuts, and how many shots were skipped for each reason."""

    images: list[Image] = field(default_factory=list)
    last: Sample | None = None
    cuts: int = 0
    skipped: dict[str, float] = field(default_factory=lambda: dict.fromkeys(_SKIPPED, 0.0))
