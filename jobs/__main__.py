"""The command line: `interloom` or `python -m interloom.jobs`.

Exit status: 0 for success; 1 if a run fails, or what was asked for is not there; 2 if the command, the recipe or the machine does
not fit and nothing was started; 128 + n if signal n stopped it (130 for Ctrl-C, 143 for SIGTERM).
"""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable
from typing import Any

import click

from interloom.jobs._stopping import heed_signals, received, without_more_output
from interloom.pipeline.errors import ConfigError, InterloomError, in_a_line

_MISUSED = 2
_FAILED = 1
_STOPPED = 128
"""Added to the number of the signal, as shells do."""
_RUNNER = "Run on Ray, or in this process (local)."


class _Group(click.Group):
    """Prints the errors that Interloom raises on purpose as lines, without a traceback."""

    def invoke(self, context: click.Context) -> Any:
        heed_signals()
        try:
            return super().invoke(context)
        except ConfigError as error:
            for problem in error.problems:
                click.echo(problem, err=True)
            sys.exit(_MISUSED)
        except InterloomError as error:
            click.echo(f"failed: {error}", err=True)
            sys.exit(_FAILED)
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read the output has gone
                raise
            click.echo(f"failed: {_of_the_system(error)}", err=True)
            without_more_output()
            sys.exit(_FAILED)
        except KeyboardInterrupt:
            click.echo(f"stopped by {signal.Signals(received()).name}; the same command goes on from here", err=True)
            sys.exit(_STOPPED + received())


def _of_the_system(error: OSError) -> str:
    """The error of the system in a line: `out/plan.json: No space left on device`."""
    what = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else in_a_line(error)
    return f"{what}; once that is mended, the same command goes on from here"


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="interloom")
def main() -> None:
    """Turns web crawls, documents and videos into interleaved image-text corpora."""


def _settings(command: Callable[..., Any]) -> Callable[..., Any]:
    text = "Change one value of the recipe, for example steps.3.with.at_least=0.2 (repeatable)."
    return click.option("--set", "settings", multiple=True, metavar="PATH=VALUE", help=text)(command)


