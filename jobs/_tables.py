"""The funnel: the table of how many documents and images each step let through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import click
from rich.console import Console
from rich.table import Table

from interloom.jobs._show import clean
from interloom.pipeline.execution.balance import Account, Book
from interloom.pipeline.execution.losses import losses
from interloom.pipeline.planning.plan import PlannedStep


def funnel(books: Mapping[str, Book], *, on_stderr: bool = False) -> None:
    """Prints a row for each step: documents and images in and out, counts by reason of what it dropped, its working time in
    seconds."""
    table = Table(box=None, pad_edge=False)
    table.add_column("step")
    for name in ("docs in", "out", "images in", "out"):
        table.add_column(name, justify="right")
    table.add_column("dropped and quarantined", overflow="fold")
    table.add_column("s", justify="right")
    for key, book in books.items():
        counts = [f"{n:,}" for account in (book.documents, book.images) for n in (account.seen, account.out)]
        table.add_row(key, *counts, _losses(book), f"{book.seconds:.1f}")
    print_table(table, on_stderr=on_stderr)


def print_table(table: Table, *, on_stderr: bool = False) -> None:
    """Prints a table, as wide as the terminal; 160 characters wide where there is no terminal."""
    console = Console(stderr=on_stderr)
    console = console if console.is_terminal else Console(width=160, stderr=on_stderr)
    console.print(table)


def _losses(book: Book) -> str:
    elements = [line for name in ("texts", "clips") for line in _reasons(replace(book.accounts[name], left=0), f"{name} ")]
    return ", ".join([*_reasons(book.documents, ""), *_reasons(book.images, "images "), *elements])


def _reasons(account: Account, kind: str) -> list[str]:
    by_count = sorted(account.dropped.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"{count:,} {kind}{reason}" for reason, count in by_count]
    lines += [f"{account.quarantined:,} {kind}quarantined"] if account.quarantined else []
    return lines + ([f"{account.left:,} {kind}with their document"] if account.left else [])


def warnings(run: str, steps: Sequence[PlannedStep], books: Mapping[str, Book], *, on_stderr: bool = False) -> None:
    """Prints a line for each step that lost nearly all for one reason."""
    for loss in losses(steps, books):
        click.echo(clean(loss.text(run)), err=on_stderr)


def strangers(folder: str, names: Sequence[str], *, on_stderr: bool = False) -> None:
    """Prints a line if files of these names, which the run did not write, lie beside the shards in a folder."""
    if names:
        others = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
        told = f"warning: {folder} holds {names[0]}{others}, which this run did not write; what reads its shards reads that, too"
        click.echo(clean(told), err=on_stderr)
