"""`verify`: compares every file of a run with its checksum."""

from __future__ import annotations

import click

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.store import run_reader, verification
from interloom.pipeline.store.lease import Lease


def verify(run: str, *, dry_run: bool) -> int:
    """Prints a line for each file that is missing or damaged and, unless `dry_run`, lets the next run make it again. Returns the
    exit status: 1 if there is one. Raises ConfigError for no run."""
    run_reader.phases(run)
    files = size_bytes = 0
    wrong = []
    for checked in verification.check(run):
        files, size_bytes = files + 1, size_bytes + checked.file.size_bytes
        if checked.problem:
            wrong.append(checked)
            click.echo(f"{checked.file.path}: {checked.problem}; {checked.file.origin}")
    if not wrong:
        rest = "" if verification.is_finished(run) else "; the run is not finished, so commits that are gone would not be missed"
        click.echo(f"{run}: {files:,} files with {size_bytes / 1e6:,.1f} MB are as they were written{_places(run)}{rest}")
        return 0
    click.echo(f"{run}: {len(wrong):,} of {files:,} files are missing or damaged{_marked(run, wrong, dry_run=dry_run)}")
    return 1


def _places(run: str) -> str:
    """Which folders outside of the run were looked at."""
    return "".join(f"; what {key} wrote lies in {folder}" for key, folder in verification.targets_elsewhere(run).items())


def _marked(run: str, wrong: list[verification.Checked], *, dry_run: bool) -> str:
    """Marks the files, and returns what to tell of it."""
    again = [checked.file for checked in wrong if checked.is_made_again]
    if not again and not dry_run:
        return "; nothing is marked to be made again"
    if dry_run:
        return ""
    try:
        lease = Lease.acquire(run, "verify")
    except ConfigError as error:
        return f"; they are not marked to be made again, because {error}"
    try:
        for file in again:
            verification.mark(run, file)
    finally:
        lease.release()
    return f"; `interloom run` makes {'them' if len(again) == len(wrong) else f'{len(again):,} of them'} again"
