import io
import subprocess
import tarfile
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from interloom.pipeline import child_process
from interloom.pipeline.errors import DocumentError, KilledError
from interloom.schemas.document import Source
from interloom.stages._video import file
from interloom.stages._video.duration import declared_s
from interloom.stages._video.file import ffmpeg, ffmpeg_binary, open_video, probe


def write(path, *, frames=50, size=(320, 180), fps=25, audio=False, configure=None):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"g": "10", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if configure:
            configure(container, stream)
        voice = container.add_stream("aac", rate=16000) if audio else None
        for number in range(frames):
            image = np.full((size[1], size[0], 3), 40 + number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
        if voice:
            tone = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
            tone.sample_rate, tone.pts = 16000, 0
            container.mux(voice.encode(tone))
            container.mux(voice.encode())
    return path


def test_the_streams_of_a_file_are_probed(tmp_path):
    facts = probe(str(write(tmp_path / "a.mp4", audio=True)))
    assert (facts.format, facts.codec, facts.width, facts.height, facts.fps) == ("mp4", "h264", 320, 180, 25.0)
    assert facts.duration_s == pytest.approx(2.0, abs=0.1)
    assert [(track.codec, track.rate) for track in facts.audio] == [("aac", 16000)]


def test_a_rotated_video_has_the_width_that_players_show(tmp_path):
    facts = probe(str(write(tmp_path / "a.mp4", configure=lambda _, stream: stream.set_display_rotation(90))))
    assert (facts.width, facts.height, facts.rotation % 180) == (180, 320, 90)


def test_wide_pixels_make_a_video_wider(tmp_path):
    def wide(_, stream):
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)

    assert probe(str(write(tmp_path / "a.mp4", configure=wide))).width == 640


def test_chapters_and_tags_are_read(tmp_path):
    def name(container, _):
        container.metadata["title"] = "A talk"
        chapter = {"id": 0, "start": 0, "end": 1000, "time_base": Fraction(1, 1000), "metadata": {"title": "Opening"}}
        container.set_chapters([chapter])

    facts = probe(str(write(tmp_path / "a.mkv", configure=name)))
    assert facts.tags["title"] == "A talk"
    assert facts.chapters == ((0.0, 1.0, "Opening"),)


def test_the_duration_is_measured_if_the_header_states_none(tmp_path):
    written = io.BytesIO()
    written.seekable = lambda: False
    with av.open(written, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(50):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    (tmp_path / "live.mkv").write_bytes(written.getvalue())
    assert probe(str(tmp_path / "live.mkv")).duration_s == pytest.approx(2.0, abs=0.1)


def test_a_tar_member_is_probed_in_place_and_opened_as_a_copy(tmp_path):
    path = write(tmp_path / "a.mp4")
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        tar.add(path, "a.mp4")
        member = tar.getmember("a.mp4")
    with tarfile.open(tmp_path / "b.tar") as tar:
        member = tar.getmember("a.mp4")
    archive = str(tmp_path / "b.tar")
    assert probe(archive, member.offset_data, member.size) == probe(str(path))
    with open_video(Source(path=archive, offset=member.offset_data, length=member.size)) as copy:
        assert Path(copy).read_bytes() == path.read_bytes()


def test_a_local_file_is_opened_in_place(tmp_path):
    with open_video(Source(path=str(tmp_path / "a.mp4"))) as path:
        assert path == str(tmp_path / "a.mp4")


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_a_truncated_file_is_refused(tmp_path, share):
    from_the_start = {"c": "copy", "movflags": "+faststart", "f": "mp4", "y": None}
    ffmpeg(str(write(tmp_path / "a.mp4")), str(tmp_path / "b.mp4"), from_the_start)
    data = (tmp_path / "b.mp4").read_bytes()
    (tmp_path / "b.mp4").write_bytes(data[: int(len(data) * (0.5 + share / 2))])
    with pytest.raises(DocumentError, match=r"truncated|cannot be read"):
        probe(str(tmp_path / "b.mp4"))


def test_a_file_without_its_index_is_refused(tmp_path):
    data = write(tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(data[: data.index(b"moov") - 4])
    with pytest.raises(DocumentError, match="cannot be read as video"):
        probe(str(tmp_path / "a.mp4"))


@pytest.mark.parametrize(
    "content",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '/etc/passwd'\n",
        "#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/secret\n",
        "<?xml version='1.0'?><MPD><Period><BaseURL>http://127.0.0.1:9/</BaseURL></Period></MPD>",
        "",
        "plain text",
    ],
)
def test_playlists_and_other_text_are_refused(tmp_path, content):
    (tmp_path / "a.mp4").write_text(content)
    with pytest.raises(DocumentError):
        probe(str(tmp_path / "a.mp4"))
    with pytest.raises(DocumentError):
        ffmpeg(str(tmp_path / "a.mp4"), "-", {"f": "null"})


def test_a_name_that_looks_like_a_protocol_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "concat:b.mp4").rename(tmp_path / "concat:b|c.mp4")
    assert probe("concat:b|c.mp4").codec == "h264"


def test_ffmpeg_that_takes_too_long_is_stopped(tmp_path):
    with pytest.raises(DocumentError, match=r"^ffmpeg took more than 1 s of CPU time$"):
        ffmpeg(str(write(tmp_path / "a.mp4")), "-", {"vf": "loop=-1:50", "f": "null"}, cpu_s=1)


def test_ffmpeg_that_is_told_to_stop_is_for_another_worker(tmp_path, monkeypatch):
    endless = {"vf": "loop=-1:50", "f": "null"}
    (tmp_path / "ffmpeg").write_text(f'#!/bin/sh\n(sleep 0.5; kill -TERM $$) &\nexec {ffmpeg_binary()} "$@"\n')
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setattr(file, "ffmpeg_binary", lambda: str(tmp_path / "ffmpeg"))
    monkeypatch.setattr(child_process, "_FIRST_PAUSE_S", 0.0)
    with pytest.raises(KilledError, match=r"^ffmpeg was ended 3 times by a signal that it caught$"):
        ffmpeg(str(write(tmp_path / "a.mp4")), "-", endless)


def test_a_forced_track_of_subtitles_is_marked(tmp_path):
    lines = tmp_path / "a.srt"
    lines.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello.\n")
    inputs = ["-i", str(write(tmp_path / "a.mkv")), "-i", str(lines), "-i", str(lines), "-i", str(lines)]
    maps = [part for number in range(4) for part in ("-map", str(number))]
    marks = ["-disposition:s:0", "default+forced", "-metadata:s:s:1", "title=Signs & Songs", "-metadata:s:s:2", "title=English"]
    subprocess.run([ffmpeg_binary(), "-v", "error", *inputs, *maps, "-c", "copy", *marks, str(tmp_path / "b.mkv")], check=True)
    assert [track.is_partial for track in probe(str(tmp_path / "b.mkv")).subtitles] == [True, True, False]


@pytest.mark.parametrize(("last_s", "wanted"), [(18.0, 24.0), (23.96, 18.0)])
def test_a_header_may_count_the_last_frame_as_no_time(last_s, wanted):
    """Four slides of one frame each: some encoders write 18 s in the header, and 6 s for each frame."""
    header = SimpleNamespace(duration=18_000_000, start_time=0)
    assert declared_s(header, last_s, 24.0) == wanted
