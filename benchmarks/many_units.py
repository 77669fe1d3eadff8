"""Measures what the engine itself costs a unit: whole commands over a source whose units yield nothing.

`python -m benchmarks many_units [--units 100000] [--runner local]`. `plan` lists the units of a run that has not begun, `run`
commits them, `status` reads the commits, and the second `run` finds that nothing is left to do. Peak memory is that of all
processes together; on the local runner that is the driver, which also runs the units.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks._command import measure
from interloom.pipeline.stage import Source, Split
from interloom.schemas.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class ManyUnits(Source):
    """Has splits that hold no documents.

    Parameters:
        count: How many splits.
    """

    count: int

    def splits(self) -> Sequence[Split]:
        return [Split(f"split-{number:08}") for number in range(self.count)]

    def read(self, split: Split) -> Iterator[Outcome]:
        yield from ()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=100_000)
    parser.add_argument("--runner", choices=("local", "ray"), default="local")
    given = parser.parse_args()
    steps = [{"use": "benchmarks.many_units", "with": {"count": given.units}}, {"use": "stages.write_parquet"}]
    total = 0.0
    print(f"{f'{given.units:,} empty units':<28}{'seconds':>9}{'CPU s':>9}{'ms a unit':>11}{'peak MB':>9}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recipe = folder / "many.yaml"
        recipe.write_text(yaml.safe_dump({"name": "many", "seed": 1, "run": str(folder / "run"), "steps": steps}))
        run = ["run", str(recipe), "--runner", given.runner]
        for arguments in (["plan", str(recipe)], run, ["status", str(folder / "run")], run):
            usage = measure([sys.executable, "-m", "interloom.jobs", *arguments], folder / "log")
            total += usage.seconds
            each = 1000 * usage.seconds / given.units
            print(f"{arguments[0]:<28}{usage.seconds:>9.2f}{usage.cpu_s:>9.2f}{each:>11.3f}{usage.peak_mb:>9,.0f}", flush=True)
    print(f"{'together':<28}{total:>9.2f}")


if __name__ == "__main__":
    main()
