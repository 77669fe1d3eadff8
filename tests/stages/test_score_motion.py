from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageDraw

from interloom.schemas.document import Clip, Document, Image, Source, Text
from interloom.stages.score_motion import ScoreMotion, _mean

FPS, SIZE = 10, (320, 180)


def slide(number, corner=None):
    picture = PillowImage.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(picture)
    for line in range(8):
        draw.text((12, 12 + 20 * line), f"Slide {number}: line {line} says something", fill="black")
    if corner is not None:
        noise = np.random.default_rng(corner).integers(0, 255, (34, 60, 3), np.uint8)
        picture.paste(PillowImage.fromarray(noise), (250, 140))
    return picture


def moving_scene(number):
    """A frame of a camera that pans over a wall of soft colours."""
    pixels = np.random.default_rng(0).integers(0, 255, (12, 20, 3), np.uint8)
    wide = PillowImage.fromarray(pixels).resize((480, 270), PillowImage.Resampling.BICUBIC)
    return wide.crop((4 * (number % 20), 2 * (number % 20), 4 * (number % 20) + SIZE[0], 2 * (number % 20) + SIZE[1]))


def written(path, pages, gop=50):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "26", "preset": "ultrafast", "g": str(gop)})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for page in pages:
            container.mux(stream.encode(av.VideoFrame.from_image(page)))
        container.mux(stream.encode())
    return str(path)


def video(path, *spans, end=20.0):
    clip = Clip(position=0, start_s=0.0, end_s=end, format="mov")
    shown = (Image(position=n, start_s=a, end_s=b) for n, (a, b) in enumerate(spans, 1))
    return Document(id="v", source=Source(path=path), elements=(clip, *shown))


def scored(doc, **parameters):
    (out,) = ScoreMotion(**parameters).process([doc])
    return out


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Ten seconds each of a slide, a slide with a speaker in its corner, and a moving scene."""
    pages = [slide(1)] * 100 + [slide(2, corner=n) for n in range(100)] + [moving_scene(n) for n in range(100)]
    return written(tmp_path_factory.mktemp("motion") / "mixed.mp4", pages)


def test_slides_score_0_a_small_speaker_little_and_scenes_much(mixed):
    doc = scored(video(mixed, (0, 10), (10, 20), (20, 30), end=30.0), every_s=3.0)
    still, talking, moving = (image.scores["moving"] for image in doc.images)
    assert still == 0
    assert 0 < talking < 0.15
    assert moving > 0.5


def test_flow_is_measured_in_frame_widths_per_second(mixed):
    """The scene moves by 4 and 2 of 320 pixels a frame, except for a jump back every 20 frames."""
    doc = scored(video(mixed, (0, 10), (20, 30), end=30.0), every_s=1.2)
    assert doc.images[0].scores["motion"] == 0
    assert doc.images[1].scores["motion"] == pytest.approx((4**2 + 2**2) ** 0.5 * FPS / 320, rel=0.25)


def test_the_document_and_its_clip_get_the_mean_over_time(mixed):
    doc = scored(video(mixed, (0, 10), (20, 30), end=30.0))
    mean = sum(image.scores["moving"] for image in doc.images) / 2
    assert doc.scores["moving"] == doc.elements[0].scores["moving"] == pytest.approx(mean, abs=1e-4)


def test_without_keyframes_the_clip_is_measured_in_pieces(mixed):
    doc = scored(video(mixed, end=30.0), every_s=5.0)
    assert 0.2 < doc.scores["moving"] < 0.5


def test_a_cut_clip_has_the_motion_of_its_own_span(mixed):
    cut = Clip(position=7, start_s=20.0, end_s=30.0, data=b"mp4")
    doc = video(mixed, (0, 10), (10, 20), (20, 30), end=30.0)
    out = scored(doc.with_elements([*doc.elements, cut]))
    assert out.elements[-1].scores == out.images[2].scores


def test_a_cut_between_i_frames_does_not_count_as_motion(tmp_path):
    path = written(tmp_path / "long.mp4", [slide(n // 25) for n in range(200)], gop=500)
    doc = scored(video(path, *((2.5 * n, 2.5 * n + 2.5) for n in range(8))))
    assert [image.scores["moving"] for image in doc.images] == [0] * 8


def test_a_span_of_one_frame_has_no_score(mixed):
    doc = scored(video(mixed, (0, 0.1), (0.1, 10)))
    assert [sorted(image.scores) for image in doc.images] == [[], ["motion", "moving"]]


def test_scores_are_the_same_twice(mixed):
    doc = video(mixed, (0, 10), (10, 20), (20, 30), end=30.0)
    assert scored(doc) == scored(doc)


def test_a_page_passes_without_being_opened():
    page = Document(id="p", elements=(Text(position=0, text="x"), Image(position=1)))
    assert scored(page) == page


def test_a_truncated_file_is_scored_up_to_its_end(mixed, tmp_path):
    from pathlib import Path

    path = tmp_path / "cut.ts"
    with av.open(mixed) as source, av.open(str(path), "w", "mpegts") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    path.write_bytes(path.read_bytes()[: Path(path).stat().st_size // 3])
    doc = scored(video(str(path), (0, 10), (25, 30), end=30.0))
    assert doc.images[0].scores["moving"] == 0
    assert doc.images[1].scores == {}


def test_a_file_that_seeks_to_any_frame_has_the_scores_of_one_with_an_index(tmp_path):
    pages = [moving_scene(number) for number in range(60)]
    scores = [scored(video(written(tmp_path / name, pages), (0, 6), end=6.0)).scores for name in ("a.ts", "a.mp4")]
    assert scores[0]["motion"] == pytest.approx(scores[1]["motion"], rel=0.2)
    assert scores[0]["moving"] == pytest.approx(scores[1]["moving"], rel=0.2)


def test_a_file_that_is_not_a_video_is_an_error_of_the_document(tmp_path):
    from interloom.pipeline.errors import DocumentError

    (tmp_path / "v.mp4").write_bytes(b"<html>" * 100)
    with pytest.raises(DocumentError):
        scored(video(str(tmp_path / "v.mp4")))


def test_times_of_0_or_less_are_problems():
    assert len(list(ScoreMotion(every_s=0, flow_s=-1, at_most=0, change_s=-2).check())) == 4


def test_the_mean_weighs_spans_by_the_part_inside():
    assert _mean({(0, 10): (0.1, 0.0), (10, 20): (0.3, 1.0)}, (5, 20)) == (0.2333, 0.6667)
    assert _mean({(0, 10): (0.1, 0.0)}, (10, 20)) is None


def test_slides_of_one_frame_each_do_not_move(tmp_path):
    path = str(tmp_path / "held.mp4")
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 10)
        for number in range(3):
            frame = av.VideoFrame.from_image(slide(number))
            frame.pts, frame.time_base = 60 * number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    doc = scored(video(path, (0.0, 6.0), (6.0, 12.0), (12.0, 18.0), end=18.0))
    assert [(image.scores["motion"], image.scores["moving"]) for image in doc.images] == [(0.0, 0.0)] * 3
