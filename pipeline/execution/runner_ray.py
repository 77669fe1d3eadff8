"""The same units on Ray Data: one row and one block per unit, a fixed pool per phase, commits come back as rows.

Blocks carry unit descriptors and commits, never documents: documents and blobs go straight between workers and storage.
A worker that dies costs its unit one retry, by Ray; the unit writes the same bytes to the same keys.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.execution import resources
from interloom.pipeline.execution.units import Unit
from interloom.pipeline.execution.work import run_unit
from interloom.pipeline.planning.phases import Phase, from_json
from interloom.pipeline.store.commits import Commit


class RayRunner:
    """Runs units on the Ray cluster at `address`, or on one started here for this run."""

    name = "ray"
    work: ClassVar[Callable[..., dict[str, Any]]]
    """What runs on the workers: a block of units in, their commits out."""

    def __init__(self, address: str | None = None, *, workers: int | None = None, show_logs: bool = False) -> None:
        os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # unset, Ray 2.60 turns it on when it finds a token file
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        os.environ.setdefault("RAY_DATA_LOG_LEVEL", "INFO" if show_logs else "ERROR")
        import ray

        quiet = {} if show_logs else {"log_to_driver": False, "logging_level": logging.ERROR}
        if not ray.is_initialized():
            address = address or os.environ.get("RAY_ADDRESS")
            # "local" and not None: without it Ray looks for a cluster that ran here before, and waits for it if it is dead
            ray.init(address=address or "local", include_dashboard=None if address else False, **quiet)
            atexit.register(ray.shutdown)  # before Ray's own, which waits half a second for logs
        self._where = address or "this machine"
        self._workers = workers

    def run(self, run: str, phase: Phase, units: Sequence[Unit]) -> Iterator[Commit]:
        import ray
        from ray.exceptions import RayError

        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.target_max_block_size = None
        rows = [{"unit": json.dumps(unit)} for unit in units]
        what = {"run": run, "phase": json.dumps(phase.to_json())}
        dataset = ray.data.from_items(rows, override_num_blocks=len(rows))
        try:
            done = dataset.map_batches(batch_size=None, **self._means(phase, len(units), what))
            for row in done.iter_rows():
                yield json.loads(row["commit"])
        except RayError as error:
            raise _translated(phase, error) from error

    def _means(self, phase: Phase, units: int, what: dict[str, str]) -> dict[str, Any]:
        """The phase's pool: as many workers as it asks for and fit, refused when not even one does. GPU phases get actors,
        which keep their model on their GPU; others get tasks, whose processes Ray reuses from phase to phase."""
        from ray.data import ActorPoolStrategy, TaskPoolStrategy

        cost, have = phase.cost(), resources.cluster(self._where)
        if cost["cpus"] > have.cpus or cost["gpus"] > have.gpus:
            asks = f"{cost['cpus']:g} CPUs and {cost['gpus']:g} GPUs"
            raise ConfigError(f"{phase.name} asks for {asks} for one worker; {have.where} has {have.cpus:g} and {have.gpus:g}")
        fit = int(min(have.cpus // cost["cpus"], have.gpus // cost["gpus"] if cost["gpus"] else have.cpus))
        size = max(1, min(cost["workers"] or fit, self._workers or fit, fit, units))
        asked = {"num_cpus": cost["cpus"], "num_gpus": cost["gpus"] or None, "memory": cost["memory_bytes"]}
        means: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        if cost["gpus"]:
            return {**means, "fn": _Worker, "fn_constructor_kwargs": what, "compute": ActorPoolStrategy(size=size)}
        return {**means, "fn": type(self).work, "fn_kwargs": what, "compute": TaskPoolStrategy(size=size)}


def work(batch: dict[str, Any], run: str, phase: str) -> dict[str, Any]:
    """One block: the unit in it, done and committed."""
    what = from_json(json.loads(phase))
    return {"commit": [json.dumps(run_unit(run, what, json.loads(unit))) for unit in batch["unit"]]}


RayRunner.work = staticmethod(work)


class _Worker:
    """The same as `work`, as an actor."""

    def __init__(self, run: str, phase: str) -> None:
        self._run, self._phase = run, phase

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        return work(batch, self._run, self._phase)


def _translated(phase: Phase, error: Exception) -> Exception:
    """Our own error from inside Ray's wrapping, or one line about Ray's."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, FatalError | ConfigError):
            return cause
        cause = getattr(cause, "cause", None) or cause.__cause__
    return FatalError(f"{phase.name}: Ray gave up: {str(error).strip().splitlines()[-1]}")
