"""Makes a small input of web pages and videos, and the recipe that brings them together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

INPUT = "INTERLOOM_FAULTS_INPUT"
"""The environment variable that names the folder of the input, local or `s3://`."""
SINKS = ("write_webdataset", "write_parquet")
_STEPS: tuple[Any, ...] = (
    {"use": "stages.read_warc", "with": {"paths": "${INTERLOOM_FAULTS_INPUT}/crawl/*.warc.gz"}},
    "stages.extract_html",
    {"use": "filters.word_count", "with": {"at_least": 30}},
    "stages.dedup_minhash",
    "stages.fetch_images",
    {"use": "stages.decode_images", "id": "pages"},
    {"use": "stages.read_video", "with": {"paths": "${INTERLOOM_FAULTS_INPUT}/videos/*.mp4"}},
    "stages.transcribe_speech",
    "stages.extract_keyframes",
    {"use": "stages.interleave_video", "with": {"max_images": 2}},
    {"use": "stages.cut_clips", "id": "videos", "with": {"height": 90}},
    {"use": "stages.dedup_image", "from": ["pages", "videos"]},
    {"use": "stages.write_webdataset", "with": {"shard_size_bytes": 200_000}},
    {"use": "stages.write_parquet", "with": {"shard_size_bytes": 200_000}},
)
_SIZE, _FPS, _SECONDS = (160, 120), 5, 6
"""Of a video; each of its three pictures is shown for so many seconds."""


def make(folder: Path, pages: int = 60, videos: int = 3) -> Path:
    """Writes the input to `folder/in`. Returns the path of the recipe."""
    from interloom.jobs.demo.crawl import make_crawl

    make_crawl(folder / "in" / "crawl", pages=pages)
    (folder / "in" / "videos").mkdir()
    for number in range(videos):
        _write_video(folder / "in" / "videos", number)
    recipe = folder / "mixed.yaml"
    head = {"name": "mixed", "run": str(folder / "run"), "seed": 3, "max_error_rate": 0.5}
    lines = [{"use": step} if isinstance(step, str) else step for step in _STEPS]
    recipe.write_text(yaml.safe_dump({**head, "steps": lines}, sort_keys=False))
    return recipe


def _write_video(folder: Path, number: int) -> None:
    """A video of three pictures of coloured tiles, with subtitles."""
    import av

    draw = np.random.default_rng(number)
    with av.open(str(folder / f"{number}.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=_FPS, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *_SIZE, "yuv420p"
        for _ in range(3):
            picture = draw.integers(0, 255, (6, 8, 3), np.uint8).repeat(20, 0).repeat(20, 1)
            for _ in range(_FPS * _SECONDS):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    spoken = (f"This sentence belongs to picture {n} of video {number}." for n in range(3))
    cues = (f"{n + 1}\n{_stamp(_SECONDS * n + 1)} --> {_stamp(_SECONDS * n + 5)}\n{text}\n" for n, text in enumerate(spoken))
    (folder / f"{number}.srt").write_text("\n".join(cues))


def _stamp(seconds: int) -> str:
    return f"00:00:{seconds:02d},000"
