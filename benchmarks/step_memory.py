"""Measures the memory of a worker with each built-in step: `python -m benchmarks step_memory [--chain pages vectors texts videos]
[--pages 1200]`.

Steps stand in chains on usual input: the demo's crawl, texts of 200 words, a minute of video in 1080p. Each runs as a line of a
recipe in a process of its own, which finds stored what the steps above it give.
Printed is the highest peak of its units (resident memory of the worker, with that of the largest of its child processes) beside
`memory_bytes` of the step, which is to be no less than 0.67 and no more than 1.5 times the peak; others are marked. Models are
tiny, so what is measured of a step with a model is all but its weights.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks import _corpus
from benchmarks._command import measure
from benchmarks.keyframes import write_slides
from interloom.jobs.demo.crawl import make_crawl
from interloom.pipeline.planning import plugins
from interloom.pipeline.pricing import shares
from interloom.pipeline.pricing.measure import of_commits
from interloom.pipeline.store import commits, run_reader

_OFF = 1.5
_SECONDS_OF_VIDEO = 60
_LESS_ENCODED = 12
"""One of so many pages is encoded, because that takes a CPU long."""
_CLIP = str(Path(__file__).parents[1] / "jobs" / "demo" / "assets" / "shapes_clip")
_ENCODES = {"model": _CLIP, "device": "cpu"}
Line = Mapping[str, Any]


def line(name: str, **values: Any) -> Line:
    return {"use": f"stages.{name}", "with": values}


def pages(folder: Path, count: int) -> list[Line]:
    """Web pages with images, from the crawl to shards."""
    make_crawl(folder / "crawl", pages=count)
    return [
        line("read_warc", paths=str(folder / "crawl" / "*.warc.gz")),
        line("dedup_url"),
        line("url_downsample", expected=1),
        line("extract_html"),
        line("score_language"),
        {"use": "filters.gopher_quality"},
        {"use": "filters.gopher_repetition"},
        line("dedup_exact"),
        line("dedup_minhash"),
        line("fetch_images"),
        line("decode_images"),
        line("score_sharpness"),
        line("dedup_image"),
        line("mix", by="language", temperature=2.0),
        line("select_top", of="random", share=0.9),
        line("split_pairs"),
        line("write_webdataset"),
        line("write_subset"),
        line("write_documents", format="nemo_curator"),
    ]


def vectors(folder: Path, count: int) -> list[Line]:
    """Fewer pages, whose images and texts are encoded."""
    make_crawl(folder / "crawl", pages=max(count // _LESS_ENCODED, 50))
    return [
        line("read_warc", paths=str(folder / "crawl" / "*.warc.gz")),
        line("extract_html"),
        line("fetch_images"),
        line("decode_images"),
        line("score_clip", **_ENCODES),
        line("score_aesthetic", head=_head(folder), **_ENCODES),
        line("cluster_embeddings", of="image", clusters=20),
        line("dedup_semantic", eps=0.01),
        line("balance_clusters", cap=1000),
        line("score_image_similarity"),
        line("score_image_coherence"),
        line("split_sentences"),
        line("score_word_entropy"),
        line("embed_texts", of="sentences", long_texts="cut", **_ENCODES),
        line("retrieve_texts", of="image", among="sentence"),
        line("place_images"),
    ]


def texts(folder: Path, count: int) -> list[Line]:
    """Texts, filtered and written."""
    _corpus.write(folder / "texts.jsonl", 4 * count)
    read = line("read_documents", paths=str(folder / "texts.jsonl"))
    blocked = {"use": "filters.word_blocklist", "with": {"words": ["casino"]}}
    return [read, {"use": "filters.word_count", "with": {"at_least": 1}}, blocked, line("write_parquet")]


def videos(folder: Path, _: int) -> list[Line]:
    """A talk with subtitles, cut into interleaved documents."""
    write_slides(folder / "talk.mp4", _SECONDS_OF_VIDEO)
    (folder / "talk.en.srt").write_text("\n".join(_subtitles()))
    return [
        line("read_video", paths=str(folder / "talk.mp4")),
        line("transcribe_speech"),
        line("repair_speech"),
        line("extract_keyframes"),
        line("score_motion"),
        line("extract_screen_text"),
        line("embed_images", **_ENCODES),
        line("shift_captions", **_ENCODES),
        line("align_slides"),
        line("join_speech"),
        line("interleave_video"),
    ]


def _subtitles() -> Iterator[str]:
    for number, start in enumerate(range(0, _SECONDS_OF_VIDEO - 4, 4), 1):
        times = [f"00:00:{second:02},000" for second in (start, start + 4)]
        yield f"{number}\n{' --> '.join(times)}\nThis is what the page shows, with point {number} of the whole talk.\n"


def _head(folder: Path) -> str:
    """Weights of a linear head on the vectors of the tiny model."""
    import torch

    torch.save({"weight": torch.linspace(-1, 1, 64)[None], "bias": torch.zeros(1)}, folder / "head.pth")
    return str(folder / "head.pth")


CHAINS = {"pages": pages, "vectors": vectors, "texts": texts, "videos": videos}


def peak_mb(lines: Sequence[Line], run: str, recipe: Path) -> float:
    """Runs the lines, of which all but the last have run before; what a worker holds in the phases of the last one."""
    steps = [dict(each) if _shape(each) == "sink" else {**each, "checkpoint": True} for each in lines]
    steps += [] if _shape(lines[-1]) == "sink" else [{"use": "stages.write_parquet"}]
    recipe.write_text(yaml.safe_dump({"name": recipe.stem, "run": run, "steps": steps}))
    command = [sys.executable, "-m", "interloom.jobs", "run", str(recipe), "--runner", "local", "--overwrite"]
    measure(command, recipe.with_suffix(".log"))
    phases = run_reader.phases(run)
    measured = of_commits(commit for phase in phases for commit in commits.committed(run, phase).values())
    key = lines[-1]["use"].rpartition(".")[2]
    own = [phase.name for phase in phases if key in (shares.owner(phase, phases), *(step.key for step in phase.steps))]
    peaks = [work.whole.peak_bytes for (name, _), work in measured.works.items() if name in own]
    if not peaks:
        raise RuntimeError("no document reached it")
    return max(peaks) / 1e6


def _shape(each: Line) -> str:
    return plugins.find(each["use"]).shape


def told(each: Line, peak: float) -> str:
    """The line about a step."""
    declared = plugins.find(each["use"]).kind.memory_bytes / 1e6
    mark = " *" if not 1 / _OFF <= declared / peak <= _OFF else ""
    return f"{each['use']:<34}{peak:>10,.0f}{declared:>12,.0f}{declared / peak:>8.2f}{mark}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1200)
    parser.add_argument("--chain", choices=list(CHAINS), nargs="+", default=list(CHAINS))
    given = parser.parse_args()
    shown = set[str]()
    print(f"{'step':<34}{'peak MB':>10}{'declared':>12}{'ratio':>8}", flush=True)
    for name in given.chain:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            lines = CHAINS[name](folder, given.pages)
            for last, each in enumerate(lines):
                found = _measured(lines[: last + 1], folder)
                if found.split()[0] not in shown:
                    print(found, flush=True)
                shown.add(each["use"])


def _measured(lines: Sequence[Line], folder: Path) -> str:
    """The line about the last of these steps; of one that cannot run here (a package is missing), why not."""
    try:
        return told(lines[-1], peak_mb(lines, str(folder / "run"), folder / "recipe.yaml"))
    except RuntimeError as error:
        return f"{lines[-1]['use']:<34} not run: {str(error).splitlines()[-1]}"


if __name__ == "__main__":
    main()
