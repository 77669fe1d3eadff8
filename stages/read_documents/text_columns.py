"""Columns that look like texts: named where no field of a row is known to hold one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

_FEWEST_WORDS = 3
"""A column with fewer words in a row, on average, holds rather names or codes. Our choice."""
_MOST_NAMED = 3


def text_columns(rows: Iterable[Mapping[str, object]]) -> list[str]:
    """Returns the dotted paths of the columns with texts, the longest first; before them those called "Text" or "TEXT"."""
    texts: dict[str, list[str]] = {}
    for row in rows:
        for name, value in _strings(row):
            texts.setdefault(name, []).append(value)
    lengths = {
        name: sum(map(len, strings)) / len(strings)
        for name, strings in texts.items()
        if _is_called_text(name) or _are_texts(strings)
    }
    return sorted(lengths, key=lambda name: (not _is_called_text(name), -lengths[name], name))[:_MOST_NAMED]


def hint(rows: Iterable[Mapping[str, object]]) -> str:
    """Returns what to write in a recipe to read the text of such rows; "" if none of their columns looks like one."""
    names = text_columns(rows)
    if not names:
        return ""
    others = f" (or {', '.join(names[1:])})" if names[1:] else ""
    return f"; the text may be in {names[0]}{others}: `fields: {{text: {names[0]}}}`"


def _is_called_text(name: str) -> bool:
    return name != "text" and name.lower() == "text"


def _are_texts(values: list[str]) -> bool:
    return sum(len(value.split()) for value in values) >= _FEWEST_WORDS * len(values)


def _strings(row: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        inner = value if isinstance(value, list) else [value]
        yield from ((f"{above}{name}", item) for item in inner if isinstance(item, str))
        if not above:
            yield from (text for item in inner if isinstance(item, Mapping) for text in _strings(item, f"{name}."))
