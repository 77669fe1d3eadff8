"""Runs the exchanges of `retrieve_texts` over stored sketches, and the phase that sorts the verdicts: `FOLDER RUNNER PARAMETERS`.

RUNNER is `local`, or how many workers Ray has. Writes the results, by query and rank, to `FOLDER/results.parquet`, and prints in
JSON the sha256 of the results without their texts, and, of a local run, the processor seconds of its units by what they do.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import _planted_vectors
from benchmarks._global_step import plan, run
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.execution.runner_ray import RayRunner
from interloom.pipeline.execution.units import FinishedPhases
from interloom.pipeline.planning.phases import Phase
from interloom.pipeline.store.tables import read_stored


class CountingRunner(LocalRunner):
    """Adds up the processor seconds of units by phase; of `lists` those that send by themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.cpu_s = Counter[str]()

    def run_unit(self, run: str, phase: Phase, unit: Any) -> Any:
        started = time.process_time()
        done = super().run_unit(run, phase, unit)
        sends = ", sent" if phase.name.endswith(".lists") and unit.tables else ""
        self.cpu_s[phase.name.rpartition(".")[2] + sends] += time.process_time() - started  # type: ignore[assignment]
        return done


def results(finished: FinishedPhases) -> pa.Table:
    """The results by query and rank: who was found, and the score."""
    names = ["id", "rank", "score", "source"]
    tables = [read_stored(finished.run, file, names) for file in finished.files(["retrieve_texts.sources"], "rows")]
    return pa.concat_tables(tables).sort_by([("id", "ascending"), ("rank", "ascending")]).combine_chunks()


def main() -> None:
    folder, name, parameters = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    runner = CountingRunner() if name == "local" else RayRunner(workers=int(name))
    planned = plan(folder, "stages.retrieve_texts", parameters)
    _, finished = run(planned, _planted_vectors.sketches(folder), runner)
    table = results(finished)
    pq.write_table(table, folder / "results.parquet")
    content = hashlib.sha256((folder / "results.parquet").read_bytes()).hexdigest()
    print(json.dumps({"sha256": content, "cpu_s": getattr(runner, "cpu_s", {})}))


if __name__ == "__main__":
    main()
