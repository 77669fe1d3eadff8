from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image as PillowImage

from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Clip, Document, Image, Source, Text
from interloom.schemas.outcome import Quarantined
from interloom.stages.cut_clips import CutClips

FPS, SIZE, FRAMES = 25, (160, 120), 200


def page(number):
    """A frame whose grey level encodes the second and whose white bar's width encodes the frame in that second."""
    pixels = np.full((SIZE[1], SIZE[0], 3), 40 + 20 * (number // FPS), np.uint8)
    pixels[:40, : 4 + 6 * (number % FPS)] = 255
    return PillowImage.fromarray(pixels)


def number_of(frame):
    """The number that `page` encoded."""
    pixels = frame.to_ndarray(format="gray").astype(int)
    second = round((pixels[100, 80] - 40) / 20)
    return second * FPS + round(((pixels[20] > 200).sum() * SIZE[0] / frame.width - 4) / 6)


def add_audio(container, seconds):
    stream = container.add_stream("aac", rate=16000, layout="mono")
    tone = (np.sin(np.arange(int(16000 * seconds)) * 0.2) * 0.3).astype(np.float32)
    for start in range(0, len(tone) - 1024, 1024):
        frame = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def written(path, codec="libx264", audio=True, gop=50):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS, options={"g": str(gop), "crf": "10", "preset": "ultrafast", "b:v": "4M"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        if audio:
            add_audio(container, FRAMES / FPS)
        for n in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_image(page(n))))
        container.mux(stream.encode())
    return str(path)


@pytest.fixture(scope="module")
def video_file(tmp_path_factory):
    return written(tmp_path_factory.mktemp("clips") / "video.mp4")


def video(path, *spans, start=0.0, end=8.0):
    clip = Clip(position=0, start_s=start, end_s=end, format="mov")
    shown = (Image(position=n, start_s=a, end_s=b) for n, (a, b) in enumerate(spans, 1))
    return Document(id="v", source=Source(path=path), elements=(clip, *shown, Text(position=50, text="Said.", origin="asr")))


def cut(doc, **parameters):
    *others, out = CutClips(**parameters).process([doc])
    assert not others
    return out


def clips(doc):
    return [element for element in doc.elements if isinstance(element, Clip) and element.data]


def frames(clip):
    with av.open(io.BytesIO(clip.data)) as container:
        return [number_of(frame) for frame in container.decode(video=0)]


def streams(clip):
    with av.open(io.BytesIO(clip.data)) as container:
        return [stream.codec_context.name for stream in container.streams]


def test_an_encoded_clip_is_exact_to_the_frame(video_file):
    (clip,) = clips(cut(video(video_file, start=1.24, end=3.0)))
    assert frames(clip) == list(range(31, 75))
    assert (clip.start_s, clip.end_s, clip.format, clip.width, clip.height) == (1.24, 3.0, "mp4", *SIZE)


def test_a_clip_from_the_start_has_the_first_frame(video_file):
    (clip,) = clips(cut(video(video_file, end=1.0)))
    assert frames(clip) == list(range(25))


def test_a_clip_has_audio_unless_audio_is_false(video_file):
    assert streams(clips(cut(video(video_file, end=1.0)))[0]) == ["h264", "aac"]
    assert streams(clips(cut(video(video_file, end=1.0), audio=False))[0]) == ["h264"]


@pytest.mark.parametrize("mode", ["encode", "copy"])
def test_the_same_span_gives_the_same_bytes(video_file, mode):
    once, again = (clips(cut(video(video_file, start=2.0, end=4.0), mode=mode))[0] for _ in range(2))
    assert once == again
    assert len(once.sha256) == 64


def test_a_copied_clip_begins_at_the_i_frame_and_has_its_time(video_file):
    (clip,) = clips(cut(video(video_file, start=3.0, end=5.0), mode="copy"))
    assert clip.start_s == pytest.approx(2.0, abs=1e-3)
    found = frames(clip)
    assert found[0] == 50
    assert found == list(range(50, 50 + len(found))) and 122 <= found[-1] <= 127


def test_a_copied_clip_has_the_frames_of_the_file(video_file):
    (copied,) = clips(cut(video(video_file, end=8.0), mode="copy"))
    assert frames(copied) == list(range(FRAMES))


def test_vp8_is_copied_into_matroska(tmp_path):
    path = written(tmp_path / "video.webm", codec="libvpx", audio=False)
    (clip,) = clips(cut(video(path, end=2.0), mode="copy"))
    assert (clip.format, streams(clip)) == ("mkv", ["vp8"])
    assert clip == clips(cut(video(path, end=2.0), mode="copy"))[0]


def test_each_keyframe_gets_the_clip_of_its_time_before_it(video_file):
    doc = cut(video(video_file, (0.0, 2.0), (2.0, 2.4), (2.4, 8.0)), by="keyframe", max_s=3.0)
    assert [element.position for element in doc.elements] == [0, 51, 1, 2, 52, 3, 50]
    assert [(clip.start_s, clip.end_s) for clip in clips(doc)] == [(0.0, 2.0), (2.4, 5.4)]
    assert [len(frames(clip)) for clip in clips(doc)] == [50, 75]


def test_tall_frames_are_reduced_to_an_even_size(video_file):
    (clip,) = clips(cut(video(video_file, end=1.0), height=61))
    assert (clip.width, clip.height) == (80, 60)


def test_a_span_beyond_the_end_is_quarantined_and_the_document_stays(video_file):
    doc = video(video_file, (0.0, 2.0), (40.0, 50.0))
    quarantined, out = CutClips(by="keyframe").process([doc])
    assert isinstance(quarantined, Quarantined)
    assert quarantined.position == 52
    assert [clip.position for clip in clips(out)] == [51]


def test_a_document_with_a_span_beyond_the_end_is_an_error(video_file):
    with pytest.raises(DocumentError):
        cut(video(video_file, start=40.0, end=50.0))


def test_a_playlist_is_an_error(tmp_path):
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile /etc/passwd\n")
    with pytest.raises(DocumentError):
        cut(video(str(tmp_path / "list.mp4")))


def test_clips_with_bytes_and_pages_pass_unchanged(video_file):
    out = cut(video(video_file, end=1.0))
    page = Document(id="p", elements=(Image(position=0),))
    assert cut(out) is out
    assert cut(page) is page


def test_a_clip_is_a_member_of_the_shard(video_file, tmp_path):
    import tarfile

    from interloom.stages.write_webdataset import WriteWebdataset

    WriteWebdataset(to=str(tmp_path)).write(0, [cut(video(video_file, end=1.0))], tmp_path)
    with tarfile.open(tmp_path / "shard-000000.tar") as shard:
        member = shard.extractfile("v.0.mp4")
        assert member is not None and member.read(8)[4:] == b"ftyp"


def test_limits_that_exclude_every_clip_are_problems():
    assert len(list(CutClips(min_s=5, max_s=2, height=0).check())) == 2


@pytest.mark.parametrize(("name", "codec"), [("a.ts", "libx264"), ("a.mpg", "mpeg2video")])
@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 1.0), (3.0, 5.0), (5.96, 7.0)])
def test_a_file_that_seeks_to_any_frame_is_cut_exactly(tmp_path, name, codec, start_s, end_s):
    path = written(tmp_path / name, codec, audio=False, gop=50)
    (clip,) = clips(cut(video(path, start=start_s, end=end_s)))
    assert frames(clip) == list(range(round(start_s * FPS), round(end_s * FPS)))


@pytest.mark.parametrize("mode", ["encode", "copy"])
def test_a_video_of_one_pixel_is_cut(tmp_path, mode):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 1, 1, "yuv420p"
        for _ in range(50):
            container.mux(stream.encode(av.VideoFrame.from_image(PillowImage.new("RGB", (1, 1)))))
        container.mux(stream.encode())
    assert len(clips(cut(video(str(tmp_path / "a.mkv"), end=2.0), mode=mode))) == 1
