"""Runs open_clip on the demo's tiny CLIP, with videos that show each of its shapes for eight seconds."""

from __future__ import annotations

import random
from pathlib import Path

import av
import numpy as np
import pytest

from interloom.jobs.demo.shapes import PHRASINGS, Scene, paint
from interloom.schemas.document import Clip, Document, Image, Source, Text
from interloom.stages.shift_captions import ShiftCaptions, _clip_vectors

pytest.importorskip("torch")
SHAPES = Path(__file__).parents[2] / "jobs" / "demo" / "assets" / "shapes_clip"
FPS, LONG = 5, 8
SCENES = [
    Scene(number=number, large=True, pattern=pattern, colour=colour, shape=shape, background=ground, place="in the centre")
    for number, pattern, colour, shape, ground in (
        (1, "plain", "red", "circle", "white"),
        (3, "striped", "blue", "star", "black"),
        (2, "plain", "green", "square", "white"),
        (1, "plain", "yellow", "triangle", "black"),
        (3, "plain", "red", "square", "white"),
    )
]


@pytest.fixture(scope="module")
def video_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("shift") / "shapes.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "18", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for n, scene in enumerate(SCENES):
            for _ in range(FPS * LONG):
                container.mux(stream.encode(av.VideoFrame.from_image(paint(scene, random.Random(n), (160, 120)))))
        container.mux(stream.encode())
    return str(path)


@pytest.fixture(scope="module")
def stage():
    return ShiftCaptions(model=str(SHAPES), device="cpu")


def video(path, *texts):
    end = float(LONG * len(SCENES))
    return Document(id="v", source=Source(path=path), elements=(Clip(position=0, start_s=0.0, end_s=end), *texts))


def caption(position, scene, start, end, **more):
    return Text(position=position, text=scene.caption(PHRASINGS[0]), start_s=start, end_s=end, **{"origin": "asr", **more})


def moved(stage, doc):
    (out,) = stage.process([doc])
    return out.texts


@pytest.mark.parametrize("off", [-10, -6, -3, 3, 6, 10])
def test_captions_off_by_up_to_ten_seconds_come_back(stage, video_file, off):
    shown = list(enumerate(SCENES))
    kept = [(n, scene) for n, scene in shown if n * LONG + off >= 0 and n * LONG + off + LONG <= LONG * len(SCENES)]
    texts = [caption(n + 1, scene, n * LONG + off, n * LONG + off + LONG) for n, scene in kept]
    found = moved(stage, video(video_file, *texts))
    assert len(found) >= 3
    assert [(text.start_s, text.end_s) for text in found] == [(n * LONG, n * LONG + LONG) for n, _ in kept]
    assert {text.scores["shift_s"] for text in found} == {float(-off)}
    assert min(text.scores["clip_shift"] for text in found) > 0.5


def test_a_caption_at_the_right_time_stays(stage, video_file):
    (text,) = moved(stage, video(video_file, caption(1, SCENES[2], 16.0, 24.0)))
    assert (text.start_s, text.scores["shift_s"]) == (16.0, 0.0)


def test_a_caption_moves_no_further_than_the_window(stage, video_file):
    (text,) = moved(stage, video(video_file, caption(1, SCENES[4], 0.0, 2.0)))
    assert text.end_s <= 1.0 + 10.0 + LONG / 2


def test_other_texts_and_elements_stay_unchanged(stage, video_file):
    others = (
        Image(position=2, start_s=3.0),
        caption(3, SCENES[1], 0.0, 2.0, origin="ocr", of=2),
        Text(position=4, text="x", origin="asr"),
    )
    doc = video(video_file, caption(1, SCENES[0], 5.0, 9.0), *others)
    (out,) = stage.process([doc])
    assert out.elements[2:] == others
    assert out.elements[0] == doc.elements[0]


def test_results_do_not_depend_on_the_other_captions(stage, video_file):
    texts = [caption(n + 1, scene, 4.0 + n, 9.0 + n) for n, scene in enumerate(SCENES)]
    assert moved(stage, video(video_file, *texts)) == tuple(moved(stage, video(video_file, text))[0] for text in texts)


def test_a_video_shorter_than_a_clip_is_one_clip():
    starts, clips = _clip_vectors(np.arange(3.0), np.eye(3), 8.0, 1.0)
    assert starts.tolist() == [0.0]
    assert clips[0] == pytest.approx([3**-0.5] * 3)


def test_clips_lie_within_the_video_and_have_the_mean_vector_of_their_frames():
    starts, clips = _clip_vectors(np.arange(10.0), np.eye(10), 8.0, 1.0)
    assert starts.tolist() == [0.0, 1.0, 2.0]
    assert np.flatnonzero(clips[1]).tolist() == list(range(1, 9))


def test_documents_without_captions_or_video_pass_without_being_opened(tmp_path):
    stage = ShiftCaptions(model="ViT-L-14")
    silent = video(str(tmp_path / "none.mp4"))
    page = Document(id="p", elements=(caption(0, SCENES[0], 0.0, 1.0),))
    assert list(stage.process([silent, page])) == [silent, page]


def test_wrong_parameters_are_problems():
    lines = list(ShiftCaptions(model="ViT-L15", clip_s=0, batch_size=0).check())
    assert [line.split(":")[0] for line in lines[:2]] == ["window_s, clip_s, fps", "batch_size"]
    assert "no model 'ViT-L15'" in lines[2]
