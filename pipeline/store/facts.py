"""Counts the documents of a shard by language and by licence, for the dataset card."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from interloom.schemas.document import Document

_MOST_CHARACTERS = 200
"""Licences that pages state are cut to this length. Our choice."""
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_COMMONS = re.compile(r"creativecommons\.org/(?:licenses/(?P<kind>[a-z-]+)|publicdomain/(?P<zero>zero))/(?P<version>\d\.\d)")


@dataclass(slots=True)
class Facts:
    """The languages and licences of documents, each with how many have it; "" is none."""

    languages: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)

    def counted(self, docs: Iterable[Document]) -> Iterator[Document]:
        """The documents, which are counted on their way."""
        for doc in docs:
            self.languages[doc.labels.get("language", "")[:_MOST_CHARACTERS]] += 1
            self.licences[doc.source.licence[:_MOST_CHARACTERS]] += 1
            yield doc

    def add(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Adds what `to_json` gave for other documents."""
        self.languages.update(counts.get("languages", {}))
        self.licences.update(counts.get("licences", {}))

    def to_json(self) -> dict[str, dict[str, int]]:
        return {"languages": dict(sorted(self.languages.items())), "licences": dict(sorted(self.licences.items()))}

    def language_codes(self) -> list[str]:
        """The codes of languages, the most frequent first."""
        return [name for name, _ in common(self.languages) if _LANGUAGE.fullmatch(name)]

    def licence_ids(self) -> list[str]:
        """The licences by their names on the Hugging Face Hub; "other" if there are others, "unknown" if none is stated."""
        stated = [name for name in self.licences if name]
        if not stated:
            return ["unknown"]
        ids = {_hub_id(name) for name in self.licences}
        return ["other"] if "" in ids else sorted(ids)


def common(counts: Counter[str]) -> list[tuple[str, int]]:
    """The entries, the most frequent first, and those as frequent in the order of their names."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _hub_id(licence: str) -> str:
    """Example: "https://creativecommons.org/licenses/by/4.0/" -> "cc-by-4.0"; "" for another licence."""
    match = _COMMONS.search(licence.lower())
    return f"cc{'0' if match['zero'] else '-' + match['kind']}-{match['version']}" if match else ""
