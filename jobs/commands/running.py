"""Commands that run recipes, and that look after the folder of a run."""

from __future__ import annotations

import sys
from typing import Any

import click

from interloom.jobs.commands.options import PATH, RUNNER, Number, overwrite, settings

_WAIT = "Seconds a phase waits for a node of the cluster that it fits. Default 1800; 0 where no node can come."
_WAIT_FOR_RUN = "Seconds to wait for another driver of this run to end, or for its lease to expire. Default 0: refused."
_EVERY = "Where standard error is no terminal: seconds between lines of progress."


@click.command()
@click.argument("recipe", type=PATH)
@settings
@click.option("--runner", type=click.Choice(["ray", "local"]), default="ray", show_default=True, help=RUNNER)
@click.option("--address", help="The Ray cluster: auto or host:port. By default, Ray starts on this machine.")
@click.option("--workers", type=click.IntRange(1), help="With --runner ray: each phase gets at most this many workers.")
@overwrite
@click.option("--wait-for-nodes-s", type=Number(0), help=_WAIT)
@click.option("--wait-for-run-s", type=Number(0), default=0, help=_WAIT_FOR_RUN)
@click.option("--ray-logs", is_flag=True, help="Show Ray's own log lines.")
@click.option("--progress-s", "every_s", type=Number(0.1), default=30, show_default=True, help=_EVERY)
@click.option(
    "--log-json", metavar="FILE", type=PATH, help="Append a line of JSON for each unit that ends; - for standard output."
)
@click.option("-q", "--quiet", is_flag=True, help="Show only warnings and errors.")
@click.option("-v", "--verbose", is_flag=True, help="Show a line for each unit that ends.")
def run(recipe: str, settings: tuple[str, ...], runner: str, **options: Any) -> None:
    """Run a RECIPE. The same command resumes a run that was stopped."""
    from interloom.jobs import _run
    from interloom.jobs._progress import Shown

    if options["quiet"] and options["verbose"]:
        raise click.UsageError("-q shows only warnings and errors, -v a line for each unit; give one of them")
    shown = Shown(**{name: options.pop(name) for name in ("every_s", "log_json", "quiet", "verbose")})
    sys.exit(_run.run(recipe, settings, runner, shown=shown, **options))


@click.command()
@click.argument("run_folder", metavar="RUN", type=PATH)
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
def clean(run_folder: str, dry_run: bool) -> None:
    """Show what the work folders of a RUN hold, and remove those that its current plan does not need."""
    from interloom.jobs import _clean

    _clean.clean(run_folder, dry_run=dry_run)


@click.command()
@click.argument("run_folder", metavar="RUN", type=PATH)
@click.option("--dry-run", is_flag=True, help="Only report; do not let the next run make again what is wrong.")
def verify(run_folder: str, dry_run: bool) -> None:
    """Compare every shard and every intermediate file of a RUN with its checksum. `run` then makes again what is wrong."""
    from interloom.jobs import _verify

    sys.exit(_verify.verify(run_folder, dry_run=dry_run))


@click.command()
@click.option(
    "--folder",
    type=PATH,
    metavar="DIR",
    default="demo-run",
    show_default=True,
    help="Folder for the crawl and the run.",
)
@click.option("--runner", type=click.Choice(["ray", "local"]), default="ray", show_default=True, help=RUNNER)
@click.option("--pages", type=click.IntRange(60), default=300, show_default=True, help="Approximate number of pages.")
def demo(folder: str, runner: str, pages: int) -> None:
    """Generate a small crawl with planted faults, run it end to end, and check that every fault was found."""
    from interloom.jobs.demo import run as demo_run

    sys.exit(demo_run.demo(folder, runner, pages))
