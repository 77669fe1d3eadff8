"""`submit`: runs a recipe as a job of a Ray cluster; `jobs`: lists, follows and stops such jobs."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from interloom.jobs import _runtime_env, _stopping, _tables
from interloom.jobs._job import RECIPE, RUN, Job, id_for, is_same_run
from interloom.jobs._job_server import JobServer, echo
from interloom.jobs._show import clean
from interloom.pipeline.errors import ConfigError
from interloom.pipeline.planning import own_code
from interloom.pipeline.planning.plan import outline
from interloom.pipeline.planning.recipe import Located, read_recipe
from interloom.pipeline.store import storage
from interloom.pipeline.store.lease import WAIT_OF_JOBS_S
from interloom.pipeline.temporary import folder_until_exit
from interloom.schemas.recipe import Recipe

_LARGEST = 100 << 20
"""Ray refuses working directories of more than 500 MiB and copies them to every machine. Our choice."""


def submit(recipe: str, settings: Sequence[str], address: str | None, **options: Any) -> int:
    """Submits the recipe at this path and follows it, unless `wait` is False. Returns its exit status, 0 if it goes on.

    Other `options`: `image`, `env` (NAME or NAME=VALUE), `runtime_env` (a YAML file), `working_dir`, `arguments` (of `run`).
    Raises ConfigError if the recipe or the cluster does not fit.
    """
    located, checked = read_recipe(recipe, settings)
    outline(located, checked)
    _check_run_folder(checked.run)
    server = JobServer(address)
    jobs = server.jobs()
    if busy := [job for job in jobs if is_same_run(job.run, checked.run) and not job.is_over]:
        way_out = f"`interloom jobs logs {busy[-1].id}` follows it, `interloom jobs stop {busy[-1].id}` stops it"
        raise ConfigError(f"{checked.run}: the job {busy[-1].id} runs it now; {way_out}")
    job = id_for(checked.run, jobs)
    there, runtime_env = pack(located, checked, folder_until_exit("job"), options)
    settled = [word for setting in settings for word in ("--set", setting)]
    more = [f"--wait-for-run-s={WAIT_OF_JOBS_S}", *settled, *options.get("arguments", ())]
    command = ["python", "-m", "interloom.jobs", "run", there, "--address", "auto", *more]
    server.submit(shlex.join(command), job, runtime_env, {RUN: checked.run, RECIPE: recipe})
    click.echo(f"{checked.run}: submitted as {job}")
    return follow(server, job) if options.get("wait", True) else 0


def _check_run_folder(run: str) -> None:
    if not storage.is_remote(run) and not os.path.isabs(run):
        where = "which is removed when the job ends; choose s3://bucket/key, or an absolute path that all machines share"
        raise ConfigError(f"run: {run} would lie in the job's working directory, {where}")
    if not storage.is_remote(run):
        click.echo(f"warning: run: {run} must be on a file system that all machines of the cluster share", err=True)


def pack(located: Located, recipe: Recipe, folder: Path, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Where the job finds the recipe, and its runtime environment: with the recipe and the plug-ins beside it in `folder`, or a
    folder of the user's, as working directory; or with an image, or a recipe in object storage, and no working directory."""
    runtime_env = _runtime_env.read(options.get("runtime_env"))
    named = {name: os.environ[name] for name in located.variables if name in os.environ}  # else the cluster could not read it
    runtime_env["env_vars"] = {**named, **runtime_env.get("env_vars", {}), **_runtime_env.variables(options.get("env", ()))}
    image, own = options.get("image"), options.get("working_dir")
    _runtime_env.check_that_nothing_is_replaced(runtime_env, image, is_sent=bool(own) or not storage.is_remote(located.file))
    if image:
        runtime_env["image_uri"] = image
        if own or not storage.is_remote(located.file):
            raise ConfigError(f"with --image nothing goes along: give a recipe in object storage, not {own or located.file}")
    if own:
        return _in_own_folder(located.file, own, recipe, runtime_env)
    _warn_of_local_files(recipe, None)
    if storage.is_remote(located.file):
        return located.file, runtime_env
    name = os.path.basename(located.file)
    (folder / name).write_bytes(located.text.encode())  # not read again: a pipe gives it once, and a file may have changed
    for path, data in own_code.files_of(own_code.admit_beside(located.file, [line.use for line in recipe.steps])).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return _no_option(name), runtime_env | {"working_dir": str(folder)}


def _no_option(file: str) -> str:
    """The path of a recipe as an argument, which does not begin as an option does."""
    return f"./{file}" if file.startswith("-") else file


