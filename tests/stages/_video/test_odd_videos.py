import io
import subprocess
import tarfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageDraw

from interloom.pipeline.errors import DocumentError
from interloom.pipeline.store import storage
from interloom.schemas.outcome import Quarantined
from interloom.stages._video.file import ffmpeg_binary
from interloom.stages.extract_keyframes import ExtractKeyframes
from interloom.stages.read_video import ReadVideo

SIZE = (320, 180)


def page(*bars, size=SIZE):
    """A white frame with black bars at these heights and a red square at the top left."""
    image = PillowImage.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for bar in bars:
        draw.rectangle((60, bar, 300, bar + 15), fill="black")
    draw.rectangle((0, 0, 39, 39), fill="red")
    return image


ONE, TWO = page(20, 60), page(100, 140)


def write(path, pages, *, start_ms=0, step_ms=40, audio=False, configure=None, **options):
    """A video of the pages, the first shown at `start_ms` and each for `step_ms`; audio begins at 0 and lasts a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "g": "250", **options})
        stream.width, stream.height, stream.pix_fmt = *pages[0].size, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        voice = container.add_stream("aac", rate=16000) if audio else None
        if configure:
            configure(container, stream)
        if voice:
            tone = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
            tone.sample_rate, tone.pts = 16000, 0
            container.mux([*voice.encode(tone), *voice.encode()])
        for number, image in enumerate(pages):
            frame = av.VideoFrame.from_image(image)
            frame.pts, frame.time_base = start_ms + step_ms * number, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def written_by_ffmpeg(path, *arguments):
    subprocess.run([ffmpeg_binary(), "-v", "error", "-y", *map(str, arguments), str(path)], check=True, stdin=subprocess.DEVNULL)
    return path


def read(*paths):
    source = ReadVideo(paths=[str(path) for path in paths])
    return [outcome for split in source.splits() for outcome in source.read(split)]


def keyframes(path):
    (doc,) = read(path)
    (out,) = ExtractKeyframes().process([doc])
    return out


def starts(path):
    return [image.start_s for image in keyframes(path).images]


def pixels(image):
    return np.asarray(PillowImage.open(io.BytesIO(image.data)), int)


def error_of(path):
    (outcome,) = read(path)
    assert isinstance(outcome, Quarantined)
    return outcome.error


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.avi"])
def test_a_video_without_a_single_frame_is_error_of(tmp_path, name):
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        container.start_encoding()
    assert any(
        words in error_of(tmp_path / name)
        for words in ("0 s long", "neither a video nor an audio stream", "cannot be read as video")
    )


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_video_of_one_frame_has_one_keyframe(tmp_path, name):
    assert starts(write(tmp_path / name, [ONE])) == [0.0]


def test_an_attached_font_is_counted_as_an_attachment(tmp_path):
    def attach(container, _):
        container.add_attachment("a.ttf", "application/x-truetype-font", b"\0\1\0\0" * 300)

    doc = keyframes(write(tmp_path / "a.mkv", [ONE] * 25, configure=attach))
    assert (doc.scores["attachments"], len(doc.images), doc.labels["video_codec"]) == (1.0, 1, "h264")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_cover_image_is_not_the_video(tmp_path, order):
    write(tmp_path / "plain.mp4", [ONE] * 25 + [TWO] * 25)
    page(size=(64, 64)).save(tmp_path / "cover.png")
    inputs = ("-i", tmp_path / "plain.mp4", "-i", tmp_path / "cover.png", "-map", order[0], "-map", order[1], "-c", "copy")
    path = written_by_ffmpeg(tmp_path / "a.mp4", *inputs, f"-disposition:v:{order.index(1)}", "attached_pic")
    doc = keyframes(path)
    assert (doc.elements[0].width, doc.scores["attachments"], doc.labels["video_codec"]) == (320, 1.0, "h264")
    assert [image.start_s for image in doc.images] == [0.0, 1.0]


def test_sound_with_a_cover_image_is_sound(tmp_path):
    write(tmp_path / "song.mp4", [ONE], audio=True)
    page().save(tmp_path / "cover.png")
    inputs = ("-i", tmp_path / "song.mp4", "-i", tmp_path / "cover.png", "-map", "0:a", "-map", 1, "-c", "copy")
    path = written_by_ffmpeg(tmp_path / "a.mp4", *inputs, "-disposition:v:0", "attached_pic")
    (doc,) = read(path)
    assert doc.source.content_type.startswith("audio/")
    assert (doc.elements[0].width, doc.labels.get("video_codec")) == (None, None)


def test_an_interlaced_frame_shows_one_moment(tmp_path):
    early, late = np.asarray(page(20, 60)), np.asarray(page(100, 140))
    combed = early.copy()
    combed[1::2] = late[1::2]
    path = write(
        tmp_path / "a.mp4", [PillowImage.fromarray(combed)] * 25, crf="1", flags="+ildct+ilme", **{"x264-params": "tff=1"}
    )
    shown = pixels(keyframes(path).images[0])
    assert np.abs(shown - early.astype(int)).mean() < 8
    assert shown[102:114, 100:250].min() > 200


def test_frames_after_an_empty_edit_are_timed_from_the_start_of_the_audio(tmp_path):
    doc = keyframes(write(tmp_path / "a.mp4", [ONE] * 25 + [TWO] * 25, start_ms=600, audio=True))
    assert [image.start_s for image in doc.images] == [0.6, 1.6]
    assert doc.scores["duration_s"] == pytest.approx(2.6, abs=0.05)


@pytest.mark.parametrize(("name", "codec"), [("a.m2ts", "copy"), ("a.mpg", "mpeg2video")])
def test_a_broadcast_whose_first_timestamp_is_not_0_begins_at_0(tmp_path, name, codec):
    write(tmp_path / "whole.mp4", [ONE] * 25 + [TWO] * 25)
    path = written_by_ffmpeg(tmp_path / name, "-i", tmp_path / "whole.mp4", "-c", codec, "-output_ts_offset", 700)
    assert starts(path) == pytest.approx([0.0, 1.0], abs=0.001)


def test_hidden_frames_of_an_edit_list_take_no_time(tmp_path):
    write(tmp_path / "whole.mp4", [ONE] * 25 + [TWO] * 50)
    path = written_by_ffmpeg(tmp_path / "a.mp4", "-ss", 0.4, "-i", tmp_path / "whole.mp4", "-c", "copy")
    assert starts(path) == pytest.approx([0.0, 0.6], abs=0.001)


def test_a_hidden_slide_of_an_edit_list_gets_no_keyframe(tmp_path):
    write(tmp_path / "whole.mp4", [ONE] * 25 + [TWO] * 50, **{"x264-params": "scenecut=0"})
    path = written_by_ffmpeg(tmp_path / "a.mp4", "-ss", 1.2, "-i", tmp_path / "whole.mp4", "-c", "copy")
    (image,) = keyframes(path).images
    assert image.start_s == pytest.approx(0.0, abs=0.001)
    assert np.abs(pixels(image) - np.asarray(TWO, int)).mean() < 8


@pytest.mark.parametrize(("degrees", "corner"), [(90, (-10, 10)), (180, (-10, -10)), (270, (10, -10))])
def test_a_rotated_frame_is_shown_as_players_show_it(tmp_path, degrees, corner):
    path = write(tmp_path / "a.mp4", [ONE] * 10, configure=lambda _, stream: stream.set_display_rotation(degrees))
    played = written_by_ffmpeg(tmp_path / "played.png", "-i", path, "-frames:v", 1)
    shown = pixels(keyframes(path).images[0])
    assert np.abs(shown - np.asarray(PillowImage.open(played).convert("RGB"), int)).mean() < 8
    red = shown[corner]
    assert red[0] > 200 and red[1] < 90


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_variable_frame_rate_keeps_its_presentation_times(tmp_path, name):
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(60):
            frame = av.VideoFrame.from_image(ONE if number < 45 else TWO)
            frame.pts, frame.time_base = 20 * number if number < 30 else 600 + 70 * (number - 30), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert starts(path) == [0.0, 1.65]


def png_video(path, size, header_size, *more):
    """PNG frames of these sizes as a QuickTime file whose header states `header_size`."""
    with av.open(str(path), "w") as container:
        stream = container.add_mux_stream("png", rate=25, width=header_size[0], height=header_size[1])
        for number, frame_size in enumerate((size, *more)):
            file = io.BytesIO()
            PillowImage.new("1", frame_size).save(file, "PNG")
            packet = av.Packet(file.getvalue())
            packet.stream, packet.pts, packet.dts, packet.duration = stream, 40 * number, 40 * number, 40
            packet.time_base, packet.is_keyframe = Fraction(1, 1000), True
            container.mux(packet)
    return path


@pytest.mark.parametrize("header_size", [(12_000, 12_000), SIZE])
def test_a_small_file_of_huge_frames_is_quarantined_whatever_its_header_states(tmp_path, header_size):
    path = png_video(tmp_path / "a.mov", (12_000, 12_000), header_size)
    assert path.stat().st_size < 100_000
    assert error_of(path) == "frames of 12000 x 12000 pixels are too large (a.mov)"


def test_a_huge_frame_after_a_small_one_is_an_error(tmp_path):
    path = png_video(tmp_path / "a.mov", SIZE, SIZE, (12_000, 12_000))
    (doc,) = read(path)
    with pytest.raises(DocumentError, match="frames of 12000 x 12000 pixels are too large"):
        list(ExtractKeyframes().process([doc]))


def test_a_video_in_s3_is_read_like_a_local_one(tmp_path, s3, monkeypatch):
    path = write(tmp_path / "a.mp4", [ONE] * 25 + [TWO] * 25)
    storage.write(f"{s3}/talks/a.mp4", path.read_bytes())
    storage.write(f"{s3}/talks/a.en.vtt", b"WEBVTT\n")
    (tmp_path / "copies").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "copies"))
    local, remote = keyframes(path), keyframes(f"{s3}/talks")
    assert remote.images == local.images and len(local.images) == 2
    assert remote.labels["subtitles"] == f"{s3}/talks/a.en.vtt"
    assert list(Path(tmp_path / "copies").iterdir()) == []


def test_a_member_of_a_tar_in_s3_is_read_like_a_local_video(tmp_path, s3):
    path = write(tmp_path / "a.mp4", [ONE] * 25 + [TWO] * 25)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.add(path, "a.mp4")
    storage.write(f"{s3}/many.tar", file.getvalue())
    assert keyframes(f"{s3}/many.tar").images == keyframes(path).images
