"""What the structured data of a page say that its text is: JSON-LD bodies, recipes and answers; descriptions."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from interloom.stages.extract_html.arrays import PageArrays
from interloom.stages.extract_html.page import Block
from interloom.stages.extract_html.rows import Floats, stacked

_DESCRIPTION_NAMES = ("description", "og:description", "twitter:description")
_DESCRIPTION_KEYS = ("description", "abstract")
_BODY_KEYS = ("articleBody", "reviewBody", "recipeIngredient", "recipeInstructions", "acceptedAnswer", "text")
_INNER_KEYS = ("text", "name", "itemListElement", "acceptedAnswer")
_MAX_ITEMS = 300
"""Items of a list that are read: ingredients, steps. Our choice."""
_MAX_DEPTH = 6
_MARKUP = re.compile(r"<[^>]*>")
_PROBE_CHARS = 36
"""So many characters of the start, the middle and the end of a block are sought in what the page states. Our choice."""
_PROBES = 3
_SHORT_CHARS = 40
"""A block that is as short is sought as a whole."""
_MIN_BODY_CHARS = 200
"""Less is no body of a text. Our choice; the page model learned from it."""
_UNKNOWN = -1.0
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class StatedText:
    """The body of the text and its descriptions, as a page states them: in lower case, without markup, with single blanks."""

    body: str = ""
    description: str = ""


def stated_text(meta: Mapping[str, str], json_ld: Sequence[Mapping[str, Any]]) -> StatedText:
    """From the `meta` elements by their names, and the objects of JSON-LD."""
    bodies = [text for item in json_ld for key in _BODY_KEYS if key in item for text in _strings(item[key])]
    descriptions = [meta[name] for name in _DESCRIPTION_NAMES if name in meta]
    descriptions += [item[key] for item in json_ld for key in _DESCRIPTION_KEYS if isinstance(item.get(key), str)]
    return StatedText(_plain(bodies), _plain(descriptions))


def _strings(value: Any, depth: int = 0) -> Iterator[str]:
    """The texts in a value: `[{"@type": "HowToStep", "text": "Stir."}]` -> `Stir.`"""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < _MAX_DEPTH:
        for item in value[:_MAX_ITEMS]:
            yield from _strings(item, depth + 1)
    elif isinstance(value, dict) and depth < _MAX_DEPTH:
        for key in _INNER_KEYS:
            if key in value:
                yield from _strings(value[key], depth + 1)


def _plain(texts: Sequence[str]) -> str:
    return " ".join(_MARKUP.sub(" ", html.unescape("\n".join(texts))).split()).lower() if texts else ""


def stated_features(blocks: Sequence[Block], arrays: PageArrays, stated: StatedText) -> Floats:
    """How much of each block is in the stated body (-1 without one) and in a description, and how long these are.

    The third column says which share of the stated body the blocks hold: a body that the page does not show says little.
    """
    body, description = stated.body if len(stated.body) >= _MIN_BODY_CHARS else "", stated.description
    probes = [_probes(block.text) for block in blocks] if body or description else []
    in_body, in_description = (_shares(probes, text, len(blocks)) for text in (body, description))
    shown = min(1.0, float((in_body * arrays.chars).sum()) / len(body)) if body else 0.0
    features = [
        in_body if body else _UNKNOWN,
        in_description,
        shown,
        len(stated.body),
        np.where(in_description > _HALF, len(description), 0),
    ]
    return stacked(features, len(blocks))


def _shares(probes: Sequence[tuple[str, str, str]], text: str, count: int) -> Floats:
    """For each block, which share of its probes the text holds."""
    if not text:
        return np.zeros(count, np.float32)
    known = np.array([(start in text) + (middle in text) + (end in text) for start, middle, end in probes], np.float32)
    return known / np.float32(_PROBES)


def _probes(text: str) -> tuple[str, str, str]:
    """The start, the middle and the end of a text; thrice the whole of a short one."""
    plain, size = text.lower().replace("\n", " "), len(text)
    if size <= _SHORT_CHARS:
        return plain, plain, plain
    middle = (size - _PROBE_CHARS) // 2
    return plain[:_PROBE_CHARS].strip(), plain[middle : middle + _PROBE_CHARS].strip(), plain[-_PROBE_CHARS:].strip(" .…")
