"""Measures how long a GPU idles in a run with two branches, each with work for CPUs above work for a model.

`python -m benchmarks overlap [--units 12] [--cpu-seconds 1] [--model-seconds 1]`, on a Ray cluster of 2 CPUs and 1 GPU on this
machine. The work is sleep and the GPU is a number that Ray counts, so that the machine's load matters little. `idle in the run`
is the share of the time from the first start of any work to the end of all model work in which no model works; `idle in its
life` the same from the first start of model work. Without idling, a run takes as long as its model works.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_ray import RayRunner
from interloom.pipeline.planning.plan import make_plan
from interloom.pipeline.planning.recipe import read_recipe

_DOCUMENTS = 600
"""Documents of a unit: two units together are more than a part holds, so that units stay apart below."""
_BRANCHES = ("a", "b")
Span = tuple[str, int, float, float]
"""Kind of work, process, and Unix times of start and end."""


def write_recipe(folder: Path, units: int, cpu_seconds: float, model_seconds: float) -> str:
    """Writes the input and the recipe. Returns the path of the recipe."""
    steps: list[dict[str, Any]] = []
    for branch in _BRANCHES:
        for unit in range(units):
            rows = (json.dumps({"id": f"{branch}-{unit}-{n}", "text": "some text"}) for n in range(_DOCUMENTS))
            (folder / f"{branch}-{unit:03}.jsonl").write_text("\n".join(rows) + "\n")
        work = {"log": str(folder / "log")}
        cpu = {**work, "seconds": cpu_seconds / _DOCUMENTS}
        model = {**work, "seconds": model_seconds / _DOCUMENTS}
        steps += [
            {"use": "stages.read_documents", "id": f"read_{branch}", "with": {"paths": str(folder / f"{branch}-*.jsonl")}},
            {"use": "benchmarks.cpu_work", "id": f"cpu_{branch}", "with": cpu},
            {"use": "benchmarks.model_work", "id": f"model_{branch}", "with": model, "resources": {"gpus": 1}},
        ]
    steps.append({"use": "stages.write_parquet", "from": [f"model_{branch}" for branch in _BRANCHES]})
    (folder / "log").mkdir()
    recipe = folder / "overlap.yaml"
    recipe.write_text(yaml.safe_dump({"name": "overlap", "seed": 1, "run": str(folder / "run"), "steps": steps}))
    return str(recipe)


def idle_share(model: Sequence[Span], started: float) -> float:
    """The share of the time from `started` to the end of the last span in which there is no span."""
    busy, until = 0.0, started
    for _, _, start, end in sorted(model, key=lambda span: span[2]):
        busy += max(0.0, end - max(start, until))
        until = max(until, end)
    return 1 - busy / (until - started)


def main() -> None:
    import ray

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=12, help="units of a branch")
    parser.add_argument("--cpu-seconds", type=float, default=1.0, help="CPU work of a unit")
    parser.add_argument("--model-seconds", type=float, default=1.0, help="model work of a unit")
    given = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    ray.init(address="local", num_cpus=2, num_gpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    with tempfile.TemporaryDirectory() as name:
        recipe = write_recipe(Path(name), given.units, given.cpu_seconds, given.model_seconds)
        execute(make_plan(*read_recipe(recipe)), RayRunner())
        spans: list[Span] = [
            json.loads(line) for file in (Path(name) / "log").iterdir() for line in file.read_text().splitlines()
        ]
    ray.shutdown()
    model = [span for span in spans if span[0] == "model"]
    first = min(span[2] for span in spans)
    print(f"{'run':>9}{'model works':>13}{'actors':>8}{'idle in the run':>17}{'idle in its life':>18}")
    works, whole = sum(end - start for _, _, start, end in model), max(span[3] for span in spans) - first
    in_life = idle_share(model, min(span[2] for span in model))
    actors = len({process for _, process, _, _ in model})
    print(f"{whole:>8.1f}s{works:>12.1f}s{actors:>8}{idle_share(model, first):>17.1%}{in_life:>18.1%}")


if __name__ == "__main__":
    main()
