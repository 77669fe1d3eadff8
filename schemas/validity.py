"""What a document or a decision must be so that it can be stored: values of the types of its fields, each position once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from numbers import Integral, Rational, Real

import pyarrow as pa

from interloom.schemas.columns import ELEMENT, SOURCE
from interloom.schemas.document import Blob, Clip, Document, Element, Image, Media, Source, Text
from interloom.schemas.outcome import Drop, Dropped, Quarantined, Side

_Fits = Callable[[object], bool]
_Rule = tuple[str, frozenset[type], _Fits]
"""A field, the types whose values all fit, and whether a value of another type fits."""
_SHOWN_CHARS = 60
_MOST_EXACT = 1 << 53
"""Above it doubles do not hold each whole number."""


def problem_of(outcome: object, before: Document | None = None) -> str:
    """Returns why what a step yielded cannot be stored, in words, or ""; `before` as in `problem`.

    Example: a Drop("other", "de", "en") -> "the value of 'other' is 'de'".
    """
    if isinstance(outcome, Document):
        return problem(outcome, before)
    if isinstance(outcome, Dropped):
        return _wrong_field(outcome, _DROPPED) or _wrong_drop(outcome.drop)
    if isinstance(outcome, Quarantined):
        return _wrong_field(outcome, _QUARANTINED)
    return "" if isinstance(outcome, Side) else f"{_shown(outcome)} is no document, Dropped, Quarantined or Side"


def _wrong_drop(drop: object) -> str:
    if not isinstance(drop, Drop):
        return f"{_shown(drop)} is no Drop"
    if not isinstance(drop.reason, str):
        return f"the reason is {_shown(drop.reason)}"
    numbers = (("value", drop.value), ("threshold", drop.threshold))
    wrong = (f"the {name} of '{drop.reason}' is {_shown(n)}" for name, n in numbers if n is not None and not _is_number(n))
    return next(wrong, "")


def problem(doc: Document, before: Document | None = None) -> str:
    """Returns why a document cannot be stored, in words, or "". Readers meet such documents in files that others wrote. What it
    shares with the document `before`, of which it was made, is not looked at again.

    Examples: an id None -> "its id is None", a width of 2**40 -> "element 3: width is 1099511627776".
    """
    before = before or _NONE
    if not isinstance(doc.id, str) or not doc.id:
        return f"its id is {_shown(doc.id)}"
    if doc.body is not None and not isinstance(doc.body, bytes):
        return f"its body is {_shown(doc.body)}"
    if doc.source is not before.source and (wrong := _wrong_field(doc.source, _SOURCE)):
        return f"source: {wrong}"
    if doc.labels is not before.labels and (wrong := _wrong_pair(doc.labels, _is_string)):
        return f"labels: {wrong}"
    if doc.scores is not before.scores and (wrong := _wrong_pair(doc.scores, _is_number)):
        return f"scores: {wrong}"
    return "" if doc.elements is before.elements else _wrong_elements(doc, before)


def _wrong_elements(doc: Document, before: Document) -> str:
    positions: set[int] = set()
    known = set(map(id, before.elements))
    for number, element in enumerate(doc.elements):
        if id(element) in known:
            positions.add(element.position)
            continue
        rules = _ELEMENTS.get(type(element))
        if rules is None:
            return f"element {number} is {_shown(element)}"
        wrong = _wrong_field(element, rules) or _wrong_pair(element.scores, _is_number) or _wrong_media(element)
        if wrong:
            return f"element {number}: {wrong}"
        positions.add(element.position)
    return "two elements have the same position" if len(positions) < len(doc.elements) else ""


def _wrong_field(owner: object, rules: Sequence[_Rule]) -> str:
    for name, all_fit, fits in rules:
        value = getattr(owner, name)
        if type(value) not in all_fit and not fits(value):
            return f"{name} is {_shown(value)}"
    return ""


def _wrong_pair(pairs: Mapping[str, object], fits: _Fits) -> str:
    for name, value in pairs.items():
        if not isinstance(name, str) or not fits(value):
            return f"{_shown(name)} is {_shown(value)}"
    return ""


def _wrong_media(element: Element) -> str:
    if not isinstance(element, Media):
        return ""
    if element.data is not None and not isinstance(element.data, bytes):
        return f"data is {_shown(element.data)}"
    return "" if element.blob is None or isinstance(element.blob, Blob) else f"blob is {_shown(element.blob)}"


def _shown(value: object) -> str:
    return repr(value)[:_SHOWN_CHARS]


def _is_string(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return type(value) is float or (isinstance(value, Real) and (not isinstance(value, Rational) or _is_exact(value)))


def _is_exact(value: Rational) -> bool:
    """Whether Arrow takes it for a double: True is 1; a fraction or a number above 2**53 is refused."""
    return isinstance(value, Integral) and abs(int(value)) <= _MOST_EXACT


def _is_box(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 4 and all(map(_is_number, value))


def _whole_number(low: int, end: int) -> _Fits:
    def fits(value: object) -> bool:
        if type(value) is int:
            return low <= value < end
        return isinstance(value, Integral) and not isinstance(value, bool) and low <= int(value) < end

    return fits


def _rules(kind: type, columns: pa.StructType) -> Sequence[_Rule]:
    """The rules for the fields of the class that are columns by themselves. None fits where it is the default."""
    special: dict[str, _Fits] = {"bbox": _is_box, "position": _whole_number(0, 1 << 31)}
    types = {column.name: column.type for column in columns if column.name != "scores"}
    rules: list[_Rule] = []
    for field in fields(kind):
        if field.name in types:
            all_fit, fits = _fitting(types[field.name])
            all_fit |= {type(None)} if field.default is None else set()
            rules.append((field.name, all_fit, special.get(field.name) or fits))
    return rules


def _fitting(kind: pa.DataType) -> tuple[frozenset[type], _Fits]:
    """The types of which all values fit a column of this type, and which values of other types do."""
    if pa.types.is_integer(kind):
        return frozenset(), _whole_number(-1 << kind.bit_width - 1, 1 << kind.bit_width - 1)
    if pa.types.is_floating(kind):
        return frozenset({float}), _is_number
    return frozenset() if pa.types.is_list(kind) else frozenset({str}), _is_string


_SOURCE = _rules(Source, SOURCE)
_ELEMENTS: Mapping[type, Sequence[_Rule]] = {kind: _rules(kind, ELEMENT) for kind in (Text, Image, Clip)}
_TEXT: tuple[frozenset[type], _Fits] = (frozenset({str}), _is_string)
_POSITION: _Rule = ("position", frozenset({type(None)}), _whole_number(-(1 << 31), 1 << 31))
_DROPPED: Sequence[_Rule] = [("id", *_TEXT), ("url", *_TEXT), ("kept", *_TEXT), _POSITION]
_QUARANTINED: Sequence[_Rule] = [("id", *_TEXT), ("error", *_TEXT), ("url", *_TEXT), ("source_id", *_TEXT), _POSITION]
_NONE = Document(id="", source=Source())
