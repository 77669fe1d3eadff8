"""`status`, `why` and the funnel, as tables."""

from __future__ import annotations

from collections.abc import Mapping

import click
from rich.console import Console
from rich.table import Table

from interloom.jobs._show import clean
from interloom.pipeline.execution.books import Account, Book
from interloom.pipeline.store import run_reader


def funnel(books: Mapping[str, Book]) -> None:
    """Per step: in, out, dropped by reason, quarantined, seconds of work."""
    table = Table(box=None, pad_edge=False)
    table.add_column("step")
    for name in ("docs in", "out", "images in", "out"):
        table.add_column(name, justify="right")
    table.add_column("dropped and quarantined", overflow="fold")
    table.add_column("s", justify="right")
    for key, book in books.items():
        counts = [f"{n:,}" for a in (book.documents, book.images) for n in (a.into + a.born, a.out)]
        table.add_row(key, *counts, _gone(book), f"{book.seconds:.1f}")
    console = Console()
    console = console if console.is_terminal else Console(width=160)
    console.print(table)


def _gone(book: Book) -> str:
    texts = [f"{count:,} texts {reason}" for reason, count in sorted(book.texts_dropped.items())]
    return ", ".join([*_reasons(book.documents, ""), *_reasons(book.images, "images "), *texts])


def _reasons(account: Account, of: str) -> list[str]:
    lines = [f"{count:,} {of}{reason}" for reason, count in sorted(account.dropped.items(), key=lambda item: -item[1])]
    lines += [f"{account.quarantined:,} {of}quarantined"] if account.quarantined else []
    return lines + ([f"{account.left:,} {of}with their document"] if account.left else [])


def status(run: str) -> None:
    """Phases with their commits, then the funnel so far."""
    for phase, done in run_reader.progress(run):
        seconds = sum(one["seconds"] for one in done)
        click.echo(f"{phase.name}: {len(done)} of {len(run_reader.units(run, phase)) or '?'} units done, {seconds:.1f} s of work")
    funnel(run_reader.funnel(run))


def why(run: str, name: str) -> bool:
    """Prints what was decided about a document or image, and where it stands now; False if nothing is known."""
    known: set[tuple[str, int | None]] = set()
    for row in run_reader.decisions_on(run, name):
        known.add((row["id"], row["position"]))
        what = row["id"] if row["position"] is None else f"{row['id']} image or text at {row['position']}"
        url = f" ({row['url']})" if row["url"] else ""
        click.echo(f"{clean(what + url)}\n    {clean(_verdict(row))}")
    stored = next(run_reader.documents(run, name), None)
    if stored is not None:
        phase, doc = stored
        stands = "was last stored" if (doc.id, None) in known else "stands"
        click.echo(f"{clean(f'{doc.id} ({doc.source.url or doc.source.path})')}")
        click.echo(f"    {stands} after '{phase}' with {len(doc.images)} images")
        for score, value in sorted(doc.scores.items()):
            click.echo(f"    {clean(score)} = {value:g}")
    return bool(known) or stored is not None


def _verdict(row: Mapping[str, object]) -> str:
    if row["error"]:
        return f"quarantined by {row['step']} ({row['use']}): {row['error']}"
    value = f", measured {row['value']:g}" if row["value"] is not None else ""
    limit = f" against {row['threshold']:g}" if row["threshold"] is not None else ""
    kept = f"; {row['kept']} stands for it" if row["kept"] else ""
    return f"dropped by {row['step']} ({row['use']}): {row['reason']}{value}{limit}{kept}"
