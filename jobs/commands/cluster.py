"""Commands that run recipes on a Ray cluster elsewhere: as jobs of its job server, or as a RayJob of Kubernetes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from interloom.jobs.commands.options import PATH, settings

_MOST = (1 << 31) - 1
"""The largest number that Kubernetes takes in most places."""


def _server(command: Callable[..., Any]) -> Callable[..., Any]:
    text = "The cluster's job server: http://HOST:8265. Default: $RAY_API_SERVER_ADDRESS or $RAY_ADDRESS."
    return click.option("--address", metavar="URL", help=text)(command)


@click.command()
@click.argument("recipe", type=PATH)
@settings
@_server
@click.option("--wait/--no-wait", default=True, show_default=True, help="Show what the job prints until it is over.")
@click.option(
    "--working-dir", metavar="DIR", type=PATH, help="Send this folder; by default the recipe and the plug-ins beside it."
)
@click.option("--image", help="Run in this container image, in which nothing is sent: RECIPE lies in object storage.")
@click.option(
    "--env", multiple=True, metavar="NAME[=VALUE]", help="A variable for the job (repeatable); NAME takes its value here."
)
@click.option("--runtime-env", metavar="FILE", type=PATH, help="YAML with more of Ray's runtime environment, such as `pip`.")
@click.option("--workers", type=click.IntRange(1), help="Each phase gets at most this many workers.")
@click.option("--overwrite", is_flag=True, help="Let sinks replace shards in folders that hold data of others.")
def submit(recipe: str, settings: tuple[str, ...], address: str | None, **options: Any) -> None:
    """Run a RECIPE as a job of a Ray cluster. The same command resumes a run that was stopped."""
    from interloom.jobs import _submit

    workers, overwrite = options.pop("workers"), options.pop("overwrite")
    arguments = ([f"--workers={workers}"] if workers else []) + (["--overwrite"] if overwrite else [])
    sys.exit(_submit.submit(recipe, settings, address, **options, arguments=arguments))


@click.group()
def jobs() -> None:
    """List, follow and stop the jobs that `submit` has started."""


@jobs.command("list")
@_server
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each.")
def list_jobs(address: str | None, as_json: bool) -> None:
    """List the cluster's jobs that run recipes."""
    from interloom.jobs import _submit

    _submit.list_jobs(address, as_json=as_json)


@jobs.command()
@click.argument("name", metavar="JOB")
@_server
@click.option("--wait/--no-wait", default=True, show_default=True, help="Until the job is over.")
def logs(name: str, address: str | None, wait: bool) -> None:
    """Show what a JOB prints. JOB is its id, or the folder of its run."""
    from interloom.jobs import _submit

    sys.exit(_submit.logs(name, address, wait=wait))


@jobs.command()
@click.argument("name", metavar="JOB")
@_server
def stop(name: str, address: str | None) -> None:
    """Stop a JOB. What it has committed stays, and the same `submit` resumes it."""
    from interloom.jobs import _submit

    sys.exit(_submit.stop(name, address))


@click.group()
def render() -> None:
    """Write what another system needs to run a recipe."""


@render.command()
@click.argument("recipe", type=PATH)
@settings
@click.option("--image", required=True, help="The container image of all pods (see the Dockerfile).")
@click.option("--at", metavar="URI", help="Where pods find the recipe, in object storage. Default: RECIPE itself.")
@click.option("--name", help="Name of the RayJob. Default: the recipe's.")
@click.option("--namespace", help="Its namespace. Default: that of kubectl.")
@click.option("--cpus", type=click.IntRange(1, _MOST), default=16, show_default=True, help="CPUs of a worker's pod.")
@click.option("--max-nodes", type=click.IntRange(1, _MOST), default=50, show_default=True, help="Most pods with CPUs.")
@click.option("--max-gpu-nodes", type=click.IntRange(1, _MOST), default=8, show_default=True, help="Most pods with GPUs.")
@click.option("--secret", "secrets", multiple=True, help="A Secret whose entries become variables (repeatable).")
@click.option("--config-map", "config_maps", multiple=True, help="A ConfigMap whose entries become variables (repeatable).")
@click.option("--secret-env", multiple=True, metavar="NAME=SECRET/KEY", help="A variable from a Secret (repeatable).")
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="A variable that is no secret (repeatable).")
@click.option("--gpu-node", multiple=True, metavar="LABEL=VALUE", help="A label of nodes for pods with GPUs (repeatable).")
@click.option("--service-account", help="Service account of all pods, for rights on object storage.")
@click.option("--retries", type=click.IntRange(0, _MOST), default=3, show_default=True, help="New clusters after a failure.")
@click.option(
    "--keep-s", type=click.IntRange(0, _MOST), default=600, show_default=True, help="Seconds until a finished job goes."
)
@click.option("--wait-for-nodes-s", type=click.IntRange(0, _MOST), default=1800, show_default=True, help="As for `run`.")
def kuberay(recipe: str, settings: tuple[str, ...], **options: Any) -> None:
    """Print a RayJob of KubeRay that runs a RECIPE on Kubernetes, with pods sized from its phases."""
    from interloom.jobs import _kuberay

    job, notes = _kuberay.kuberay(recipe, settings, _kuberay.Cluster(**options))
    click.echo(job, nl=False)
    for note in notes:
        click.echo(note, err=True)
