"""A document in the terminal: order, captions, scores; the text of a page cannot control the terminal."""

from __future__ import annotations

from interloom.jobs._show import lines
from interloom.schemas.document import Document, Image, Text


def test_elements_are_shown_in_order_with_the_prefixes_of_their_roles() -> None:
    doc = Document(
        id="a",
        labels={"title": "T"},
        scores={"quality": 0.5},
        elements=(
            Text(position=0, text="Head", role="heading"),
            Image(position=1, url="https://x/1.png", alt="a cat", format="png", width=3, height=2, scores={"clip": 0.25}),
            Text(position=2, text="below it", role="caption", origin="caption", of=1),
        ),
    )
    assert list(lines(doc)) == [
        "title: T; quality = 0.5",
        "",
        "# Head",
        "",
        "[image 1: 3x2 png clip = 0.25]",
        "  https://x/1.png alt: a cat",
        "",
        "  ^ below it",
    ]


def test_long_texts_are_wrapped_beside_their_prefix() -> None:
    doc = Document(id="a", elements=(Text(position=0, text="word " * 10, role="list_item"),))
    assert list(lines(doc, 20)) == ["", "- word word word", "  word word word", "  word word word", "  word"]


def test_control_characters_do_not_reach_the_terminal() -> None:
    doc = Document(
        id="a", labels={"t": "\x1b[2J"}, elements=(Image(position=0, url="\x1b]0;x\x07", alt="\u202eab", format="\x1b[1m"),)
    )
    assert all(c.isprintable() for line in lines(doc) for c in line)
