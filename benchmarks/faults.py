"""Breaks runs at random and compares what they leave: `python -m benchmarks faults [--seeds 30 | --only 3 7] [--stalls 1]`.

A small recipe of web pages and videos runs undisturbed; then once for each seed, with what the seed draws: SIGKILL of the driver,
a worker, a child or Ray's raylet, a disk that is full, an object store of whose requests 5 % fail; locally and on Ray. The same
command is given again until it succeeds. Every seed must end with the same files (sha256), balanced books, a run that `verify`
finds whole, and nothing left behind: processes, temporary files, files in the run's folder that nothing names.

`--stalls` lets so many requests of a seed wait for longer than the client does, a minute each. A full disk is a tmpfs in a mount
namespace; where the system does not allow that, these seeds are skipped and named.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import _faulty_store, _mixed_input
from benchmarks._fault_attempt import Attempt, Place, Scenario
from interloom.pipeline.store import storage

_IN_A_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
_MOUNTED = 'mount -t tmpfs -o size=400m none "$0" && exec "$@"'

SCENARIOS = (
    Scenario("local", "disk", ("driver",)),
    Scenario("ray", "disk", ("worker", "child", "worker")),
    Scenario("local", "s3", ("driver",)),
    Scenario("ray", "disk", ("raylet",)),
    Scenario("local", "full disk", ("full",)),
    Scenario("ray", "s3", ("worker",)),
    Scenario("local", "disk", ("child", "child", "child")),
    Scenario("ray", "disk", ("driver",)),
    Scenario("local", "s3", ()),
    Scenario("ray", "full disk", ("full",)),
    Scenario("local", "full disk", ("driver", "full", "child")),
    Scenario("ray", "s3", ("driver", "child")),
    Scenario("local", "disk", ("driver", "child", "driver")),
    Scenario("ray", "disk", ("child", "raylet", "worker")),
    Scenario("local", "s3", ("child", "driver")),
)


def attempts(place: Place, seeds: Sequence[int]) -> Iterator[Attempt]:
    """Each seed's attempt, once it is done. Before the first with a place of a kind, the undisturbed run there."""
    for seed in seeds:
        scenario = SCENARIOS[seed % len(SCENARIOS)]
        if scenario.place == "full disk" and not place.disk:
            print(f"{seed:>4}  skipped, because no file system can be mounted here: {scenario}", flush=True)
            continue
        if (scenario.place == "s3") not in place.references:
            yield _done(
                Attempt(place, -1 - len(place.references), Scenario("local", "s3" if scenario.place == "s3" else "disk", ()))
            )
        yield _done(Attempt(place, seed, scenario))


def _done(attempt: Attempt) -> Attempt:
    try:
        attempt.go()
        return attempt
    finally:
        attempt.remove()


def main() -> int:
    """Returns the exit status: 1 if a seed did not end as it must."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--only", type=int, nargs="+")
    parser.add_argument("--stalls", type=int, default=0)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.folder:
        return _in_a_namespace()
    seeds = given.only or range(given.seeds)
    bad = done = 0
    with _faulty_store.running() as store:
        os.environ.update(_faulty_store.settings(store))
        place = _prepared(Path(given.folder), store, given.stalls)
        started = time.perf_counter()
        for attempt in attempts(place, seeds):
            seconds, started = time.perf_counter() - started, time.perf_counter()
            _tell(attempt, seconds)
            done, bad = done + 1, bad + bool(attempt.problems)
    print(f"{done - bad} of {done}: the same files, balanced books, nothing left behind")
    return int(bad > 0)


def _in_a_namespace() -> int:
    """Runs this command again where a file system can be mounted, if there is such a place."""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        command = [sys.executable, "-m", "benchmarks", "faults", *sys.argv[1:], "--folder", folder]
        if (
            shutil.which("unshare")
            and not subprocess.run([*_IN_A_NAMESPACE, "true"], capture_output=True, check=False).returncode
        ):
            disk = Path(folder, "disk")
            disk.mkdir()
            command = [*_IN_A_NAMESPACE, "sh", "-c", _MOUNTED, str(disk), *command]
        return subprocess.run(command, check=False).returncode


def _prepared(folder: Path, store: _faulty_store.FaultyStore, stalls: int) -> Place:
    """Makes the input, on disk and in the store."""
    import boto3

    recipe = _mixed_input.make(folder)
    boto3.client("s3").create_bucket(Bucket=_faulty_store.BUCKET)
    for file in storage.glob(f"{folder}/in/"):
        storage.upload(file.path, f"s3://{_faulty_store.BUCKET}/in/{file.path.removeprefix(f'{folder}/in/')}")
    disk = folder / "disk"
    return Place(folder, recipe, store, str(disk) if disk.exists() else "", stalls)


def _tell(attempt: Attempt, seconds: float) -> None:
    number = str(attempt.seed) if attempt.seed >= 0 else "-"
    statuses = ", ".join(map(str, attempt.statuses))
    print(
        f"{number:>4}  {seconds:>5.0f} s  exit {statuses:<16} {attempt.scenario}; {', '.join(attempt.happened) or 'undisturbed'}"
    )
    for problem in attempt.problems:
        print(f"      {problem}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
