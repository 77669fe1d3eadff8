"""Runs the exchanges of a step that balances over sketches that it makes: `FOLDER STEP PARAMETERS ROWS`.

Prints in JSON how many rows there are, how many verdicts, in how many rounds, and what units wrote and read.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks import _balanced_rows
from benchmarks._global_step import plan, run, traffic
from interloom.pipeline.execution.runner_local import LocalRunner


def main() -> None:
    folder, use, parameters, rows = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])
    planned = plan(folder, use, parameters)
    files = _balanced_rows.sketches(folder, use, rows)
    phases, finished = run(planned, files, LocalRunner())
    rounds = [commit.result["round"] for phase in phases for commit in finished.commits(phase.name) if "round" in commit.result]
    verdicts = sum(file.rows for file in finished.files([phases[-2].name], "rows"))
    counts = {"rows": sum(file.rows for file in files), "verdicts": verdicts, "rounds": max(rounds, default=0) + 1}
    print(json.dumps({**counts, **traffic(phases, finished)}))


if __name__ == "__main__":
    main()
