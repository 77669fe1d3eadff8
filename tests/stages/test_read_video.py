import io
import json
import struct
import subprocess
import tarfile

import av
import numpy as np
import pytest

from interloom.schemas.document import Clip, Document
from interloom.schemas.outcome import Dropped, Quarantined
from interloom.stages._video.file import ffmpeg_binary
from interloom.stages.cut_clips import CutClips
from interloom.stages.extract_keyframes import ExtractKeyframes
from interloom.stages.read_video import ReadVideo
from interloom.stages.read_video.sidecars import find_sidecars, sidecar_names
from interloom.stages.score_motion import ScoreMotion


def video(name="a.mp4", frames=50, **tags):
    file = io.BytesIO()
    with av.open(file, "w", format="mp4" if name.endswith("mp4") else "matroska") as container:
        container.metadata.update(tags)
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for number in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((90, 160, 3), number, np.uint8), format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


def put(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def read(*paths, **parameters):
    source = ReadVideo(paths=[str(path) for path in paths], **parameters)
    assert list(source.check()) == []
    return [outcome for split in source.splits() for outcome in source.read(split)]


def test_a_video_is_a_document_with_one_clip_without_bytes(tmp_path):
    put(tmp_path, talk__mp4=video(title="On slides", artist="A. Speaker"))
    (doc,) = read(tmp_path)
    assert doc.elements == (Clip(position=0, start_s=0.0, end_s=2.0, format="mp4", width=160, height=90),)
    assert (doc.source.path, doc.source.content_type) == (str(tmp_path / "talk.mp4"), "video/mp4")
    assert (doc.labels["title"], doc.labels["author"], doc.labels["video_codec"]) == ("On slides", "A. Speaker", "h264")
    assert (doc.scores["duration_s"], doc.scores["fps"], doc.scores["audio_tracks"]) == (2.0, 25.0, 0.0)


def test_the_label_subtitles_names_the_sidecar_file(tmp_path):
    put(tmp_path, talk__mp4=video(), talk__de__vtt="WEBVTT\n", other__srt="")
    (doc,) = read(tmp_path)
    assert doc.labels["subtitles"] == str(tmp_path / "talk.de.vtt")
    assert (doc.labels["subtitle_kind"], doc.labels["subtitle_language"]) == ("manual", "de")


def test_manual_subtitles_go_before_automatic_ones(tmp_path):
    info = json.dumps({"language": "en", "subtitles": {"fr": []}, "automatic_captions": {"en": [], "fr": []}})
    put(tmp_path, talk__mp4=video(), talk__en__vtt="", talk__fr__vtt="", talk__info__json=info)
    (doc,) = read(tmp_path)
    assert (doc.labels["subtitles"], doc.labels["subtitle_kind"]) == (str(tmp_path / "talk.fr.vtt"), "manual")


def test_automatic_subtitles_have_the_kind_automatic(tmp_path):
    info = json.dumps({"automatic_captions": {"en": []}})
    put(tmp_path, talk__mp4=video(), talk__en__vtt="", talk__info__json=info)
    assert read(tmp_path)[0].labels["subtitle_kind"] == "automatic"


def test_the_info_json_adds_labels_and_scores(tmp_path):
    info = {"title": "From the web", "webpage_url": "https://a.org/v", "license": "CC BY", "view_count": 7, "tags": [1]}
    put(tmp_path, talk__mp4=video(title="From the file"), talk__info__json=json.dumps(info))
    (doc,) = read(tmp_path)
    assert (doc.labels["title"], doc.source.url, doc.source.licence) == ("From the web", "https://a.org/v", "CC BY")
    assert doc.scores["view_count"] == 7.0


@pytest.mark.parametrize("info", ["", "[]", "{", '{"title": 3}', "[" * 100_000])
def test_a_broken_info_json_is_ignored(tmp_path, info):
    put(tmp_path, talk__mp4=video(title="From the file"), talk__info__json=info)
    assert read(tmp_path)[0].labels["title"] == "From the file"


def test_videos_in_a_tar_are_read(tmp_path):
    with tarfile.open(tmp_path / "many.tar", "w") as tar:
        for name, data in (("a.mp4", video()), ("a.txt", b"no"), ("b/c.mkv", video("c.mkv", 25))):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    first, dropped, second = read(tmp_path / "many.tar")
    assert isinstance(dropped, Dropped) and dropped.drop.reason == "not_a_video"
    assert [doc.elements[0].end_s for doc in (first, second)] == [2.0, 1.0]
    assert first.source.offset == 512 and first.source.length == len(video())


def test_a_truncated_tar_yields_its_whole_members_and_an_error(tmp_path):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name in ("a.mp4", "b.mp4"):
            member = tarfile.TarInfo(name)
            member.size = len(video())
            tar.addfile(member, io.BytesIO(video()))
    (tmp_path / "many.tar").write_bytes(file.getvalue()[: 512 + len(video()) + 900])
    outcomes = read(tmp_path / "many.tar")
    assert isinstance(outcomes[0], Document) and all(isinstance(outcome, Quarantined) for outcome in outcomes[1:])


def test_ids_do_not_depend_on_the_path_of_the_folder(tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        put(tmp_path / name, talk__mp4=video())
    (here,), (there,) = read(tmp_path / "here"), read(tmp_path / "there")
    assert here.id == there.id


def error_of(folder, data, **parameters):
    put(folder, bad__mp4=data)
    (outcome,) = read(folder, **parameters)
    assert isinstance(outcome, Quarantined)
    return outcome.error


def sound(format_="mp4", codec="aac"):
    file = io.BytesIO()
    with av.open(file, "w", format=format_) as container:
        stream = container.add_stream(codec, rate=16000)
        for start in range(0, 16_000, 1000):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1000), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def test_sound_alone_is_a_document_of_audio_which_steps_for_pictures_pass(tmp_path):
    put(tmp_path, talk__m4a=sound(), talk__srt="")
    (doc,) = read(tmp_path)
    assert (doc.source.content_type, doc.labels["audio_codec"], doc.labels["subtitles"]) == (
        "audio/mp4", "aac", str(tmp_path / "talk.srt"),
    )  # fmt: skip
    (clip,) = doc.elements
    assert (clip.format, clip.width, clip.height, clip.end_s) == ("mp4", None, None, pytest.approx(1.0, abs=0.1))
    assert (
        list(ExtractKeyframes().process([doc])) == list(ScoreMotion().process([doc])) == list(CutClips().process([doc])) == [doc]
    )


@pytest.mark.parametrize(("name", "codec"), [("wav", "pcm_s16le"), ("flac", "flac"), ("ogg", "libopus"), ("mp3", "libmp3lame")])
def test_audio_files_are_read(tmp_path, name, codec):
    (tmp_path / f"talk.{name}").write_bytes(sound(name, codec))
    (doc,) = read(tmp_path)
    assert doc.source.content_type == f"audio/{name}"


def test_audio_alone_is_left_out_if_only_videos_are_wanted(tmp_path):
    assert error_of(tmp_path, sound(), audio=False) == "no video stream (bad.mp4)"
    put(tmp_path, talk__m4a=sound())
    assert len(read(tmp_path, audio=False)) == 1


def test_a_cut_file_is_error_of(tmp_path):
    assert "cannot be read as video" in error_of(tmp_path, video()[:2000])


def test_a_playlist_is_error_of(tmp_path):
    assert "cannot be read as video" in error_of(tmp_path, b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n")


def test_a_lie_about_the_length_is_error_of(tmp_path):
    data = video("bad.mkv")
    at = data.index(b"\x44\x89\x88") + 3
    error = error_of(tmp_path, data[:at] + struct.pack(">d", 3_600_000.0) + data[at + 8 :])
    assert error == "the header states 3600.0 s but the file ends at 2.0 s (bad.mp4)"


def test_large_pictures_are_error_of(tmp_path):
    assert error_of(tmp_path, video(), max_pixels=1000) == "frames of 160 x 90 pixels are too large (bad.mp4)"


def test_what_is_too_long_is_error_of(tmp_path):
    assert error_of(tmp_path, video(), max_duration_s=1.0) == "2 s long, more than 1 (bad.mp4)"


def test_a_path_without_a_file_is_a_problem(tmp_path):
    assert "no such file" in next(iter(ReadVideo(paths=str(tmp_path / "none.mp4")).check()))


def test_changed_sidecars_make_a_video_another_input(tmp_path):
    put(tmp_path, talk__mp4=video(), talk__en__vtt="WEBVTT\n", talk__info__json="{}", other__mp4=video(), other__txt="")
    source = ReadVideo(paths=str(tmp_path))
    before = {split.name: split.identity for split in source.splits()}
    for name in ("talk.en.vtt", "talk.info.json", "talk.de.srt"):
        (tmp_path / name).write_text("WEBVTT\n\nchanged")
        after = {split.name: split.identity for split in source.splits()}
        assert after["talk.mp4"] != before["talk.mp4"] and after["other.mp4"] == before["other.mp4"]
        before = after


def test_the_old_parameter_name_is_known():
    assert ReadVideo.renamed == {"max_lie": "duration_tolerance"}


def test_a_larger_tolerance_accepts_a_wrong_duration(tmp_path):
    data = video("bad.mkv")
    at = data.index(b"\x44\x89\x88") + 3
    put(tmp_path, bad__mp4=data[:at] + struct.pack(">d", 4000.0) + data[at + 8 :])
    (strict,), (tolerant,) = read(tmp_path), read(tmp_path, duration_tolerance=0.5)
    assert isinstance(strict, Quarantined) and isinstance(tolerant, Document)


def test_sidecars_have_the_name_of_the_video():
    names = ["a.mp4", "a.en.vtt", "a.info.json", "b.srt"]
    assert sidecar_names("talks/a.mp4", names) == ["a.en.vtt", "a.info.json"]
    assert find_sidecars("talks/a.mp4", frozenset({"a.mp4", "b.srt"})).subtitles == ""


def test_members_of_a_tar_with_the_same_name_are_two_videos(tmp_path):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for _ in range(2):
            member = tarfile.TarInfo("talk.mp4")
            member.size = len(video())
            tar.addfile(member, io.BytesIO(video()))
    (tmp_path / "twice.tar").write_bytes(file.getvalue())
    first, second = read(tmp_path / "twice.tar")
    assert isinstance(first, Document) and isinstance(second, Document)
    assert first.id != second.id


def sidecars(path, *names):
    return find_sidecars(path, frozenset({path, *names}))


@pytest.mark.parametrize(
    ("names", "owners"),
    [
        (["talk.mp4", "talk.2.mp4", "talk.2.srt"], {"talk.2.mp4": "talk.2.srt"}),
        (["talk.mp4", "talk.2.mp4", "talk.2.en.srt", "talk.srt"], {"talk.2.mp4": "talk.2.en.srt", "talk.mp4": "talk.srt"}),
        (["talk.mp4", "talk.en.mp4", "talk.en.srt"], {"talk.en.mp4": "talk.en.srt"}),
        (["talk.mp4", "talk.2.mp3", "talk.2.srt"], {}),
        (["talk.mp4", "talk.mkv", "talk.mkv.srt"], {"talk.mkv": "talk.mkv.srt"}),
        (["Talk.MP4", "talk.SRT"], {"Talk.MP4": "talk.SRT"}),
        (["cafe\u0301.mp4", "caf\u00e9.srt"], {"cafe\u0301.mp4": "caf\u00e9.srt"}),
    ],
)
def test_subtitles_belong_to_the_longest_stem(names, owners):
    videos = [name for name in names if name.lower().endswith((".mp4", ".mkv"))]
    assert {name: sidecars(name, *names).subtitles for name in videos} == {name: owners.get(name, "") for name in videos}


@pytest.mark.parametrize(
    ("suffix", "kind", "language"),
    [
        (".en", "manual", "en"), (".pt-BR", "manual", "pt-BR"), (".zh-Hans", "manual", "zh-Hans"), (".eng", "manual", "eng"),
        (".English", "manual", "en"), (".en.sdh", "manual", "en"), (".en.hi", "manual", "en"), (".hi", "manual", "hi"),
        (".en.forced", "manual", "en"), (".mp4", "manual", ""), ("_en", "manual", "en"), (" - English", "manual", "en"),
        ("_track3_[eng]", "manual", "eng"), (".en-nP7-2PuUl7o", "manual", "en"), (".und", "manual", ""),
        (".en-orig", "automatic", "en"), (".auto.en", "automatic", "en"), (".whisper", "automatic", ""),
        (".chs", "manual", "zh-Hans"), (".zht", "manual", "zh-Hant"), (".jp", "manual", "ja"),
        (".2", "", ""), (".part two", "", ""), ("_2", "", ""), (".en.commentary", "", ""),
    ],
)  # fmt: skip
def test_a_suffix_names_a_language_or_what_a_tool_writes(suffix, kind, language):
    read = sidecars("talk.mp4", f"talk{suffix}.srt")
    assert (read.subtitle_kind, read.subtitle_language) == (kind, language)


@pytest.mark.parametrize("ending", ["sbv", "ttml", "dfxp", "itt", "smi", "sami", "lrc", "sub", "SMI"])
def test_subtitles_of_all_formats_are_sidecars(ending):
    read = sidecars("talk.mp4", f"talk.de.{ending}")
    assert (read.subtitles, read.subtitle_language) == (f"talk.de.{ending}", "de")


def test_of_two_formats_the_one_that_knows_more_of_times_is_taken():
    assert sidecars("talk.mp4", "talk.en.lrc", "talk.en.sub", "talk.en.vtt").subtitles == "talk.en.vtt"


def test_a_sub_beside_an_index_holds_pictures_and_is_no_sidecar():
    assert sidecars("talk.mp4", "talk.sub", "talk.IDX").subtitles == ""
    assert sidecars("talk.mp4", "talk.sub", "other.idx").subtitles == "talk.sub"


def test_plain_subtitles_go_before_forced_ones():
    assert sidecars("talk.mp4", "talk.en.forced.srt", "talk.en.sdh.srt").subtitles == "talk.en.sdh.srt"


def test_the_other_files_of_subtitles_are_labels_too(tmp_path):
    put(tmp_path, talk__mp4=video(), talk__srt="", talk__de__srt="", talk__auto__vtt="")
    (doc,) = read(tmp_path)
    assert doc.labels["subtitles"] == str(tmp_path / "talk.srt")
    others = [f"manual de {tmp_path / 'talk.de.srt'}", f"automatic - {tmp_path / 'talk.auto.vtt'}"]
    assert doc.labels["other_subtitles"].splitlines() == others


@pytest.mark.parametrize(
    ("language", "names", "wanted"),
    [
        ("en", ["talk.deu.srt", "talk.eng.srt"], "talk.eng.srt"),
        ("sk", ["talk.slv.srt", "talk.slk.srt"], "talk.slk.srt"),
        ("cs", ["talk.CE.srt", "talk.ces.srt"], "talk.ces.srt"),
        ("en-GB", ["talk.DE.srt", "talk.EN.srt"], "talk.EN.srt"),
        ("nb", ["talk.de.srt", "talk.no.srt"], "talk.no.srt"),
    ],
)
def test_codes_of_one_language_are_equal(tmp_path, language, names, wanted):
    (tmp_path / "talk.info.json").write_text(json.dumps({"language": language}))
    found = find_sidecars(str(tmp_path / "talk.mp4"), frozenset({"talk.mp4", "talk.info.json", *names}))
    assert found.subtitles == str(tmp_path / wanted)


def test_letters_that_get_longer_in_small_ones_move_no_suffix():
    assert sidecars("İİİ.mp4", "İİİ.en.srt").subtitle_language == "en"


@pytest.mark.parametrize("number", ["1" + "0" * 400, "NaN", "1e999"])
def test_numbers_that_are_no_scores_are_left_out(tmp_path, number):
    put(tmp_path, talk__mp4=video(), talk__info__json=f'{{"view_count": {number}, "title": "On slides"}}')
    (doc,) = read(tmp_path)
    assert doc.labels["title"] == "On slides" and "view_count" not in doc.scores


def test_sound_whose_length_no_header_states_is_as_long_as_it_is(tmp_path):
    """FFmpeg guesses the length by the first frames, which are louder than the others."""
    noise = ["-f", "lavfi", "-i", "aevalsrc=if(lt(t\\,3)\\,random(0)\\,0):s=44100:d=12"]
    for name, options in {"a.mp3": ["-q:a", "5", "-write_xing", "0"], "b.aac": ["-b:a", "64k"]}.items():
        subprocess.run([ffmpeg_binary(), "-v", "error", *noise, *options, str(tmp_path / name)], check=True)
    assert [doc.scores["duration_s"] for doc in read(tmp_path)] == pytest.approx([12.0, 12.0], abs=0.2)


def test_an_empty_file_is_error_of(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"")
    (quarantined,) = read(tmp_path)
    assert quarantined.error == "an empty file (a.mp4)"


def late(path, *options):
    source = ["-itsoffset", "5", "-f", "lavfi", "-i", "color=gray:s=64x48:r=5:d=4", "-c:v", "libx264", "-preset", "ultrafast"]
    subprocess.run([ffmpeg_binary(), "-v", "error", *source, *options, str(path)], check=True)
    return path


@pytest.mark.parametrize("name", ["late.mkv", "late.mp4", "late.flv", "late.ts"])
def test_a_video_that_starts_late_is_as_long_as_its_picture(tmp_path, name):
    late(tmp_path / name)
    (doc,) = read(tmp_path / name)
    assert isinstance(doc, Document)
    assert doc.elements[0].end_s == pytest.approx(4.0, abs=0.3)
