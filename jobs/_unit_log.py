"""What a run writes about each unit that ends: a line of JSON for machines, a line of text for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import click

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.execution.balance import Account, Book
from interloom.pipeline.execution.phase_run import Progress, ReportProgress
from interloom.pipeline.execution.used import WHOLE, Used
from interloom.pipeline.store.commits import Commit, FailedUnit


@contextmanager
def lines(file: str) -> Iterator[ReportProgress]:
    """Yields a function that appends a line of JSON to a file ("-": standard output) for each unit that ends, each phase that is
    complete, and each note. Raises ConfigError if the file cannot be written."""
    if file == "-":
        yield partial(_write, None)
        return
    with _opened(file) as out:
        yield partial(_write, out)


def _opened(file: str) -> TextIO:
    try:
        return Path(file).open("a", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--log-json {file}: {error.strerror}") from error


def _write(out: TextIO | None, progress: Progress) -> None:
    for event in events(progress):
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **event}
        click.echo(json.dumps(line, ensure_ascii=False), out)
        if out is not None:
            out.flush()


def events(progress: Progress) -> Iterator[dict[str, Any]]:
    """What a report tells: a note, the end of a unit, the end of a phase."""
    so_far = {"phase": progress.phase, "done": progress.done, "units": progress.units}
    if progress.note:
        yield {"event": "note", "phase": progress.phase, "text": progress.note}
    if isinstance(progress.ended, FailedUnit):
        yield {"event": "failed", **so_far, "unit": progress.ended.unit, "error": progress.ended.message}
    elif progress.ended is not None:
        yield {"event": "unit", **so_far, **about(progress.ended)}
    if progress.complete:
        yield {"event": "phase", **so_far, "resumed": progress.resumed, "documents": progress.documents}


def about(commit: Commit) -> dict[str, Any]:
    """A finished unit: its seconds of work, the bytes that it stored by kind of file, what it used of the machine, and what each
    step did and used in it."""
    stored = commit.stored_bytes()
    steps = {key: _step(book, commit.used.get(key, Used())) for key, book in commit.books.items()}
    return {
        "unit": commit.unit,
        "seconds": round(commit.seconds, 3),
        "bytes": sum(stored.values()),
        "stored": stored,
        "used": _used(commit.used.get(WHOLE, Used())),
        "steps": steps,
    }


def _step(book: Book, used: Used) -> dict[str, Any]:
    counted = {name: _account(account) for name, account in (("documents", book.documents), ("images", book.images))}
    return {"seconds": round(book.seconds, 3), "used": _used(used), **counted}


def _used(used: Used) -> dict[str, Any]:
    return used.to_json() | ({"cpu_s": round(used.cpu_s, 3)} if used.cpu_s else {})


def _account(account: Account) -> dict[str, Any]:
    return {"in": account.seen, "out": account.out, "dropped": dict(account.dropped), "quarantined": account.quarantined}


def text(ended: Commit | FailedUnit) -> str:
    """A unit in a line for people."""
    if isinstance(ended, FailedUnit):
        return f"{ended.phase}: unit {ended.unit} failed: {ended.message}"
    first = next(iter(ended.books.values()), Book())
    size = sum(ended.stored_bytes().values()) / 1e6
    return f"{ended.phase}: unit {ended.unit}, {first.documents.seen:,} documents, {ended.seconds:.1f} s, {size:.1f} MB stored"
