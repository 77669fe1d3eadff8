"""`show`: prints an interleaved document to the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import islice

import click

from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.store import naming
from interloom.pipeline.store.naming import Matches
from interloom.schemas.document import Document, Media, Text
from interloom.schemas.text_forms import storable

MOST_SHOWN = 20
"""Documents that `why` and `show` list where a name stands for many. Our choice."""
_PREFIX = {"heading": "# ", "list_item": "- ", "quote": "> ", "caption": "  ^ ", "code": "    ", "table": "| "}


def show(run: str, name: str, width: int) -> None:
    """Prints the document as the latest phase stored it. Raises FatalError if no phase stored it, ConfigError if the
    name stands for several."""
    matches = naming.find(run, name)
    if not matches.documents:
        raise FatalError(f"{run} has no document '{name}'; interloom why {run} {name} may say why{too_short(name)}")
    refuse_several(run, name, matches)
    phase, doc = next((stored for stored in matches.documents if stored[1].id == name), matches.documents[0])
    click.echo(f"{clean(doc.id)}  after '{phase}'\n{clean(doc.source.url or doc.source.path)}")
    for line in lines(doc, width):
        click.echo(line)


def too_short(name: str) -> str:
    """What to tell of a name that may be the beginning of an id, if it is shorter than such a beginning must be."""
    is_short = len(name) < naming.SHORTEST_BEGINNING
    return f"; the beginning of an id needs at least {naming.SHORTEST_BEGINNING} characters" if is_short else ""


def refuse_several(run: str, name: str, matches: Matches) -> None:
    """Raises ConfigError, with the candidates, if the name stands for more than one document."""
    roots = matches.roots
    if len(roots) < 2:
        return
    listed = [f"    {clean(f'{id_} {url}')}" for id_, url in islice(sorted(roots.items()), MOST_SHOWN)]
    more = [f"    and {len(roots) - MOST_SHOWN:,} more"] if len(roots) > MOST_SHOWN else []
    how = "is the beginning of the ids of" if matches.are_beginnings else "stands for"
    raise ConfigError(f"'{name}' {how} {len(roots):,} documents of {run}; name one by its id:", *listed, *more)


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
    return " ".join("".join(c if c.isprintable() else " " for c in storable(text)).split())
