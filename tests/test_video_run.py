"""Web pages and videos in one recipe, from files to shards: balanced books, what belongs together stays together, and the same
bytes after a kill at any moment. `execute` raises where books do not balance."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import yaml
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from interloom.jobs import _plan
from interloom.jobs.demo.crawl import make_crawl
from interloom.jobs.demo.run import finished_documents
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.store import run_reader
from interloom.schemas.document import Clip, Document

pytest.importorskip("rapidocr")
pytestmark = pytest.mark.slow
SIZE, FPS = (480, 270), 10
TALKS = {
    "volcanoes": ["Magma rises", "Lava flows", "Ash falls"],
    "oceans": ["Currents turn", "Tides come", "Salt remains"],
    "winds": ["Monsoons rain", "Trade winds blow"],
}
SAID = "Here we look at how {} and what it means for the land around it."
LATER = "Nobody can see it, but it was measured many times in the last years."


def slide(title: str, subject: str) -> Picture.Image:
    picture = Picture.new("RGB", SIZE, "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(34)
    draw.text((30, 30), title, fill="navy", font=font)
    for line in range(3):
        draw.text((40, 100 + 50 * line), f"{subject} {line + 1}", fill="black", font=ImageFont.load_default(24))
    return picture


def speaker(number: int) -> Picture.Image:
    """A frame of somebody who moves in front of a wall."""
    wall = np.random.default_rng(4).integers(60, 200, (9, 16, 3), np.uint8)
    picture = (
        Picture.fromarray(wall)
        .resize((720, 405), Picture.Resampling.BICUBIC)
        .crop((7 * (number % 30), 0, 7 * (number % 30) + 480, 270))
    )
    ImageDraw.Draw(picture).ellipse((150 + 40 * np.sin(number / 3), 60, 300 + 40 * np.sin(number / 3), 260), fill="brown")
    return picture


def write_video(path: Path, pictures: list[Picture.Image]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "23", "preset": "ultrafast", "g": "50"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())


def stamp(seconds: float) -> str:
    return f"00:{int(seconds) // 60:02d}:{int(seconds) % 60:02d},{round(seconds % 1 * 1000):03d}"


def write_talk(folder: Path, name: str, titles: list[str]) -> None:
    """Eight seconds of each slide, two sentences said to each, then six seconds of the speaker."""
    pictures = [frame for title in titles for frame in [slide(title, name)] * 80] + [speaker(n) for n in range(60)]
    write_video(folder / f"{name}.mp4", pictures)
    cues = [
        cue
        for n, title in enumerate(titles)
        for cue in ((8 * n + 0.5, 8 * n + 4, SAID.format(title.lower())), (8 * n + 4.2, 8 * n + 7.5, LATER))
    ]
    cues.append((8 * len(titles) + 1, 8 * len(titles) + 5, "Thank you all for listening to this talk."))
    lines = (f"{n}\n{stamp(start)} --> {stamp(end)}\n{said}\n" for n, (start, end, said) in enumerate(cues, 1))
    (folder / f"{name}.srt").write_text("\n".join(lines))


def write_recipe(folder: Path) -> Path:
    steps = [
        {"use": "stages.read_warc", "with": {"paths": f"{folder}/crawl/*.warc.gz"}},
        "stages.extract_html",
        "filters.word_count",
        "stages.fetch_images",
        "stages.decode_images",
        {"use": "filters.image_size", "id": "pages"},
        {"use": "stages.read_video", "with": {"paths": f"{folder}/videos/*.mp4"}},
        {"use": "stages.transcribe_speech"},
        {"use": "stages.extract_keyframes"},
        {"use": "stages.score_motion", "with": {"every_s": 2.0}},
        {"use": "filters.score", "id": "stands_still", "with": {"of": "moving", "at_most": 0.15}},
        {"use": "stages.extract_screen_text"},
        {"use": "stages.interleave_video", "with": {"max_images": 2}},
        {"use": "stages.cut_clips", "id": "videos", "with": {"height": 120}},
        {"use": "stages.dedup_image", "from": ["pages", "videos"]},
        {"use": "stages.write_webdataset", "with": {"shard_size_bytes": 400_000, "pack_tokens": 300}},
        {"use": "stages.write_parquet"},
    ]
    file = folder / "mixed.yaml"
    lines = [{"use": step} if isinstance(step, str) else step for step in steps]
    head = {"name": "mixed", "run": str(folder / "run"), "max_error_rate": 0.5}
    file.write_text(yaml.safe_dump({**head, "steps": lines}, sort_keys=False))
    return file


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a crawl, three talks, a file that is cut short, a page that says it is a video, and the recipe."""
    folder = tmp_path_factory.mktemp("mixed")
    make_crawl(folder / "crawl", pages=60)
    videos = folder / "videos"
    videos.mkdir()
    for name, titles in TALKS.items():
        write_talk(videos, name, titles)
    (videos / "cut.mp4").write_bytes((videos / "winds.mp4").read_bytes()[:20_000])
    (videos / "page.mp4").write_text("<html><body>Not found</body></html>")
    write_recipe(folder)
    return folder


def run_here(place: Path, run: Path) -> None:
    plan, _ = _plan.planned(str(place / "mixed.yaml"), [f"run={run}"], None)
    execute(plan, LocalRunner())


