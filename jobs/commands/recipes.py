"""Commands about recipes and what they may be made of: they compute nothing."""

from __future__ import annotations

from pathlib import Path

import click

from interloom.jobs.commands.options import PATH, capacity, overwrite, settings


@click.command()
@click.argument("recipe", type=PATH)
@settings
@capacity
@overwrite
@click.option("--elsewhere", is_flag=True, help="Leave out what only the machines of the run have: files, models, credentials.")
def validate(
    recipe: str, settings: tuple[str, ...], cpus: float | None, gpus: float | None, overwrite: bool, elsewhere: bool
) -> None:
    """Check a RECIPE offline: names, parameters, files, models and the graph. Reports all mistakes at once."""
    from interloom.jobs import _plan

    described = _plan.target(cpus, gpus)
    if elsewhere:
        plan = _plan.outlined(recipe, settings, described)
    else:
        plan, _ = _plan.planned(recipe, settings, described, overwrite=overwrite)
    unseen = "; files, models and credentials were not looked for" if elsewhere else ""
    click.echo(f"{recipe}: {len(plan.steps)} steps, no mistakes{unseen}")
    for note in _plan.too_large_for_here(recipe, settings) if described is None and not elsewhere else ():
        click.echo(note)


@click.command()
@click.argument("recipe", type=PATH)
@settings
@capacity
def plan(recipe: str, settings: tuple[str, ...], cpus: float | None, gpus: float | None) -> None:
    """Show the phases of a RECIPE, their units, and which of them are finished. Computes nothing."""
    from interloom.jobs import _plan

    checked, _ = _plan.planned(recipe, settings, _plan.target(cpus, gpus), overwrite=True)
    _plan.show(checked)


@click.command()
@click.argument("name", type=click.Choice(["pages", "texts", "captions"]))
def init(name: str) -> None:
    """Write a recipe to begin with: NAME.yaml, for a folder of HTML pages, a file of texts, or pictures with captions."""
    from interloom.jobs import _init

    _init.copy(name, Path())


@click.command("list")
@click.argument("name", required=False)
def list_(name: str | None) -> None:
    """List all stages and filters; with NAME, show the documentation and the parameters of one."""
    from interloom.jobs import _list

    _list.show(name)


@click.command()
def schema() -> None:
    """Print the JSON Schema of recipes, with the parameters of every stage and filter."""
    from interloom.jobs import _schema

    click.echo(_schema.text(), nl=False)
