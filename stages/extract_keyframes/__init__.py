"""The keyframes of a video: the first frame of each shot, slide or screen, timed to the frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from importlib.util import find_spec
from typing import ClassVar

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.stage import Limits, Stage
from interloom.schemas.document import Clip, Document, Image
from interloom.schemas.outcome import Outcome
from interloom.stages._video.file import open_video
from interloom.stages.extract_keyframes.changes import Shot, Thresholds
from interloom.stages.extract_keyframes.gops import GopReader, Sample
from interloom.stages.extract_keyframes.jpeg import jpeg
from interloom.stages.extract_keyframes.shots import shots
from interloom.stages.extract_keyframes.signature import changed

_MOST_BROKEN = 0.5
_LEFT_OUT = ("blank_shots", "blurred_shots", "repeated_shots")


@dataclass(frozen=True, kw_only=True)
class ExtractKeyframes(Stage):
    """Adds one JPEG image for each thing that a video shows, `start_s` to `end_s`; documents without a video pass.

    Key pictures are decoded first and frames between them only where something may have changed. A hard cut changes
    `cut_share` of the picture in one frame; a slide or screen that comes to rest differs by `slide_share` from the last one
    (`build_share` when it changed in a single frame), compared by SSIM to a reference frame as in Multimodal Textbook
    (arXiv 2501.00958, section 3), here block by block, so that a speaker in a corner and a mouse do not count. A shot is
    shown by the sharpest frame of its first two seconds or that in which it came to rest, at the score `frame_s`. Empty and
    blurred pictures (variance of the Laplacian below `min_sharpness` at 256 x 144) and repetitions of the one before are left
    out, but a video has at least one.
    """

    dear: ClassVar[bool] = True
    isolated: ClassVar[Limits | None] = Limits(timeout_s=1800.0, memory_bytes=4 << 30)

    cut_share: float = 0.35
    slide_share: float = 0.04
    build_share: float = 0.016
    settle_s: float = 0.4
    min_sharpness: float = 2.0
    max_keyframes: int = 3000
    max_pixels: int = 1 << 26
    max_side: int = 1920
    quality: int = 90

    def check(self) -> Iterable[str]:
        for module in ("av", "cv2"):
            if find_spec(module) is None:
                yield f"no module '{module}': pip install 'interloom[video]'"
        if not 0 < self.build_share <= self.slide_share <= self.cut_share <= 1:
            yield "build_share, slide_share and cut_share are shares of the picture in rising order, above 0 and at most 1"
        if self.max_keyframes < 1 or self.max_side < 16 or not 1 <= self.quality <= 100:
            yield "max_keyframes is at least 1, max_side at least 16, quality 1 to 100"

    def process(self, docs: Sequence[Document]) -> Iterator[Outcome]:
        for doc in docs:
            clip = next((e for e in doc.elements if isinstance(e, Clip)), None)
            yield doc if clip is None else self._with_keyframes(doc, clip)

    def _with_keyframes(self, doc: Document, clip: Clip) -> Document:
        with open_video(doc.source) as path:
            reader = GopReader(path, self.max_pixels)
            album = self._album(reader)
        if not album.pictures or reader.broken > _MOST_BROKEN * reader.keys:
            raise DocumentError(f"{reader.broken} of {reader.keys} key pictures cannot be decoded")
        first = max((e.position for e in doc.elements), default=-1) + 1
        ends = [picture.start_s or 0.0 for picture in album.pictures[1:]] + [max(reader.end_s, clip.end_s or 0.0)]
        images = [
            replace(picture, position=first + n, end_s=round(end, 6))
            for n, (picture, end) in enumerate(zip(album.pictures, ends, strict=True))
        ]
        minutes = max(reader.end_s, 1.0) / 60
        scores = {**album.left_out, "keyframes": float(len(images)), "cut_rate": round(album.cuts / minutes, 4)}
        return replace(doc, elements=(*doc.elements, *images), scores={**doc.scores, **scores})

    def _album(self, reader: GopReader) -> _Album:
        album, spare = _Album(), None
        for shot in shots(reader, self._limits):
            album.cuts += shot.kind == "cut"
            spare = spare or shot
            self._add(shot, album, reader)
            if len(album.pictures) >= self.max_keyframes:
                break
        best = spare and (spare.picture or spare.spare)
        if not album.pictures and spare and best:
            album.pictures.append(self._image(spare, best, reader))
        return album

    def _add(self, shot: Shot, album: _Album, reader: GopReader) -> None:
        picture = shot.picture
        if picture is None:
            album.left_out["blank_shots"] += 1
        elif shot.sharpness < self.min_sharpness:
            album.left_out["blurred_shots"] += 1
        elif album.last and changed(album.last.sig, picture.sig).mean() < self.build_share / 2:
            album.left_out["repeated_shots"] += 1
        else:
            album.pictures.append(self._image(shot, picture, reader))
            album.last = picture

    def _image(self, shot: Shot, sample: Sample, reader: GopReader) -> Image:
        assert sample.frame is not None
        data, width, height = jpeg(sample.frame, reader.aspect, self.max_side, self.quality)
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
        return Thresholds(cut=self.cut_share, slide=self.slide_share, build=self.build_share, settle_s=self.settle_s)


@dataclass(slots=True)
class _Album:
    """The pictures so far, the last of them as a sample, and how many shots were left out and why."""

    pictures: list[Image] = field(default_factory=list)
    last: Sample | None = None
    cuts: int = 0
    left_out: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("blank_shots", "blurred_shots", "repeated_shots"), 0.0)
    )
