"""The command `init`: copies a recipe to begin with."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from interloom.pipeline.errors import ConfigError

STARTERS = {"pages": "PAGES", "texts": "TEXTS", "captions": "PICTURES"}
"""The recipes in `jobs/first_hour`, and the variable with the input of each."""


def copy(name: str, folder: Path) -> None:
    """Copies a recipe into a folder and says how to run it. Raises ConfigError if there is a file of its name."""
    target = folder / f"{name}.yaml"
    if target.exists():
        raise ConfigError(f"{target}: there is such a file already; move it, or run init in another folder")
    target.write_text((files("interloom.jobs") / "first_hour" / target.name).read_text())
    variable = STARTERS[name]
    click.echo(f"wrote {target}. Next:")
    click.echo(f"  export {variable}=path/of/your/input RUN={name}-run")
    click.echo(f"  interloom validate {target} && interloom run {target}")
