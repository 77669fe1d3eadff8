"""The job server of a Ray cluster, over HTTP: submits, lists, follows and stops the jobs that run recipes."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from interloom.jobs._job import RECIPE, RUN, Job, is_same_run
from interloom.jobs._show import clean
from interloom.pipeline.errors import ConfigError, FatalError, in_a_line
from interloom.pipeline.execution import ray_cluster

T = TypeVar("T")

VARIABLES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
"""Ray takes the address from these rather than from the caller."""
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
_RETURNS_WITHIN_S = 60.0
"""So long a job is followed whose server does not answer: a proxy or a head that begins anew may be back by then. Our choice."""
_THERE_ALREADY = "already exists"
_MOST_NAMED = 5
_GITIGNORE = "RAY_RUNTIME_ENV_IGNORE_GITIGNORE"
"""Set to 1, Ray sends the files of a folder that its .gitignore names, too."""


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
        with _variables(dict.fromkeys(VARIABLES)):
            self._client = self._asked(lambda: JobSubmissionClient(self.address), ConfigError)

    def submit(self, command: str, job: str, runtime_env: Mapping[str, Any], metadata: Mapping[str, str]) -> None:
        """Starts a job under this id; waits for a cluster that has just begun. Raises ConfigError if the server refuses it."""
        values = {"runtime_env": dict(runtime_env), "metadata": dict(metadata)}
        deadline = time.monotonic() + _BEGINS_WITHIN_S
        while True:
            try:
                with _variables({_GITIGNORE: "1"}):
                    self._asked(lambda: self._client.submit_job(entrypoint=command, submission_id=job, **values), ConfigError)
                return
            except ConfigError as refused:
                if _THERE_ALREADY in str(refused):
                    way_on = f"`interloom jobs logs {job}` follows it"
                    raise ConfigError(f"{job}: there is such a job already, as another submit was faster; {way_on}") from refused
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
        named = [job for job in jobs if name == job.id or is_same_run(name, job.run)]
        if not named:
            ids = ", ".join(job.id for job in jobs[-_MOST_NAMED:]) or "no jobs of recipes"
            last = "the last ones are" if len(jobs) > _MOST_NAMED else "there are"
            raise ConfigError(f"{name}: no such job or run at {self.address}; {last} {ids}")
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
        """Shows what the job prints until it is over. A connection that breaks is made again, and nothing is shown twice. Raises
        FatalError if the server does not answer any more, or does not know the job."""
        shown = 0
        silent_since: float | None = None
        while True:
            shown = asyncio.run(self._tail(job, show, shown))
            try:
                seen = self.job(job)
                shown = self._show_rest(seen, show, shown)
            except ConfigError as unknown:
                way_on = "the same `submit` goes on from here"
                raise FatalError(f"{job}: {self.address} does not know it any more; {way_on}") from unknown
            except FatalError as silent:
                silent_since = silent_since or time.monotonic()
                if time.monotonic() - silent_since >= _RETURNS_WITHIN_S:
                    way_on = f"it may go on: `interloom jobs logs {job}` follows it again, and the same `submit` resumes the run"
                    raise FatalError(f"{job}: not heard of for {_RETURNS_WITHIN_S:g} s ({silent}); {way_on}") from silent
            else:
                silent_since = None
                if seen.is_over:
                    return seen
            time.sleep(_RECONNECT_S)

    def _show_rest(self, job: Job, show: Callable[[str], None], before: int) -> int:
        """Shows what the job has printed after so many characters, and returns how many there are. Of a job that is over the rest
        may have gone with its machine."""
        try:
            printed = self.logs(job.id)
        except FatalError as gone:
            if not job.is_over:
                raise
            show(f"warning: the last lines of {job.id} cannot be read: {gone}\n")
            return before
        if rest := printed[before:]:
            show(rest)
        return max(before, len(printed))

    async def _tail(self, job: str, show: Callable[[str], None], before: int) -> int:
        """Shows what follows the first `before` characters. Returns how many there are, once the connection has ended."""
        import aiohttp

        read = 0
        try:
            async for text in self._client.tail_job_logs(job):
                new = text[max(before - read, 0) :]
                read += len(text)
                if new:
                    show(new)
        except (RuntimeError, OSError, aiohttp.ClientError):  # it broke, or a proxy lets none through: `follow` asks otherwise
            pass
        return max(read, before)

    def _asked(self, question: Callable[[], T], error: type[ConfigError | FatalError] = FatalError) -> T:
        """The server's answer, or its refusal in one line."""
        from ray.exceptions import RayError

        try:
            return question()
        except (RuntimeError, OSError, ValueError, TypeError, RayError) as refused:
            lines = [line for line in str(refused).splitlines() if line.strip(" .")]  # what the server adds ends in lines of dots
            last = lines[-1] if "Traceback" in str(refused) and lines else in_a_line(_first_cause(refused))
            raise error(f"the job server at {self.address}: {clean(last)}") from refused


def _first_cause(error: BaseException) -> BaseException:
    """Of a connection that failed, what the system said, without the layers of libraries around it."""
    cause = error
    while isinstance(error, OSError) and isinstance(cause.__context__, Exception):
        cause = cause.__context__
    return cause


def _checked(address: str) -> str:
    """The server's URL. Raises ConfigError for what is none, and if nothing listens there."""
    what = "give the address of the cluster's dashboard, http://HOST:8265"
    if not address:
        raise ConfigError(f"which cluster? {what}, with --address or in {VARIABLES[0]}")
    url = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:  # a port that is no number, or too large; brackets that do not close
        raise ConfigError(f"{address} is not the address of a job server: {what}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{address} is not the address of a job server: {what}")
    ray_cluster.check_that_it_answers(f"{parts.hostname}:{port}", f"{address}; {what}")
    return url.rstrip("/")


@contextmanager
def _variables(values: Mapping[str, str | None]) -> Iterator[None]:
    """Gives environment variables other values for a moment; None takes one out."""
    before = {name: os.environ.get(name) for name in values}
    _set_variables(values)
    try:
        yield
    finally:
        _set_variables(before)


def _set_variables(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


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


def echo(text: str) -> None:
    """Shows what a job prints, on standard error, where a run here reports its progress."""
    click.echo(text, nl=False, err=True)
