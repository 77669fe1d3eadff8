"""Runs the exchanges of `select_top` over stored sketches, and the phase that sorts the verdicts: `FOLDER RUNNER PARAMETERS`.

Prints in JSON how many verdicts there are, and how many objects and bytes units wrote and read.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks import _ranked_rows
from benchmarks._global_step import plan, run, traffic
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.execution.runner_ray import RayRunner

WORKERS = 2


def main() -> None:
    folder, runner, parameters = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    planned, files = plan(folder, "stages.select_top", parameters), _ranked_rows.sketches(folder)
    done = run(planned, files, LocalRunner() if runner == "local" else RayRunner(workers=WORKERS))
    verdicts = sum(file.rows for file in done[1].files([done[0][-2].name], "rows"))
    print(json.dumps({"behind": verdicts, **traffic(*done)}))


if __name__ == "__main__":
    main()
