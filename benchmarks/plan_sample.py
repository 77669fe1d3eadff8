"""Compares what `interloom plan --sample` says of a run with the run: `python -m benchmarks plan_sample [--pages 4000]
[--sample 200] [--recipe pages texts] [--runner local] [--runs 3]`.

Two recipes. `pages`: the demo's crawl with so many pages (WARC), from which text is extracted, filtered and deduplicated; images
are fetched from the crawl and decoded; Parquet shards. `texts`: five times as many texts as pages, filtered, deduplicated, and
written as tars. For each step: predicted and actual documents, CPU seconds (with the start of the step in each worker: one
with the local runner, on Ray as many as the price says), bytes and requests, with their ratios. A figure counts if it is at
least a hundredth of all; ratios beyond 30 % are marked. The sample runs before the runs and once more after them, and the run
`--runs` times, because the CPU time of the same work differs on a busy machine; means count, and `differs` is by how much the
runs differ among themselves: (highest - lowest) / mean. No prediction can be nearer.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any, Self

import yaml

from benchmarks import _corpus
from benchmarks._command import measure
from interloom.jobs.demo.crawl import make_crawl
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.pricing import shares
from interloom.pipeline.pricing.fit import Amounts
from interloom.pipeline.pricing.measure import of_commits
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
    price: dict[str, Any] = next(json.loads(line) for line in log.read_text().splitlines() if line.startswith("{"))
    return price, usage.cpu_s


@dataclass(frozen=True, slots=True)
class Actual:
    """What a run says of its steps: what each of them used, and how many documents went into it."""

    amounts: Mapping[str, Amounts]
    documents: Mapping[str, int]

    @classmethod
    def of(cls, run: str) -> Self:
        """What the run's commits say."""
        phases: list[Phase] = run_reader.phases(run)
        measured = of_commits(commit for phase in phases for commit in commits.committed(run, phase).values())
        return cls(shares.by_step(phases, measured), {key: book.documents.into for key, book in measured.books.items()})


def lines(prices: Sequence[Mapping[str, Any]], runs: Sequence[Actual], on_ray: bool) -> Iterator[str]:
    """A line for each step and metric that counts."""
    totals = {name: [sum(amounts[name] for amounts in run.amounts.values()) for run in runs] for name in _METRICS}
    yield f"{'step':<20}{'':<16}{'predicted':>14}{'actual':>14}{'ratio':>8}{'differs':>9}"
    for each in zip(*(price["steps"] for price in prices), strict=True):
        key = each[0]["step"]
        yield _line(key, "documents", each[0]["documents"]["in"], [run.documents[key] for run in runs])
        for name in _METRICS:
            told, was = mean(_told(step, name, on_ray) for step in each), [run.amounts[key][name] for run in runs]
            if max(told, *was) >= _COUNTS * mean(totals[name]):
                yield _line("", name, told, was)
    for name in _METRICS:
        told = mean(sum(_told(step, name, on_ray) for step in price["steps"]) for price in prices)
        yield _line("all steps", name, told, totals[name])


def _told(step: Mapping[str, Any], name: str, on_ray: bool) -> float:
    workers = step["workers"] if on_ray else 1
    return float(step[name] + (step["start_s_per_worker"] * workers if name == "cpu_s" else 0))


def _line(step: str, name: str, told: float, runs: Sequence[float]) -> str:
    was = mean(runs)
    ratio = told / was if was else float("inf")
    differs = f"{(max(runs) - min(runs)) / was:>9.0%}" if was else f"{'':>9}"
    mark = " *" if abs(ratio - 1) > _OFF else ""
    shown = "14,.2f" if name == "cpu_s" else "14,.0f"
    return f"{step:<20}{name:<16}{told:>{shown}}{was:>{shown}}{ratio:>8.2f}{differs}{mark}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=4000)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--recipe", choices=list(RECIPES), nargs="+", default=list(RECIPES))
    parser.add_argument("--runner", choices=("local", "ray"), default="local")
    parser.add_argument("--runs", type=int, default=1)
    given = parser.parse_args()
    for name in given.recipe:
        with tempfile.TemporaryDirectory() as place:
            _compare(name, Path(place), given)


def _compare(name: str, folder: Path, given: argparse.Namespace) -> None:
    recipe, run = folder / "recipe.yaml", folder / "run"
    steps = RECIPES[name](folder, given.pages)
    recipe.write_text(yaml.safe_dump({"name": name, "seed": 17, "run": str(run), "steps": steps}))
    sample = given.sample * (_TEXTS_A_PAGE if name == "texts" else 1)
    runs, seconds = list[Actual](), list[float]()
    before, first_s = predicted(recipe, sample)
    for _ in range(given.runs):
        shutil.rmtree(run, ignore_errors=True)
        command = [sys.executable, "-m", "interloom.jobs", "run", str(recipe), "--runner", given.runner]
        seconds.append(measure(command, folder / "log").cpu_s)
        runs.append(Actual.of(str(run)))
    after, second_s = predicted(recipe, sample)
    took = ", ".join(f"{each:.0f}" for each in seconds)
    print(f"\n{name}: samples of {sample} took {first_s:.0f} and {second_s:.0f} CPU s, the run {took}")
    print(*lines((before, after), runs, given.runner == "ray"), sep="\n", flush=True)


if __name__ == "__main__":
    main()