def _capacity(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--gpus", type=float, help="GPUs of the cluster on which the recipe will run.")(command)
    return click.option("--cpus", type=float, help="CPU cores of the cluster on which the recipe will run.")(command)


def _overwrite(command: Callable[..., Any]) -> Callable[..., Any]:
    text = "Let sinks replace shards in folders that hold data which this run did not write."
    return click.option("--overwrite", is_flag=True, help=text)(command)


@main.command()
@click.argument("recipe")
@_settings
@_capacity
@_overwrite
def validate(recipe: str, settings: tuple[str, ...], cpus: float | None, gpus: float | None, overwrite: bool) -> None:
    """Check a RECIPE offline: names, parameters, files, models and the graph. Reports all mistakes at once."""
    from interloom.jobs import _plan

    plan, _ = _plan.planned(recipe, settings, _plan.target(cpus, gpus), overwrite=overwrite)
    click.echo(f"{recipe}: {len(plan.steps)} steps, no mistakes")


@main.command()
@click.argument("recipe")
@_settings
@_capacity
def plan(recipe: str, settings: tuple[str, ...], cpus: float | None, gpus: float | None) -> None:
    """Show the phases of a RECIPE, their units, and which of them are finished. Computes nothing."""
    from interloom.jobs import _plan

    checked, _ = _plan.planned(recipe, settings, _plan.target(cpus, gpus), overwrite=True)
    _plan.show(checked)


@main.command()
@click.argument("recipe")
@_settings
@click.option("--runner", type=click.Choice(["ray", "local"]), default="ray", show_default=True, help=_RUNNER)
@click.option("--address", help="The Ray cluster: auto or host:port. By default, Ray starts on this machine.")
@click.option("--workers", type=click.IntRange(1), help="Each phase gets at most this many workers.")
@_overwrite
@click.option("--ray-logs", is_flag=True, help="Show Ray's own log lines.")
def run(recipe: str, settings: tuple[str, ...], runner: str, **options: Any) -> None:
    """Run a RECIPE. The same command resumes a run that was stopped."""
    from interloom.jobs import _run

    sys.exit(_run.run(recipe, settings, runner, **options))


@main.command()
@click.argument("run_folder", metavar="RUN")
def status(run_folder: str) -> None:
    """Show how many units of a RUN (its folder) are finished, and how many documents and images each step let through."""
    from interloom.jobs import _tables

    _tables.status(run_folder)


@main.command()
@click.argument("run_folder", metavar="RUN")
def scores(run_folder: str) -> None:
    """Show how the scores that the steps of a RUN gave are distributed, to choose thresholds by."""
    from interloom.jobs import _scores

    _scores.scores(run_folder)


@main.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--step", help="Only the reports of this step.")
def report(run_folder: str, step: str | None) -> None:
    """Show what the selections of a RUN left of clusters, entries and labels: counts, entropy, Gini, examples."""
    from interloom.jobs import _report

    _report.report(run_folder, step)


@main.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
def clean(run_folder: str, dry_run: bool) -> None:
    """Show what the work folders of a RUN hold, and remove those that its current plan does not need."""
    from interloom.jobs import _clean

    _clean.clean(run_folder, dry_run=dry_run)


@main.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--dry-run", is_flag=True, help="Only report; do not let the next run make again what is wrong.")
def verify(run_folder: str, dry_run: bool) -> None:
    """Compare every shard and every intermediate file of a RUN with its checksum. `run` then makes again what is wrong."""
    from interloom.jobs import _verify

    sys.exit(_verify.verify(run_folder, dry_run=dry_run))


@main.command()
@click.argument("run_folder", metavar="RUN")
@click.argument("name", metavar="ID", required=False)
@click.option("--step", help="Instead of ID: list all that this step dropped or quarantined.")
@click.option("--reason", help="With --step: only what was dropped for this reason (`quarantined` for errors).")
@click.option("--json", "as_json", is_flag=True, help="With --step: a line of JSON for each.")
def why(run_folder: str, name: str | None, step: str | None, reason: str | None, as_json: bool) -> None:
    """Show which step of a RUN dropped a document or image, and why. ID is an id, its beginning, the id in the file, a URL or a
    file; with --step instead, show all that a step dropped."""
    from interloom.jobs import _why

    if (name is None) == (step is None) or (step is None and (reason or as_json)):
        raise click.UsageError("give either the ID of a document or image, or --step, which --reason and --json belong to")
    if step is not None:
        _why.decided(run_folder, step, reason, as_json=as_json)
    elif name is not None:
        _why.why(run_folder, name)


@main.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each.")
def errors(run_folder: str, as_json: bool) -> None:
    """List all that a RUN quarantined, with the errors."""
    from interloom.jobs import _why

    _why.errors(run_folder, as_json=as_json)


@main.command()
@click.argument("run_folder", metavar="RUN")
@click.argument("name", metavar="ID")
@click.option("--width", type=click.IntRange(20), default=100, show_default=True, help="Width of the text in characters.")
def show(run_folder: str, name: str, width: int) -> None:
    """Print a document of a RUN in reading order. ID is an id, its beginning, the id in the file, a URL or a file."""
    from interloom.jobs import _show

    _show.show(run_folder, name, width)


@main.command("list")
@click.argument("name", required=False)
def list_(name: str | None) -> None:
    """List all stages and filters; with NAME, show the documentation and the parameters of one."""
    from interloom.jobs import _list

    _list.show(name)


@main.command()
def schema() -> None:
    """Print the JSON Schema of recipes, with the parameters of every stage and filter."""
    from interloom.jobs import _schema

    click.echo(_schema.text(), nl=False)


@main.command()
@click.option(
    "--folder",
    default="demo-run",
    show_default=True,
    help="Folder for the crawl and the run.",
)
@click.option("--runner", type=click.Choice(["ray", "local"]), default="ray", show_default=True, help=_RUNNER)
@click.option("--pages", type=click.IntRange(60), default=300, show_default=True, help="Approximate number of pages.")
def demo(folder: str, runner: str, pages: int) -> None:
    """Generate a small crawl with planted faults, run it end to end, and check that every fault was found."""
    from interloom.jobs.demo import run as demo_run

    sys.exit(demo_run.demo(folder, runner, pages))


if __name__ == "__main__":
    main()