def _in_own_folder(file: str, own: str, recipe: Recipe, runtime_env: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """As `pack`, with a folder of the user's as working directory."""
    if not os.path.isdir(own):
        raise ConfigError(f"--working-dir {own}: no such folder")
    if not storage.is_remote(file) and not Path(file).resolve().is_relative_to(Path(own).resolve()):
        raise ConfigError(f"{file} does not lie in --working-dir {own}, which is all that goes along")
    size = sum(path.stat().st_size for path in Path(own).rglob("*") if path.is_file())
    if size > _LARGEST:
        raise ConfigError(
            f"--working-dir {own} holds {size / 1e6:,.0f} MB, and a copy goes to every machine: put data into object storage"
        )
    _warn_of_local_files(recipe, Path(own))
    there = file if storage.is_remote(file) else Path(file).resolve().relative_to(Path(own).resolve()).as_posix()
    return _no_option(there), runtime_env | {"working_dir": own}


def _warn_of_local_files(recipe: Recipe, along: Path | None) -> None:
    """Warns of what the recipe names and only this machine is known to have: the cluster must have it under the same path."""
    for n, line in enumerate(recipe.steps):
        for name, value in line.with_.items():
            for path in _local_paths(value, along):
                where = "is on this machine; the cluster needs it under the same path: put it into object storage"
                send = "" if os.path.isabs(path) else ", or send its folder along with --working-dir"
                click.echo(clean(f"warning: steps.{n}.with.{name}: {path} {where}{send}"), err=True)


def _local_paths(value: Any, along: Path | None) -> Iterator[str]:
    """The strings in a value that name files or folders here, but for those in the folder that goes along."""
    if isinstance(value, str):
        place = (storage.root_of(value) or ".") if set("*?[") & set(value) else value
        goes_along = along is not None and not os.path.isabs(value) and (along / place).exists()
        if not storage.is_remote(value) and ("/" in value or "." in value) and os.path.exists(place) and not goes_along:
            yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _local_paths(each, along)


def follow(server: JobServer, job: str) -> int:
    """Shows what a job prints until it is over. Returns its exit status."""
    try:
        ended = server.follow(job, echo)
    except KeyboardInterrupt:
        number = _stopping.received()
        way_on = f"`interloom jobs logs {job}` follows it again, `interloom jobs stop {job}` stops it"
        click.echo(f"\n{signal.Signals(number).name}: the job {job} goes on; {way_on}", err=True)
        return 128 + number
    click.echo(f"{job}: {ended.status.lower()}{_why(ended)}", err=True)
    return 0 if ended.status == "SUCCEEDED" else ended.exit_code if (ended.exit_code or 0) > 0 and ended.exit_code else 1


def _why(job: Job) -> str:
    first = job.message.strip().splitlines()[0] if job.message.strip() and job.status == "FAILED" else ""
    return f" ({clean(first.partition(', last available logs')[0])})" if first else ""


def list_jobs(address: str | None, *, as_json: bool) -> None:
    """Prints the jobs that run recipes: a table, or a line of JSON for each."""
    jobs = JobServer(address).jobs()
    if as_json:
        for job in jobs:
            click.echo(json.dumps(job.to_json(), ensure_ascii=False))
        return
    table = Table("job", "run", "status", "started (UTC)", "for", box=None, pad_edge=False)
    for job in jobs:
        started = datetime.fromtimestamp(job.started, UTC).strftime("%Y-%m-%d %H:%M") if job.started else ""
        seconds = (job.ended or time.time()) - job.started if job.started else 0
        table.add_row(job.id, job.run, job.status.lower(), started, f"{seconds / 60:.1f} min")
    _tables.print_table(table)


def logs(name: str, address: str | None, *, wait: bool) -> int:
    """Prints what a job has printed and, with `wait`, what it prints until it is over. Returns its exit status."""
    server = JobServer(address)
    job = server.job(name)
    if wait:
        return follow(server, job.id)
    echo(server.logs(job.id))
    return 0


def stop(name: str, address: str | None) -> int:
    """Stops a job. Returns 0 once it is over."""
    server = JobServer(address)
    job = server.job(name)
    if job.is_over:
        click.echo(f"{job.id}: {job.status.lower()} already")
        return 0
    ended = server.stop(job.id)
    if not ended.is_over:
        click.echo(f"{job.id}: told to stop, but still {ended.status.lower()}; the same command asks again", err=True)
        return 1
    click.echo(f"{job.id}: {ended.status.lower()}; `interloom submit {job.recipe}` goes on from here")
    return 0
