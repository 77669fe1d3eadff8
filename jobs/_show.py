"""`show`: prints an interleaved document to the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import click

from interloom.pipeline.errors import FatalError
from interloom.pipeline.store import run_reader
from interloom.schemas.document import Document, Media, Text

_PREFIX = {"heading": "# ", "list_item": "- ", "quote": "> ", "caption": "  ^ ", "code": "    ", "table": "| "}


def show(run: str, name: str, width: int) -> None:
    """Prints the document as the latest phase stored it. Raises FatalError if no phase stored it."""
    stored = next(run_reader.documents(run, name), None)
    if stored is None:
        raise FatalError(f"{run} has no document '{name}'; interloom why {run} {name} may say why")
    phase, doc = stored
    click.echo(f"{clean(doc.id)}  after '{phase}'\n{clean(doc.source.url or doc.source.path)}")
    for line in lines(doc, width):
        click.echo(line)


def lines(doc: Document, width: int = 100) -> Iterator[str]:
    """The document's labels and scores, then its elements in order, as lines of at most `width` characters."""
    facts = [f"{name}: {value}" for name, value in sorted(doc.labels.items())]
    facts += [f"{name} = {value:g}" for name, value in sorted(doc.scores.items())]
    yield from textwrap.wrap(clean("; ".join(facts)), width)
    for element in doc.elements:
        yield ""
        if isinstance(element, Media):
            yield from _media(element, width)
        elif isinstance(element, Text):
            prefix = _PREFIX.get(element.role, "")
            yield from textwrap.wrap(prefix + clean(element.text), width, subsequent_indent=" " * len(prefix))


def _media(media: Media, width: int) -> Iterator[str]:
    size = f"{media.width}x{media.height} " if media.width else ""
    scores = "".join(f" {name} = {value:g}" for name, value in sorted(media.scores.items()))
    summary = f"[{type(media).__name__.lower()} {media.position}: {size}{media.format}{scores}]"
    yield clean(summary)
    alt = f" alt: {clean(media.alt)}" if media.alt else ""
    yield from textwrap.wrap(f"{clean(media.url)[:200]}{alt}", width, initial_indent="  ", subsequent_indent="  ")


def clean(text: str) -> str:
    """The text in one line without control characters, because the text of a page must not control the terminal.

    `"a\\x1b[2J\\n b"` -> `"a [2J b"`.
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
