"""The command line: `interloom` or `python -m interloom.jobs`.

Exit status: 0 for success; 1 if a run fails, or what was asked for is not there; 2 if the command, the recipe or the machine does
not fit and nothing was started; 128 + n if signal n stopped it (130 for Ctrl-C, 143 for SIGTERM).
"""

from __future__ import annotations

import errno
import signal
import sys
from importlib import import_module
from typing import Any

import click

from interloom.jobs._stopping import heed_signals, is_of_output, received, without_more_output
from interloom.pipeline.errors import ConfigError, InterloomError, in_a_line
from interloom.pipeline.temporary import full_folder

_MISUSED = 2
_FAILED = 1
_STOPPED = 128
"""Added to the number of the signal, as shells do."""
_COMMANDS = {
    "recipes": ("validate", "plan", "init", "list", "schema"),
    "running": ("run", "clean", "verify", "demo"),
    "cluster": ("submit", "jobs", "render"),
    "looking": ("status", "scores", "report", "why", "errors", "show"),
}
"""The files of `jobs/commands`, each with the names of its commands: one is imported when one of its commands is called."""

_RESUMABLE = frozenset({"run", "clean", "demo", "submit"})
"""Commands that keep what they have done, and go on from there."""


class _Group(click.Group):
    """Finds each command in its file of `jobs/commands`. Prints the errors that Interloom raises on purpose as lines, without a
    traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(name for names in _COMMANDS.values() for name in names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for file, names in _COMMANDS.items():
            if cmd_name in names:
                commands = vars(import_module(f"interloom.jobs.commands.{file}")).values()
                return next(each for each in commands if isinstance(each, click.Command) and each.name == cmd_name)
        return None

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
            click.echo(f"failed: {_of_the_system(error, _goes_on(context))}", err=True)
            without_more_output()
            sys.exit(_FAILED)
        except KeyboardInterrupt:
            way_on = "; the same command goes on from here" if _goes_on(context) else ""
            click.echo(f"stopped by {signal.Signals(received()).name}{way_on}", err=True)
            sys.exit(_STOPPED + received())


def _goes_on(context: click.Context) -> bool:
    """Whether the command keeps what it has done, so that the same one goes on from there."""
    return context.invoked_subcommand in _RESUMABLE


def _of_the_system(error: OSError, goes_on: bool) -> str:
    """The error of the system in a line: `out/plan.json: No space left on device`."""
    is_named = error.filename and error.strerror
    if not is_named and is_of_output(error):
        return f"standard output: {error.strerror or in_a_line(error)}"
    what = f"{error.filename}: {error.strerror}" if is_named else f"{in_a_line(error)}{full_folder(error)}"
    return f"{what}; once that is mended, the same command goes on from here" if goes_on else what


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="interloom")
def main() -> None:
    """Turns web crawls, documents and videos into interleaved image-text corpora."""


if __name__ == "__main__":
    main()
