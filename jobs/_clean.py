"""`clean`: shows the work folders of a run and frees those that its current plan does not need."""

from __future__ import annotations

import click

from interloom.pipeline.store import cleaning, run_reader
from interloom.pipeline.store.lease import Lease


def clean(run: str, *, dry_run: bool) -> None:
    """Prints a line for each work folder; removes those that are not needed unless `dry_run`. Raises ConfigError for no run, and
    for one that a driver has."""
    run_reader.phases(run)
    if dry_run:
        return _clean(run, dry_run=True)
    lease = Lease.acquire(run, "clean")
    try:
        _clean(run, dry_run=False)
    finally:
        lease.release()


def _clean(run: str, *, dry_run: bool) -> None:
    freed = 0
    for folder in cleaning.work_folders(run):
        fate = "needed" if folder.needed else "would be removed" if dry_run else "removed"
        click.echo(f"{folder.path:<60} {folder.files:>7,} files {folder.size_bytes / 1e6:>10,.1f} MB  {fate}")
        if folder.needed:
            continue
        freed += folder.size_bytes
        if not dry_run:
            cleaning.free(run, folder)
    click.echo(f"{run}: {freed / 1e6:,.1f} MB {'would be freed' if dry_run else 'freed'}")
