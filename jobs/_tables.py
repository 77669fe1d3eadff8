"""`status`, `why`, and the funnel: the table of how many documents and images each step let through."""

from __future__ import annotations

from collections.abc import Mapping

import click
from rich.console import Console
from rich.table import Table

from interloom.jobs._show import clean
from interloom.pipeline.execution import balance
from interloom.pipeline.execution.balance import Account, Book
from interloom.pipeline.store import run_reader
from interloom.schemas.document import Document

_MOST_SHOWN = 20
"""Stored documents that `why` shows where an id in files names many. Our choice."""


def funnel(books: Mapping[str, Book]) -> None:
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
    print_table(table)


def print_table(table: Table) -> None:
    """Prints a table, as wide as the terminal; 160 characters wide where there is no terminal."""
    console = Console()
    console = console if console.is_terminal else Console(width=160)
    console.print(table)


def _losses(book: Book) -> str:
    texts = [f"{count:,} texts {reason}" for reason, count in sorted(book.texts_dropped.items())]
    return ", ".join([*_reasons(book.documents, ""), *_reasons(book.images, "images "), *texts])


def _reasons(account: Account, kind: str) -> list[str]:
    by_count = sorted(account.dropped.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"{count:,} {kind}{reason}" for reason, count in by_count]
    lines += [f"{account.quarantined:,} {kind}quarantined"] if account.quarantined else []
    return lines + ([f"{account.left:,} {kind}with their document"] if account.left else [])


def status(run: str) -> None:
    """Prints each phase with its number of finished units, then the funnel so far."""
    books: dict[str, Book] = {}
    for phase, commits in run_reader.progress(run):
        for commit in commits:
            balance.add(books, commit.books)
        seconds = sum(commit.seconds for commit in commits)
        units = run_reader.units(run, phase)
        count = "?" if units is None else len(units)
        click.echo(f"{phase.name}: {len(commits)} of {count} units finished, {seconds:.1f} s of work")
    funnel(run_reader.in_step_order(run, books))


def why(run: str, name: str) -> bool:
    """Prints what the steps decided about a document or image, and its latest stored state. Returns False if no step saw it."""
    decided: set[tuple[str, int | None]] = set()
    for row in run_reader.decisions_on(run, name):
        decided.add((row["id"], row["position"]))
        subject = row["id"] if row["position"] is None else f"{row['id']} image or text at {row['position']}"
        url = f" ({row['url']})" if row["url"] else ""
        click.echo(f"{clean(subject + url)}\n    {clean(_verdict(row))}")
    latest: dict[str, tuple[str, Document]] = {}
    for phase, doc in run_reader.documents(run, name):
        latest.setdefault(doc.id, (phase, doc))
    for phase, doc in list(latest.values())[:_MOST_SHOWN]:
        state = "last stored" if (doc.id, None) in decided else "stored"
        click.echo(f"{clean(f'{doc.id} ({doc.source.url or doc.source.path})')}")
        click.echo(f"    {state} after '{phase}' with {len(doc.images)} images")
        for score, value in sorted(doc.scores.items()):
            click.echo(f"    {clean(score)} = {value:g}")
    if len(latest) > _MOST_SHOWN:
        click.echo(f"{len(latest) - _MOST_SHOWN:,} more documents are stored that '{clean(name)}' names")
    return bool(decided or latest)


def _verdict(row: Mapping[str, object]) -> str:
    if row["error"]:
        return f"quarantined by {row['step']} ({row['use']}): {row['error']}"
    value = f", measured {row['value']:g}" if row["value"] is not None else ""
    limit = f", limit {row['threshold']:g}" if row["threshold"] is not None else ""
    kept = _decider(str(row["kept"])) if row["kept"] else ""
    return f"dropped by {row['step']} ({row['use']}): {row['reason']}{value}{limit}{kept}"


def _decider(kept: str) -> str:
    """What decided: the document that is kept, or, in words, a cluster, an entry or a group ("entry red car")."""
    return f"; decided by {kept}" if " " in kept else f"; {kept} was kept instead"
