"""`why` and `errors`: what steps decided about one document or image, or about all that a step dropped or quarantined."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from interloom.jobs import _tables
from interloom.jobs._show import MOST_SHOWN, clean, refuse_several, too_short
from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.execution.written_in import shards_of
from interloom.pipeline.planning.recipe import suggestion
from interloom.pipeline.store import naming, run_reader
from interloom.pipeline.store.naming import Matches
from interloom.schemas.document import Document

_MOST_ROWS = 200
"""Rows of a table; `--json` has all. Our choice."""
_COLUMNS = ("id", "position", "url", "step", "use", "reason", "value", "threshold", "kept", "error", "source_id")


def why(run: str, name: str) -> None:
    """Prints what the steps decided about a document or image, and, of a document that is still there, where it is.

    Raises FatalError if no step saw it, ConfigError if several ids begin so.
    """
    matches = naming.find(run, name)
    if not matches:
        raise FatalError(f"no step of {run} has seen a document or image '{name}'{too_short(name)}")
    if matches.are_beginnings:
        refuse_several(run, name, matches)
    latest: dict[str, tuple[str, Document]] = {}
    for phase, doc in matches.documents:
        latest.setdefault(doc.id, (phase, doc))
    _print_decisions(matches, name, {id_: doc for id_, (_, doc) in latest.items()})
    left = {row["id"] for row in matches.decisions if row["position"] is None}
    _print_documents(run, name, {id_: state for id_, state in latest.items() if id_ not in left})


def _print_decisions(matches: Matches, name: str, stored: Mapping[str, Document]) -> None:
    """Prints each decision, and the scores of a document that was dropped."""
    for row in matches.decisions[:_MOST_ROWS]:
        subject = row["id"] if row["position"] is None else f"{row['id']} image or text at {row['position']}"
        url = f" ({row['url']})" if row["url"] else ""
        click.echo(f"{clean(subject + url)}\n    {clean(_verdict(row))}")
        if row["position"] is None and row["id"] in stored:
            _print_scores(stored[row["id"]])
    if len(matches.decisions) > _MOST_ROWS:
        click.echo(f"{len(matches.decisions) - _MOST_ROWS:,} more decisions are about what '{clean(name)}' names")


def _print_documents(run: str, name: str, latest: Mapping[str, tuple[str, Document]]) -> None:
    """Prints the shards in which documents are, or else the phase that stored them last; the latest phase of each is given."""
    shown = list(latest.values())[:MOST_SHOWN]
    shards = shards_of(run, [doc.id for _, doc in shown])
    for phase, doc in shown:
        click.echo(f"{clean(f'{doc.id} ({doc.source.url or doc.source.path})')}")
        for shard in shards.get(doc.id, ()):
            click.echo(f"    in the output: {clean(shard)}, with {len(doc.images)} images")
        if doc.id not in shards:
            click.echo(f"    stored after '{phase}' with {len(doc.images)} images")
        _print_scores(doc)
    if len(latest) > MOST_SHOWN:
        click.echo(f"{len(latest) - MOST_SHOWN:,} more documents are stored that '{clean(name)}' names")


def _print_scores(doc: Document) -> None:
    for score, value in sorted(doc.scores.items()):
        click.echo(f"    {clean(score)} = {value:g}")


def decided(run: str, step: str, reason: str | None, *, as_json: bool) -> None:
    """Prints all that a step dropped or quarantined, for this reason (`quarantined` for errors) or for any.

    Raises ConfigError for a step or reason that the run does not have.
    """
    run_reader.check_step(run, step)
    rows = [row for row in run_reader.decisions(run) if row["step"] == step]
    reasons = Counter(_reason(row) for row in rows)
    if reason is not None and reason not in reasons:
        raise ConfigError(f"{step} dropped nothing for the reason '{reason}'{suggestion(reason, list(reasons))}")
    _print([row for row in rows if reason in (None, _reason(row))], as_json=as_json)


def errors(run: str, *, as_json: bool) -> None:
    """Prints all documents and elements that were quarantined, with the errors."""
    _print((row for row in run_reader.decisions(run) if row["error"]), as_json=as_json)


def _reason(row: Mapping[str, Any]) -> str:
    return "quarantined" if row["error"] else str(row["reason"])


def _print(rows: Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    """Prints rows as lines of JSON, or the first of them as a table."""
    if as_json:
        for row in rows:
            click.echo(json.dumps({name: row.get(name) for name in _COLUMNS if row.get(name) is not None}, ensure_ascii=False))
        return
    rows = iter(rows)
    shown = list(islice(rows, _MOST_ROWS))
    if not shown:
        click.echo("nothing was dropped or quarantined")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("step", "id", "at", "url or file", "why"):
        table.add_column(name, overflow="fold")
    for row in shown:
        table.add_row(*map(Text, _cells(row)))
    _tables.print_table(table)
    if more := sum(1 for _ in rows):
        click.echo(f"{more:,} more; --json prints all")


def _cells(row: Mapping[str, Any]) -> Iterator[str]:
    at = "" if row["position"] is None else str(row["position"])
    named = row["url"] or row.get("source_id") or ""
    yield from map(clean, (row["step"], row["id"], at, named, row["error"] or _measured(row)))


def _measured(row: Mapping[str, Any]) -> str:
    value = f", measured {row['value']:g}" if row["value"] is not None else ""
    limit = f", limit {row['threshold']:g}" if row["threshold"] is not None else ""
    kept = _decider(str(row["kept"])) if row["kept"] else ""
    return f"{row['reason']}{value}{limit}{kept}"


def _decider(kept: str) -> str:
    """What decided: the document that is kept, or, in words, a cluster, an entry or a group ("entry red car")."""
    return f"; decided by {kept}" if " " in kept else f"; {kept} was kept instead"


def _verdict(row: Mapping[str, Any]) -> str:
    if row["error"]:
        return f"quarantined by {row['step']} ({row['use']}): {row['error']}"
    return f"dropped by {row['step']} ({row['use']}): {_measured(row)}"
