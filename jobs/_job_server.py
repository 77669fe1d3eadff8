"""The job server of a Ray cluster, over HTTP: submits, lists, follows and stops the jobs that run recipes."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from interloom.jobs._show import clean
from interloom.pipeline.errors import ConfigError, FatalError, in_a_line
from interloom.pipeline.execution import ray_cluster

T = TypeVar("T")

VARIABLES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
"""Ray takes the address from these rather than from the caller."""
RUN, RECIPE = "interloom_run", "interloom_recipe"
"""In the metadata of a job: what it runs."""
_STOPS_WITHIN_S = 60.0  # Ray sends SIGTERM and, after 3 s, SIGKILL; the rest is for a slow server
_BEGINS_WITHIN_S = 60.0
_NOT_YET = "No available agent"
"""What a job server says of a cluster that has just begun: its head has no process yet that starts jobs."""
_NO_AGENT = (
    "its head node has no agent that starts jobs; another Ray node on that machine may hold the agent's port: "
    "start the head with `--dashboard-agent-listen-port` and a free port"
)
_POLL_S = 0.5
_RECONNECT_S = 2.0


@dataclass(frozen=True, slots=True)
class Job:
    """A job that runs a recipe. Times are seconds since 1970, None before they are known; `status` is Ray's."""

    id: str
    run: str
    recipe: str
    status: str
    message: str = ""
    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None

    @property
    def is_over(self) -> bool:
        return self.status in ("SUCCEEDED", "FAILED", "STOPPED")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class JobServer:
    """The job server at `address` (http://HOST:PORT, or HOST:PORT of the dashboard). Raises ConfigError if there is none."""

    def __init__(self, address: str | None) -> None:
        self.address = _checked(address or next(filter(None, map(os.environ.get, VARIABLES)), ""))
        if find_spec("aiohttp") is None:
            raise ConfigError("jobs on a cluster need the extra `cluster`: pip install 'interloom[cluster]'")
        from ray.job_submission import JobSubmissionClient

        for module in ("modules.dashboard_sdk", "modules.job.sdk"):
            logging.getLogger(f"ray.dashboard.{module}").setLevel(logging.ERROR)
        logging.getLogger("ray._private.runtime_env.packaging").setLevel(logging.ERROR)
        with _without_variables():
            self._client = self._asked(lambda: JobSubmissionClient(self.address), ConfigError)

    def submit(self, command: str, job: str, runtime_env: Mapping[str, Any], metadata: Mapping[str, str]) -> None:
        """Starts a job under this id; waits for a cluster that has just begun. Raises ConfigError if the server refuses it."""
        values = {"runtime_env": dict(runtime_env), "metadata": dict(metadata)}
        deadline = time.monotonic() + _BEGINS_WITHIN_S
        while True:
            try:
                self._asked(lambda: self._client.submit_job(entrypoint=command, submission_id=job, **values), ConfigError)
                return
            except ConfigError as refused:
                if _NOT_YET not in str(refused):
                    raise
                if time.monotonic() > deadline:
                    raise ConfigError(f"the job server at {self.address}: {_NO_AGENT}") from refused
            time.sleep(_POLL_S)

    def jobs(self) -> list[Job]:
        """All jobs that run recipes, the oldest first."""
        details = self._asked(self._client.list_jobs)
        jobs = [_job(each) for each in details if each.submission_id and RUN in (each.metadata or {})]
        return sorted(jobs, key=lambda job: (job.started or 0, job.id))

    def job(self, name: str) -> Job:
        """The job of this id, or the last one of the run in this folder. Raises ConfigError if there is none."""
        jobs = self.jobs()
        named = [job for job in jobs if name in (job.id, job.run)]
        if not named:
            ids = ", ".join(job.id for job in jobs) or "no jobs of recipes"
            raise ConfigError(f"{name}: no such job or run at {self.address}; there are {ids}")
        return named[-1]

    def stop(self, job: str) -> Job:
        """Stops a job and returns it once it is over, or as it is if that takes too long."""
        self._asked(lambda: self._client.stop_job(job))
        deadline = time.monotonic() + _STOPS_WITHIN_S
        while not (stopped := self.job(job)).is_over and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return stopped

    def logs(self, job: str) -> str:
        """What the job has printed so far."""
        return str(self._asked(lambda: self._client.get_job_logs(job)))

    def follow(self, job: str, show: Callable[[str], None]) -> Job:
        """Shows what the job prints until it is over. A connection that breaks is made again, and nothing is shown twice."""
        shown = 0
        while True:
            shown = asyncio.run(self._tail(job, show, shown))
            if (seen := self.job(job)).is_over:
                rest = self.logs(job)[shown:]
                if rest:
                    show(rest)
                return seen
            time.sleep(_RECONNECT_S)

    async def _tail(self, job: str, show: Callable[[str], None], before: int) -> int:
        """Shows what follows the first `before` characters. Returns how many there are, once the connection has ended."""
        read = 0
        try:
            async for text in self._client.tail_job_logs(job):
                new = text[max(before - read, 0) :]
                read += len(text)
                if new:
                    show(new)
        except (RuntimeError, OSError):  # the connection broke, which `follow` mends
            pass
        return max(read, before)

    def _asked(self, question: Callable[[], T], error: type[ConfigError | FatalError] = FatalError) -> T:
        """The server's answer, or its refusal in one line."""
        try:
            return question()
        except (RuntimeError, ConnectionError, OSError, ValueError) as refused:
            last = str(refused).strip().splitlines()[-1] if "Traceback" in str(refused) else in_a_line(refused)
            raise error(f"the job server at {self.address}: {clean(last)}") from refused


def _checked(address: str) -> str:
    """The server's URL. Raises ConfigError for what is none, and if nothing listens there."""
    what = "give the address of the cluster's dashboard, http://HOST:8265"
    if not address:
        raise ConfigError(f"which cluster? {what}, with --address or in {VARIABLES[0]}")
    url = address if "://" in address else f"http://{address}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{address} is not the address of a job server: {what}")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    ray_cluster.check_that_it_answers(f"{parts.hostname}:{port}", f"{address}; {what}")
    return url.rstrip("/")


@contextmanager
def _without_variables() -> Iterator[None]:
    """Takes the variables that would count more than our address out of the environment for a moment."""
    kept = {name: os.environ.pop(name) for name in VARIABLES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


def _job(details: Any) -> Job:
    metadata, status = details.metadata, getattr(details.status, "value", details.status)
    return Job(
        details.submission_id,
        metadata[RUN],
        metadata.get(RECIPE, ""),
        str(status),
        message=details.message or "",
        started=details.start_time / 1000 if details.start_time else None,
        ended=details.end_time / 1000 if details.end_time else None,
        exit_code=details.driver_exit_code,
    )


def id_for(run: str, jobs: list[Job]) -> str:
    """The id of the next job of a run: s3://bucket/web, second job -> "interloom-bucket-web-2"."""
    stem = "interloom-" + re.sub(r"[^A-Za-z0-9._-]+", "-", run.partition("://")[2] or run).strip("-")
    numbers = [int(job.id.removeprefix(f"{stem}-")) for job in jobs if job.id.removeprefix(f"{stem}-").isdigit()]
    return f"{stem}-{max(numbers, default=0) + 1}"


def echo(text: str) -> None:
    """Shows what a job prints, on standard error, where a run here reports its progress."""
    click.echo(text, nl=False, err=True)
