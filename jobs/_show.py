"""`show`: an interleaved document in the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import click

from interloom.pipeline.errors import FatalError
from interloom.pipeline.store import run_reader
from interloom.schemas.document import Document, Media, Text

_MARKS = {"heading": "# ", "list_item": "- ", "quote": "> ", "caption": "  ^ ", "code": "    ", "table": "| "}


def show(run: str, name: str, width: int) -> None:
    """The document as it stands in the latest phase that has it. Raises FatalError when none has."""
    found = next(run_reader.documents(run, name), None)
    if found is None:
        raise FatalError(f"{run} has no document '{name}' (interloom why {run} {name} may tell)")
    phase, doc = found
    click.echo(f"{clean(doc.id)}  after '{phase}'\n{clean(doc.source.url or doc.source.path)}")
    for line in lines(doc, width):
        click.echo(line)


def lines(doc: Document, width: int = 100) -> Iterator[str]:
    """Labels, scores, then the elements in order, wrapped to `width` characters."""
    facts = [f"{name}: {value}" for name, value in sorted(doc.labels.items())]
    facts += [f"{name} = {value:g}" for name, value in sorted(doc.scores.items())]
    yield from textwrap.wrap(clean("; ".join(facts)), width)
    for element in doc.elements:
        yield ""
        if isinstance(element, Media):
            yield from _media(element, width)
        elif isinstance(element, Text):
            mark = _MARKS.get(element.role, "")
            yield from textwrap.wrap(mark + clean(element.text), width, subsequent_indent=" " * len(mark))


def _media(media: Media, width: int) -> Iterator[str]:
    size = f"{media.width}x{media.height} " if media.width else ""
    scores = "".join(f" {name} = {value:g}" for name, value in sorted(media.scores.items()))
    box = f"[{type(media).__name__.lower()} {media.position}: {size}{media.format}{scores}]"
    yield clean(box)
    alt = f" alt: {clean(media.alt)}" if media.alt else ""
    yield from textwrap.wrap(f"{clean(media.url)[:200]}{alt}", width, initial_indent="  ", subsequent_indent="  ")


def clean(text: str) -> str:
    """Without control characters: what a page says must not steer the terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
