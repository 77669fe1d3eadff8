"""Compares what `interloom plan --sample` says of a run with the run: `python -m benchmarks plan_sample [--pages 4000]
[--sample 200] [--recipe pages texts] [--runner local]`.

Two recipes. `pages`: the demo's crawl with so many pages (WARC), from which text is extracted, filtered and deduplicated; images
are fetched from the crawl and decoded; Parquet shards. `texts`: five times as many texts as pages, filtered, deduplicated, and
written as tars. For each step: predicted and actual documents, CPU seconds (with the start of the step in a worker), bytes and
requests, with their ratios. A figure counts if it is at least a hundredth of all; ratios beyond 30 % are marked. The sample runs
before the run and once more after it, because the CPU time of the same work differs on a busy machine; the mean counts.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks import _corpus
from benchmarks._command import measure
from interloom.jobs.demo.crawl import make_crawl
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.pricing import shares
from interloom.pipeline.pricing.fit import Amounts
from interloom.pipeline.pricing.measure import Measured, of_commits
from interloom.pipeline.store import commits, run_reader

_METRICS = ("cpu_s", "read_bytes", "written_bytes", "gets", "puts")
_COUNTS = 0.01
_OFF = 0.3
_TEXTS_A_PAGE = 5


def pages(folder: Path, count: int) -> list[dict[str, Any]]:
    """Generates the crawl; the steps of the recipe."""
    make_crawl(folder / "crawl", pages=count)
    return [
        {"use": "stages.read_warc", "with": {"paths": str(folder / "crawl" / "*.warc.gz")}},
        {"use": "stages.extract_html"},
        {"use": "stages.score_language"},
        {"use": "filters.language"},
        {"use": "filters.word_count", "with": {"at_least": 50}},
        {"use": "filters.gopher_quality"},
        {"use": "filters.gopher_repetition"},
        {"use": "stages.dedup_minhash"},
        {"use": "stages.fetch_images"},
        {"use": "stages.decode_images"},
        {"use": "filters.image_size"},
        {"use": "filters.image_count"},
        {"use": "stages.write_parquet"},
    ]


def texts(folder: Path, count: int) -> list[dict[str, Any]]:
    """Generates texts; the steps of the recipe."""
    _corpus.write(folder / "texts.jsonl", count * _TEXTS_A_PAGE, words_each=200)
    return [
        {"use": "stages.read_documents", "with": {"paths": str(folder / "texts.jsonl")}},
        {"use": "filters.word_count", "with": {"at_least": 10, "at_most": 100_000}},
        {"use": "filters.gopher_repetition"},
        {"use": "stages.dedup_minhash", "with": {"keep": "first"}},
        {"use": "stages.write_webdataset"},
    ]


RECIPES = {"pages": pages, "texts": texts}


def predicted(recipe: Path, sample: int) -> tuple[dict[str, Any], float]:
    """What `plan --sample` says, and the CPU seconds that it took."""
    command = [sys.executable, "-m", "interloom.jobs", "plan", str(recipe), "--sample", str(sample), "--json"]
    log = recipe.with_suffix(".plan")
    usage = measure(command, log)
    found: dict[str, Any] = next(json.loads(line) for line in log.read_text().splitlines() if line.startswith("{"))
    return found, usage.cpu_s


def actual(run: str) -> tuple[dict[str, Amounts], Measured]:
    """What a run says of its steps, from its commits."""
    phases: list[Phase] = run_reader.phases(run)
    measured = of_commits(commit for phase in phases for commit in commits.committed(run, phase).values())
    return shares.by_step(phases, measured), measured


def lines(before: Mapping[str, Any], after: Mapping[str, Any], run: str) -> Iterator[str]:
    """A line for each step and metric that counts."""
    found, measured = actual(run)
    totals = {name: sum(amounts[name] for amounts in found.values()) for name in _METRICS}
    yield f"{'step':<20}{'':<16}{'predicted':>14}{'actual':>14}{'ratio':>8}"
    for first, second in zip(before["steps"], after["steps"], strict=True):
        key = first["step"]
        yield _line(key, "documents", first["documents"]["in"], measured.books[key].documents.into)
        for name in _METRICS:
            told = (_told(first, name) + _told(second, name)) / 2
            if max(told, found[key][name]) >= _COUNTS * totals[name]:
                yield _line("", name, told, found[key][name])
    for name in _METRICS:
        told = sum(_told(step, name) for each in (before, after) for step in each["steps"]) / 2
        yield _line("all steps", name, told, totals[name])


def _told(step: Mapping[str, Any], name: str) -> float:
    return float(step[name] + (step["start_s_per_worker"] if name == "cpu_s" else 0))


def _line(step: str, name: str, told: float, was: float) -> str:
    ratio = told / was if was else float("inf")
    mark = " *" if abs(ratio - 1) > _OFF else ""
    shown = "14,.2f" if name == "cpu_s" else "14,.0f"
    return f"{step:<20}{name:<16}{told:>{shown}}{was:>{shown}}{ratio:>8.2f}{mark}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=4000)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--recipe", choices=list(RECIPES), nargs="+", default=list(RECIPES))
    parser.add_argument("--runner", choices=("local", "ray"), default="local")
    given = parser.parse_args()
    for name in given.recipe:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            recipe, run = folder / "recipe.yaml", str(folder / "run")
            steps = RECIPES[name](folder, given.pages)
            recipe.write_text(yaml.safe_dump({"name": name, "seed": 17, "run": run, "steps": steps}))
            sample = given.sample * (_TEXTS_A_PAGE if name == "texts" else 1)
            before, first_s = predicted(recipe, sample)
            usage = measure(
                [sys.executable, "-m", "interloom.jobs", "run", str(recipe), "--runner", given.runner], folder / "log"
            )
            after, second_s = predicted(recipe, sample)
            print(f"\n{name}: samples of {sample} took {first_s:.0f} and {second_s:.0f} CPU s, the run {usage.cpu_s:.0f}")
            print(*lines(before, after, run), sep="\n", flush=True)


if __name__ == "__main__":
    main()
