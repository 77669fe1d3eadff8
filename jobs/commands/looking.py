"""Commands that show what a run did, from its folder alone."""

from __future__ import annotations

import click

from interloom.jobs.commands.options import PATH, Number


def _id(name: str) -> str:
    """The type of ids. An empty one, such as of a variable in a script that is not set, would be the beginning of all."""
    if not name.strip():
        raise click.BadParameter("it is empty; give the ID of a document or image")
    return PATH(name)


@click.command()
@click.argument("run_folder", metavar="RUN", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="The state in a line of JSON.")
@click.option("--watch", is_flag=True, help="Go on until the run has ended: bars on a terminal, otherwise lines.")
@click.option("--every-s", type=Number(0.1), default=5, show_default=True, help="With --watch: seconds between looks.")
def status(run_folder: str, as_json: bool, watch: bool, every_s: float) -> None:
    """Show whether a RUN (its folder) is running, stalled, done or has failed, how far its phases are, and how many documents and
    images each step let through. Works from any machine that sees the folder."""
    from interloom.jobs import _status

    _status.status(run_folder, as_json=as_json, watch=watch, every_s=every_s)


@click.command()
@click.argument("run_folder", metavar="RUN", type=PATH)
def scores(run_folder: str) -> None:
    """Show how the scores that the steps of a RUN gave are distributed, to choose thresholds by."""
    from interloom.jobs import _scores

    _scores.scores(run_folder)


@click.command()
@click.argument("run_folder", metavar="RUN", type=PATH)
@click.option("--step", help="Only the reports of this step.")
def report(run_folder: str, step: str | None) -> None:
    """Show what the selections of a RUN left of clusters, entries and labels: counts, entropy, Gini, examples."""
    from interloom.jobs import _report

    _report.report(run_folder, step)


@click.command()
@click.argument("run_folder", metavar="RUN", type=PATH)
@click.argument("name", metavar="ID", required=False, type=_id)
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


@click.command()
@click.argument("run_folder", metavar="RUN", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each.")
def errors(run_folder: str, as_json: bool) -> None:
    """List all that a RUN quarantined, with the errors."""
    from interloom.jobs import _why

    _why.errors(run_folder, as_json=as_json)


@click.command()
@click.argument("run_folder", metavar="RUN", type=PATH)
@click.argument("name", metavar="ID", type=_id)
@click.option("--width", type=click.IntRange(20), default=100, show_default=True, help="Width of the text in characters.")
def show(run_folder: str, name: str, width: int) -> None:
    """Print a document of a RUN in reading order. ID is an id, its beginning, the id in the file, a URL or a file."""
    from interloom.jobs import _show

    _show.show(run_folder, name, width)
