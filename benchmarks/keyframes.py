"""Keyframes, ours against PySceneDetect and a bare decode: `python -m benchmarks keyframes [--seconds 120] [--video FILE ...]`.

In one run and on one core each: our step (search, pictures and JPEG files), PySceneDetect's `detect-content` (search only) and
`ffmpeg -f null` (decoding only). Videos are made here in 1080p at 30 frames a second, H.264 as x264 writes it by default: a
slide talk with builds, and a film of moving scenes and hard cuts; others can be named. Speed is seconds of video per
second of processor time, so that what else the machine does counts less; the best of `--repeat` runs by turns counts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from interloom.stages._video.file import ffmpeg_binary, probe

SIZE, FPS, HOLD_S = (1920, 1080), 30, 15
OURS = """
import sys
from interloom.schemas.document import Clip, Document, Source
from interloom.stages.extract_keyframes import ExtractKeyframes
doc = Document(id="0", source=Source(path=sys.argv[1]), elements=(Clip(position=0),))
(done,) = ExtractKeyframes().process([doc])
print(*(image.start_s for image in done.images))
"""
SCENEDETECT = """
import sys
import cv2
cv2.setNumThreads(1)
from scenedetect import ContentDetector, detect
print(0.0, *(scene[0].seconds for scene in detect(sys.argv[1], ContentDetector())[1:]))
"""


def slides(seconds: int) -> tuple[list[tuple[Image.Image, int]], list[float]]:
    """Pictures with their number of frames, and when each begins: a slide every 30 s, its third line 15 s after the others.

    That is more change than in real lectures: LPM's median slide (arXiv 2208.08080) is shown for 55 s.
    """
    shown, starts = [], []
    for start in range(0, seconds, HOLD_S):
        page = Image.new("RGB", SIZE, "white")
        draw = ImageDraw.Draw(page)
        draw.rectangle((0, 0, SIZE[0], 120), fill=(30, 50, 90))
        draw.text(
            (60, 30), f"Chapter {start // (2 * HOLD_S) + 1}: what slides look like", fill="white", font=ImageFont.load_default(60)
        )
        for line in range(2 + start // HOLD_S % 2):
            words = f"Point {line + 1} of page {start // (2 * HOLD_S) + 1}, with some words of {7 * start + line} to read"
            draw.text((120, 220 + 130 * line), words, fill="black", font=ImageFont.load_default(44))
        rng = np.random.default_rng(start // (2 * HOLD_S))
        figure = Image.fromarray(rng.integers(0, 255, (12, 20, 3), np.uint8)).resize((600, 360), Image.Resampling.BICUBIC)
        page.paste(figure, (120 + 97 * (start // (2 * HOLD_S)) % 1000, 640))
        shown.append((page, FPS * min(HOLD_S, seconds - start)))
        starts.append(float(start))
    return shown, starts


def write_slides(path: Path, seconds: int) -> list[float]:
    shown, starts = slides(seconds)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for page, frames in shown:
            frame = av.VideoFrame.from_image(page).reformat(format="yuv420p")
            for _ in range(frames):
                frame.pts = None
                container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return starts


def write_film(path: Path, seconds: int) -> list[float]:
    """A wide noisy landscape that the camera pans and zooms over, another every few seconds."""
    starts, at = [], 0.0
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        rng = np.random.default_rng(5)
        while at < seconds:
            starts.append(at)
            frames = int(rng.integers(60, 200))
            for image in _scene(rng, min(frames, round((seconds - at) * FPS))):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            at = starts[-1] + frames / FPS
        container.mux(stream.encode())
    return starts


def _scene(rng: np.random.Generator, frames: int) -> list[np.ndarray]:
    large = sum(
        np.asarray(
            Image.fromarray(rng.integers(0, 255, (n, 2 * n, 3), np.uint8)).resize((2560, 1280), Image.Resampling.BICUBIC),
            np.float32,
        )
        / weight
        for n, weight in ((4, 2), (32, 4), (200, 6))
    )
    large = np.clip(large, 0, 255).astype(np.uint8)
    speed_x, speed_y = rng.uniform(-3, 3), rng.uniform(-1, 1)
    places = [
        (round(320 + speed_x * (n - frames / 2)) % 640, round(100 + speed_y * (n - frames / 2)) % 200) for n in range(frames)
    ]
    return [np.ascontiguousarray(large[y : y + SIZE[1], x : x + SIZE[0]]) for x, y in places]


def cost(command: Sequence[str]) -> tuple[float, list[float]]:
    """Processor seconds of a command, and the numbers it printed."""
    environment = {**os.environ, "OPENCV_FFMPEG_CAPTURE_OPTIONS": "threads;1", "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()}
    before = os.times()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    after = os.times()
    spent = after.children_user - before.children_user + after.children_system - before.children_system
    return spent, [float(word) for word in done.stdout.split()]


def matched(found: Sequence[float], true: Sequence[float], tolerance_s: float) -> dict[float, float]:
    """The nearest time found for each true one that has one so near; none is taken twice."""
    left, pairs = list(found), dict[float, float]()
    for t in true:
        nearest = min(left, key=lambda other: abs(other - t), default=None)
        if nearest is not None and abs(nearest - t) <= tolerance_s:
            pairs[t] = nearest
            left.remove(nearest)
    return pairs


def f1(found: Sequence[float], true: Sequence[float], tolerance_s: float) -> float:
    """Of the times of changes; the start of the video does not count."""
    claimed, wanted = [t for t in found if t > 0], [t for t in true if t > 0]
    hits = len(matched(claimed, wanted, tolerance_s))
    return 2 * hits / (len(wanted) + len(claimed)) if wanted else float(not claimed)


def compare(path: Path, true: Sequence[float] | None, repeat: int) -> None:
    seconds = probe(str(path)).duration_s
    ways = {
        "ours": [sys.executable, "-c", OURS, str(path)],
        "PySceneDetect detect-content": [sys.executable, "-c", SCENEDETECT, str(path)],
        "ffmpeg -f null": [
            ffmpeg_binary(),
            "-v",
            "error",
            "-nostdin",
            "-threads",
            "1",
            "-i",
            str(path),
            "-an",
            "-f",
            "null",
            "-",
        ],
    }
    runs = {name: [cost(command) for _ in range(repeat)] for name, command in ways.items()}
    best = {name: min(run[0] for run in some) for name, some in runs.items()}
    print(f"{path.name}: {seconds:.0f} s of video")
    for name, spent in best.items():
        found = runs[name][0][1]
        quality = (
            f", F1 {f1(found, true, 1.0):.3f} within 1 s, {f1(found, true, 1.01 / FPS):.3f} within 1 frame"
            if true and found
            else ""
        )
        print(f"  {name:30} {seconds / spent:8.1f} s/s, {spent / best['ours']:5.1f} x the cost of ours{quality}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=120, help="length of each video that is made")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--video", type=Path, action="append", default=[])
    options = parser.parse_args()
    if find_spec("scenedetect") is None:
        raise FileNotFoundError("PySceneDetect is not installed; pip install scenedetect")
    for path in options.video:
        compare(path, None, options.repeat)
    if options.video:
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, write in (("slides", write_slides), ("film", write_film)):
            path = Path(folder) / f"{name}.mp4"
            compare(path, write(path, options.seconds), options.repeat)


if __name__ == "__main__":
    main()
