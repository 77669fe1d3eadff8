"""The command: `interloom` or `python -m interloom.jobs`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from interloom.pipeline.errors import ConfigError, FatalError, InterloomError

_MISUSED, _FAILED = 2, 1


class _Group(click.Group):
    """Shows our errors as their lines, without a traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except ConfigError as error:
            for problem in error.problems:
                click.echo(problem, err=True)
            sys.exit(_MISUSED)
        except InterloomError as error:
            click.echo(f"failed: {error}", err=True)
            sys.exit(_FAILED)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="interloom")
def main() -> None:
    """Turns web crawls, documents and videos into interleaved image-text corpora."""


def _settings(command: Callable[..., Any]) -> Callable[..., Any]:
    words = "Change one value, for example steps.3.with.at_least=0.2 (repeatable)."
    return click.option("--set", "settings", multiple=True, metavar="PATH=VALUE", help=words)(command)


def _capacity(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--gpus", type=float, help="GPUs of the cluster meant to run it.")(command)
    return click.option("--cpus", type=float, help="CPU cores of the cluster meant to run it.")(command)


@main.command()
@click.argument("recipe")
@_settings
@_capacity
def validate(recipe: str, settings: tuple[str, ...], cpus: float | None, gpus: float | None) -> None:
    """Check a RECIPE offline: names, parameters, files, models, the graph. Every mistake at once."""
    from interloom.jobs import _plan

    plan, _ = _plan.planned(recipe, settings, _plan.target(cpus, gpus))
    click.echo(f"{recipe}: {len(plan.steps)} steps, no mistakes")


@main.command()
@click.argument("recipe")
@_settings
@_capacity
def plan(recipe: str, settings: tuple[str, ...], cpus: float | None, gpus: float | None) -> None:
    """Show the phases, units and what is done already; nothing is computed."""
    from interloom.jobs import _plan

    made, _ = _plan.planned(recipe, settings, _plan.target(cpus, gpus))
    _plan.show(made)


@main.command()
@click.argument("recipe")
@_settings
@click.option("--runner", type=click.Choice(["ray", "local"]), default="ray", show_default=True, help="Where units run.")
@click.option("--address", help="A Ray cluster (`auto`, host:port, ray://...); one is started here if left out.")
@click.option("--workers", type=click.IntRange(1), help="At most so many workers for any phase.")
@click.option("--ray-logs", is_flag=True, help="Show what Ray logs.")
def run(recipe: str, settings: tuple[str, ...], runner: str, **means: Any) -> None:
    """Run a RECIPE; the same command resumes it."""
    from interloom.jobs import _run

    sys.exit(_run.run(recipe, settings, runner, **means))


@main.command()
@click.argument("run_folder", metavar="RUN")
def status(run_folder: str) -> None:
    """What is done of a RUN (its folder), and the funnel so far."""
    from interloom.jobs import _tables

    _tables.status(run_folder)


@main.command()
@click.argument("run_folder", metavar="RUN")
@click.argument("name", metavar="ID")
def why(run_folder: str, name: str) -> None:
    """Why document or image ID (an id, its beginning, or a URL) is or is not in the output of a RUN."""
    from interloom.jobs import _tables

    if not _tables.why(run_folder, name):
        raise FatalError(f"{run_folder} knows nothing of '{name}'")


@main.command()
@click.argument("run_folder", metavar="RUN")
@click.argument("name", metavar="ID")
@click.option("--width", type=click.IntRange(20), default=100, show_default=True)
def show(run_folder: str, name: str, width: int) -> None:
    """Show document ID (an id, its beginning, or a URL) of a RUN, in reading order."""
    from interloom.jobs import _show

    _show.show(run_folder, name, width)


@main.command("list")
@click.argument("name", required=False)
def list_(name: str | None) -> None:
    """The stages and filters there are; with NAME, its parameters and its documentation."""
    from interloom.jobs import _list

    _list.show(name)


@main.command()
def schema() -> None:
    """Print the recipe's JSON Schema, with every stage's and filter's parameters."""
    from interloom.jobs import _schema

    click.echo(_schema.text(), nl=False)


@main.command()
@click.option("--folder", default="demo-run", show_default=True, help="Where the crawl and the run go.")
@click.option("--runner", type=click.Choice(["ray", "local"]), default="ray", show_default=True)
@click.option("--pages", type=click.IntRange(50), default=300, show_default=True)
def demo(folder: str, runner: str, pages: int) -> None:
    """Make a small crawl with planted faults, run it end to end, and check the outcome against what was planted."""
    from interloom.jobs.demo import run as demo_run

    sys.exit(demo_run.demo(folder, runner, pages))


if __name__ == "__main__":
    main()