def marks(run: Path) -> dict[str, str]:
    """sha256 of each file of both sinks."""
    files = (file for sink in ("write_webdataset", "write_parquet") for file in sorted((run / sink).rglob("*")) if file.is_file())
    found = {str(file.relative_to(run)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    return {name: mark for name, mark in found.items() if not name.endswith("writing.json")}


@pytest.fixture(scope="module")
def reference(place: Path) -> Path:
    run_here(place, place / "reference")
    return place / "reference"


@pytest.fixture(scope="module")
def documents(reference: Path) -> list[Document]:
    return finished_documents(str(reference / "write_parquet"))


def of_talk(documents: list[Document], name: str) -> list[Document]:
    """The talk's pieces in order."""
    found = [doc for doc in documents if doc.source.path.endswith(f"{name}.mp4")]
    return sorted(found, key=lambda doc: doc.scores["start_s"])


def test_pages_and_videos_are_in_the_same_shards(documents: list[Document]) -> None:
    videos = [doc for doc in documents if doc.source.path.endswith(".mp4")]
    assert len(videos) >= 5
    assert len(documents) - len(videos) > 20


def test_joined_samples_hold_every_document_once(reference: Path, documents: list[Document]) -> None:
    held = list[list[str]]()
    for shard in sorted(reference.glob("write_webdataset/*.tar")):
        with tarfile.open(shard) as tar:
            members = [json.loads(tar.extractfile(one).read()) for one in tar if one.name.endswith(".json")]  # type: ignore[union-attr]
        held += [[place["id"] for place in json.loads(one["labels"].get("joined", "[]"))] or [one["id"]] for one in members]
    assert len(held) < len(documents)
    assert sorted(id for group in held for id in group) == sorted(doc.id for doc in documents)


@pytest.mark.parametrize("name", sorted(TALKS))
def test_every_sentence_stands_with_the_slide_that_was_shown(documents: list[Document], name: str) -> None:
    for number, title in enumerate(TALKS[name]):
        (doc,) = (one for one in of_talk(documents, name) if any(SAID.format(title.lower()) in text.text for text in one.texts))
        elements = list(doc.elements)
        said = next(n for n, e in enumerate(elements) if SAID.format(title.lower()) in getattr(e, "text", ""))
        shown = [e for e in elements[:said] if e in doc.images][-1]
        assert shown.start_s == pytest.approx(8.0 * number, abs=0.11)
        read = [text.text for text in doc.texts if text.of == shown.position]
        assert read and title.replace(" ", "").lower() in read[0].replace(" ", "").lower()


@pytest.mark.parametrize("name", sorted(TALKS))
def test_the_speaker_is_no_slide_and_the_last_words_stay(documents: list[Document], name: str) -> None:
    pieces = of_talk(documents, name)
    assert sum(len(doc.images) for doc in pieces) == len(TALKS[name])
    (thanks,) = (text for doc in pieces for text in doc.texts if "Thank you" in text.text)
    assert "keyframe" not in thanks.scores


def test_every_piece_has_its_clip_and_its_span(documents: list[Document]) -> None:
    for name in TALKS:
        for doc in of_talk(documents, name):
            [clip] = [element for element in doc.elements[:1] if isinstance(element, Clip)]
            assert (clip.start_s, clip.end_s) == (doc.scores["start_s"], doc.scores["end_s"])
            assert clip.sha256 and clip.format == "mp4"


def test_broken_videos_are_quarantined_with_a_reason(reference: Path) -> None:
    quarantined = [
        row for row in run_reader.decisions(str(reference)) if row.get("error") and str(row["step"]).startswith("read_video")
    ]
    assert len(quarantined) == 2


def test_a_second_run_writes_the_same_bytes(place: Path, reference: Path) -> None:
    run_here(place, place / "again")
    assert marks(place / "again") == marks(reference)


def commits(run: Path) -> int:
    return len(list(run.glob("work/*/commits/*.json")))


def command(place: Path, run: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "interloom.jobs", "run", str(place / "mixed.yaml"), "--set", f"run={run}", *more]


def killed(place: Path, run: Path, enough: int, *more: str) -> Iterator[int]:
    """Runs the recipe in another process and kills it as soon as so many units are committed."""
    process = subprocess.Popen(
        command(place, run, *more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    deadline = time.monotonic() + 200
    while process.poll() is None and commits(run) < enough and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    yield process.wait()


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_run_killed_at_any_moment_resumes_to_the_same_bytes(place: Path, reference: Path, share: float) -> None:
    run = place / f"killed-{share}"
    assert list(killed(place, run, max(1, int(share * commits(reference))), "--runner", "local")) == [-signal.SIGKILL]
    assert 0 < commits(run) < commits(reference)
    run_here(place, run)
    assert marks(run) == marks(reference)


@pytest.mark.ray
@pytest.mark.timeout(580)
def test_ray_with_two_workers_killed_halfway_writes_the_local_runner_s_bytes(place: Path, reference: Path) -> None:
    run, workers = place / "ray", ("--workers", "2")
    assert list(killed(place, run, commits(reference) // 2, *workers)) == [-signal.SIGKILL]
    assert 0 < commits(run) < commits(reference)
    subprocess.run(command(place, run, *workers), check=True, capture_output=True, timeout=280)
    assert marks(run) == marks(reference)
