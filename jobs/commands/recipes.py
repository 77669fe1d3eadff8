"""Commands about recipes and what they may be made of: they compute nothing, but for `plan --sample`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from interloom.jobs.commands.options import PATH, Number, capacity, overwrite, settings


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
    for note in () if elsewhere else _plan.doubts(recipe, settings):
        click.echo(note)
    for note in _plan.too_large_for_here(recipe, settings) if described is None and not elsewhere else ():
        click.echo(note)


@click.command()
@click.argument("recipe", type=PATH)
@settings
@capacity
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Run about N documents, and price the whole run by them.")
@click.option("--memory-gb", type=Number(0, min_open=True), help="With --sample: memory of a node, GB.")
@click.option("--rates", metavar="FILE", type=PATH, help="With --sample: YAML with what CPU-hours, GB and requests cost.")
@click.option("--keeps", multiple=True, metavar="STEP=SHARE", help="With --sample: the share a step lets through (repeatable).")
@click.option("--json", "as_json", is_flag=True, help="With --sample: the price in a line of JSON.")
def plan(recipe: str, settings: tuple[str, ...], cpus: float | None, gpus: float | None, **options: Any) -> None:
    """Show the phases of a RECIPE, their units, and which of them are finished; this computes nothing. With --sample it runs some
    documents in a temporary folder, and shows what the whole run takes: CPU, memory, bytes, requests, time, money. A recipe
    that fetches over HTTP asks web sites for the images of the sample."""
    from interloom.jobs import _plan
    from interloom.pipeline.execution import resources

    if not options["sample"] and any(options.values()):
        raise click.UsageError("--memory-gb, --rates, --keeps and --json belong to --sample")
    there = _plan.target(cpus, gpus) or (resources.here() if options["sample"] else None)
    checked, _ = _plan.planned(recipe, settings, there, overwrite=True)
    if options["sample"]:
        from interloom.jobs import _price

        _price.show(checked, _price.Asked(cpus=cpus, gpus=gpus, **options))
    else:
        _plan.show(checked)
    for refusal in _plan.refusals(checked):
        click.echo(refusal, err=True)


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
