"""What cannot be stored is found before it is, and said in words."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from interloom.schemas.document import Blob, Clip, Document, Element, Image, Source, Text
from interloom.schemas.table import to_table
from interloom.schemas.validity import problem

MOST = (1 << 31) - 1
TEXT = Text(position=0, text="Words.", of=1, bbox=(0.0, 1.0, 2, 3.5), start_s=1)
IMAGE = Image(position=MOST, width=MOST, height=-MOST, data=b"ink", blob=Blob("b", 0, 3), scores={"clip": float("nan")})
DOC = Document(
    id="a", elements=(TEXT, IMAGE), labels={"title": "\ud800"}, scores={"language": 1, "most": 1 << 53, "is": True}, body=b""
)


def doc(*elements: Any, **fields: Any) -> Document:
    return replace(DOC, **({"elements": elements} if elements else {}), **fields)


@pytest.mark.parametrize("good", [DOC, Document(id="a"), doc(Clip(position=1, start_s=0.0, end_s=float("inf")))])
def test_what_can_be_stored_has_no_problem(good: Document) -> None:
    assert problem(good) == ""
    assert to_table([good]).num_rows == 1


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (doc(id=None), "its id is None"),
        (doc(id=""), "its id is ''"),
        (doc(id=7), "its id is 7"),
        (doc(body="page"), "its body is 'page'"),
        (doc(source=Source(url=None)), "source: url is None"),  # type: ignore[arg-type]
        (doc(source=Source(offset=1 << 63)), "source: offset is 9223372036854775808"),
        (doc(labels={None: "x"}), "labels: None is 'x'"),
        (doc(labels={"title": None}), "labels: 'title' is None"),
        (doc(scores={"clip": "high"}), "scores: 'clip' is 'high'"),
        (doc(scores={"clip": 1 << 54}), "scores: 'clip' is 18014398509481984"),
        (doc(scores={"clip": Fraction(1, 3)}), "scores: 'clip' is Fraction(1, 3)"),
        (doc(TEXT, None), "element 1 is None"),
        (doc(Element(position=0)), f"element 0 is {Element(position=0)!r}"[: len("element 0 is ") + 60]),
        (doc(replace(TEXT, text=None)), "element 0: text is None"),
        (doc(replace(TEXT, position=None)), "element 0: position is None"),
        (doc(replace(TEXT, position=-1)), "element 0: position is -1"),
        (doc(replace(TEXT, position=True)), "element 0: position is True"),
        (doc(replace(TEXT, bbox=(1.0, 2.0))), "element 0: bbox is (1.0, 2.0)"),
        (doc(replace(TEXT, bbox=(1.0, 2.0, 3.0, None))), "element 0: bbox is (1.0, 2.0, 3.0, None)"),
        (doc(replace(TEXT, start_s="0:01")), "element 0: start_s is '0:01'"),
        (
            doc(replace(TEXT, scores={"x": None})),  # type: ignore[dict-item]
            "element 0: 'x' is None",
        ),
        (doc(TEXT, replace(IMAGE, width=1 << 31)), "element 1: width is 2147483648"),
        (doc(replace(IMAGE, width=2.5)), "element 0: width is 2.5"),
        (doc(replace(IMAGE, url=None)), "element 0: url is None"),
        (doc(replace(IMAGE, data="ink")), "element 0: data is 'ink'"),
        (doc(replace(IMAGE, blob="b")), "element 0: blob is 'b'"),
        (doc(TEXT, replace(IMAGE, position=0)), "two elements have the same position"),
    ],
)
def test_what_cannot_be_stored_is_named_with_its_value(bad: Document, said: str) -> None:
    assert problem(bad) == said
