"""Children are killed in every step that works on videos: two kills change nothing, and a video that is killed on two workers is
the only one that is quarantined."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent / "plugins"))
from programs import make_programs

from interloom.jobs.demo.run import finished_documents
from interloom.pipeline.execution.killed import VERDICT
from interloom.pipeline.store import run_reader
from interloom.schemas.document import Document
from interloom.stages._video.file import ffmpeg_binary

pytestmark = pytest.mark.slow

SRT = "1\n00:00:00,200 --> 00:00:02,000\nHello there.\n\n2\n00:00:02,000 --> 00:00:03,500\nWe begin with two lines.\n"
STEPS: list[dict[str, Any]] = [
    {"use": "stages.transcribe_speech", "with": {"subtitles": ["embedded"]}},
    {"use": "stages.extract_keyframes"},
    {"use": "stages.score_motion", "with": {"every_s": 1.0}},
    {"use": "stages.extract_screen_text", "with": {"engine": "tesseract"}},
    {"use": "stages.cut_clips", "with": {"height": 32}},
    {"use": "stages.write_parquet"},
]
BAD_WIDTH, GOOD_WIDTH = 96, 64
STEP_OF = {
    "bad.probe.0": "read_video",
    "bad.probe.1": "transcribe_speech",
    "bad.ffmpeg.0": "transcribe_speech",
    "bad.extract_keyframes.0": "extract_keyframes",
    "bad.score_motion.0": "score_motion",
    "bad.tesseract.0": "extract_screen_text",
    "bad.cut_clips.0": "cut_clips",
    "bad.clip.0": "cut_clips",
}
"""Videos, and the step in which the child is killed that their name says: see `plugins/sitecustomize.py`."""


def write_video(path: Path) -> None:
    """Two still pictures of two seconds each, with subtitles."""
    width = BAD_WIDTH if path.name.startswith("bad.tesseract") else GOOD_WIDTH
    subtitles = path.with_suffix(".txt")
    subtitles.write_text(SRT)
    inputs = [word for colour in ("white", "navy") for word in ("-f", "lavfi", "-i", f"color={colour}:s={width}x48:r=5:d=2")]
    inputs += ["-f", "srt", "-i", str(subtitles)]
    joined = ["-filter_complex", "[0][1]concat=n=2", "-map", "2:s", "-c:s", "srt", "-c:v", "libx264", str(path)]
    subprocess.run([ffmpeg_binary(), "-v", "error", *inputs, *joined], check=True)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe for the bad videos, with good ones before, between and behind them."""
    folder = tmp_path_factory.mktemp("videos")
    for name in (*STEP_OF, "a.good", "bad.good", "c.good"):
        write_video(folder / f"{name}.mkv")
    steps = [{"use": "stages.read_video", "with": {"paths": f"{folder}/*.mkv"}}, *STEPS]
    head = {"name": "killed", "run": str(folder / "run"), "max_error_rate": 0.9}
    (folder / "recipe.yaml").write_text(yaml.safe_dump({**head, "steps": steps}, sort_keys=False))
    return folder / "recipe.yaml"


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def run(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs the recipe in another process. Each child that a video's name says is killed so many times; `marks` holds a mark for
    each attempt."""
    path = make_programs(tmp_path_factory.mktemp("programs") / "bin", ffmpeg_binary(), BAD_WIDTH)

    def run_command(folder: Path, kills: int = 0, runner: str = "local") -> subprocess.CompletedProcess[str]:
        marks = folder.with_name("marks")
        marks.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "interloom.jobs", "run", str(recipe), "--set", f"run={folder}", "--runner", runner]
        settings = {**os.environ, "PATH": path, "INTERLOOM_TEST_KILLS": f"{kills} {marks}"}
        return subprocess.run(command, env=settings, capture_output=True, text=True, check=False, timeout=500)

    return run_command


@pytest.fixture(scope="module")
def reference(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which nothing is killed."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    finished = run(folder)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder


def finished_videos(run: Path) -> dict[str, Document]:
    return {Path(doc.source.path).stem: doc for doc in finished_documents(str(run / "write_parquet"))}


def shard(run: Path) -> bytes:
    return (run / "write_parquet" / "data" / "shard-000000.parquet").read_bytes()


def assert_only_the_bad_are_quarantined(run: Path, reference: Path) -> None:
    """Each in its step, or an image of it; the good ones are as in the reference."""
    names = {doc.id: name for name, doc in finished_videos(reference).items()}
    rows = [row for row in run_reader.decisions(str(run)) if row.get("error")]
    assert {names[row["id"]]: row["step"] for row in rows} == STEP_OF
    assert {row["error"] for row in rows} == {VERDICT}
    assert len(rows) == len(STEP_OF)
    good, whole = finished_videos(run), finished_videos(reference)
    for name in ("a.good", "bad.good", "c.good"):
        assert good[name] == whole[name]


def test_all_steps_do_their_work(reference: Path) -> None:
    videos = finished_videos(reference)
    assert sorted(videos) == sorted([*STEP_OF, "a.good", "bad.good", "c.good"])
    assert {len(doc.images) for doc in videos.values()} == {1}
    assert {tuple(sorted(text.origin for text in doc.texts)) for doc in videos.values()} == {("asr", "asr", "ocr")}
    assert list(run_reader.decisions(str(reference))) == []


@pytest.mark.timeout(560)
def test_two_kills_in_every_step_change_nothing(run: Run, reference: Path, tmp_path: Path) -> None:
    finished = run(tmp_path / "run", 2)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    marks = {path.name for path in (tmp_path / "marks").iterdir()}
    assert {f"{name}-{int(name[-1]) + 2}" for name in STEP_OF} <= marks  # each was killed twice and tried again
    assert shard(tmp_path / "run") == shard(reference)


@pytest.mark.timeout(560)
def test_videos_whose_children_are_killed_in_two_local_runs_are_quarantined_alone(
    run: Run, reference: Path, tmp_path: Path
) -> None:
    told = ""
    for _ in range(2 * len(set(STEP_OF.values()))):
        finished = run(tmp_path / "run", 99)
        told += " ".join((finished.stdout + finished.stderr).split())
        if finished.returncode == 0:
            break
    for child in ("reading the header", "ffmpeg", "tesseract", "the decoder"):
        assert f"{child} was ended 3 times by SIGKILL while it worked on document" in told
    assert_only_the_bad_are_quarantined(tmp_path / "run", reference)


@pytest.mark.ray
@pytest.mark.timeout(560)
def test_videos_whose_children_are_killed_are_quarantined_alone_in_one_run_on_ray(
    run: Run, reference: Path, tmp_path: Path
) -> None:
    finished = run(tmp_path / "run", 99, "ray")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert_only_the_bad_are_quarantined(tmp_path / "run", reference)
