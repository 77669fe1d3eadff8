"""Retrieves for each image the nearest texts of the whole corpus, or for each text the nearest images, or documents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pyarrow as pa

from interloom.pipeline.contents import Content, Need, embeddings, scores, side_table
from interloom.pipeline.stage import Exchange, GlobalStage
from interloom.schemas.document import DOCUMENT, Document, Element, Image, Text
from interloom.schemas.outcome import Outcome, Side
from interloom.stages._dedup.duplicates import hash64
from interloom.stages._embed import kmeans
from interloom.stages._embed.kmeans import CENTRES, Training
from interloom.stages._embed.stored import stored_items
from interloom.stages.retrieve_texts.best import BEST, BestResults, attach_places, send_to_sources
from interloom.stages.retrieve_texts.lists import LISTS, ListSearch
from interloom.stages.retrieve_texts.volume import lists_for, volume

Kind = Literal["image", "text", "sentence", "paragraph", "document"]

_NO_WORD = re.compile(r"\W+")


@dataclass(frozen=True, kw_only=True)
class RetrieveTexts(GlobalStage):
    """Retrieves for each image the `count` nearest texts of the whole corpus, by the cosine similarity of stored embeddings.

    The reverse is `of: sentence, among: image`; documents are compared by `of: document, among: document`. Both kinds need
    embeddings of one model, which steps above stored. Items lie in lists around the centres of k-means; each query goes to the
    lists with the nearest centres, and inside lists every similarity is exact: computed in a fixed order from float16, so that
    results depend on nothing but the embeddings. Equal ones are ordered by a hash of their place. Scores are rounded to 4
    decimals.

    Each result is a row of the side table `retrieved`: the query's place, its rank, the score, and the document, position and
    offsets of what was found, with its text. With `add`, a text found for an image becomes an element behind it, of origin
    `retrieved`, with the score `retrieved`. Published: 3 sentences for each image (RealSyn, arXiv 2502.12513, section 3.2).

    Parameters:
        of: What is searched for: "image", "text", "sentence", "paragraph" or "document". Default "image".
        among: Among which embeddings: the same names. Default "sentence".
        model: The model of the embeddings, as their step names it; null if the run has one. Default null.
        count: How many results each query has. Default 3, as in RealSyn.
        probes: To how many lists each query is sent: more find more and take longer. Default 16, our choice: it finds 95 % of the
            nearest 3 among a million vectors of a mixture of topics (`benchmarks/retrieve.py`).
        lists: How many lists there are; null for the square root of the number of items, at most 16,384. Default null.
        own: Whether what lies in the query's own document may be found. Default false.
        duplicates: Whether several results of a query may have the same text (without case, spaces and punctuation) or, of
            images, the same bytes. Default false.
        at_least: Results with a lower score are left out. Cosine similarity. Default -1, which leaves out none.
        add: Whether texts found for images become elements. Default true.
        per_cluster: Items of the sample of k-means for each list. Default 64, our choice.
        iterations: Rounds of k-means. Default 10, our choice.
        seed: Seed of the sample and of the first centres. Default: the recipe's seed.
    """

    memory_bytes: ClassVar[int] = 340_000_000
    checkpoint: ClassVar[bool] = True
    sketch_params: ClassVar[tuple[str, ...]] = ("of", "among", "model")
    sketch_tables: ClassVar[tuple[str, ...]] = ("embeddings",)

    of: Kind = "image"
    among: Kind = "sentence"
    model: str | None = None
    count: int = 3
    probes: int = 16
    lists: int | None = None
    own: bool = False
    duplicates: bool = False
    at_least: float = -1.0
    add: bool = True
    per_cluster: int = 64
    iterations: int = 10
    seed: int = 0

    def needs(self) -> Iterable[Need]:
        return tuple(embeddings(kind, self.model) for kind in dict.fromkeys((self.of, self.among)))

    def provides(self) -> Iterable[Content]:
        yield side_table("retrieved")
        yield from scores("text", "retrieved") if self.add and self.of == "image" and self.among != "image" else ()

    def check(self) -> Iterable[str]:
        for name in ("count", "probes", "lists", "per_cluster", "iterations"):
            value = getattr(self, name)
            if value is not None and value < 1:
                yield f"{name}: must be at least 1, not {value}"
        yield from kmeans.problems()

    def notes(self) -> Iterable[str]:
        return volume(self.count, self.probes, self.lists, self.per_cluster)

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        return self.sketch_with(docs, {})

    def sketch_with(self, docs: Sequence[Document], sides: Mapping[str, Sequence[pa.Table]]) -> pa.Table:
        """Returns the columns id, position, window, start, end, text, owner (a hash of the document), content (a hash of what
        duplicates share), is_query, is_base, tie, model and vector."""
        kinds = (self.of,) if self.of == self.among else (self.of, self.among)
        rows = stored_items(docs, sides.get("embeddings", ()), kinds, self.model)
        by_id = {doc.id: doc for doc in docs}
        contents = [_content(by_id[row["id"]], row) for row in rows.drop_columns(["vector", "model"]).to_pylist()]
        kind = rows["kind"].to_numpy(zero_copy_only=False)
        columns = {
            **{name: rows[name] for name in ("id", "position", "window", "start", "end")},
            "text": pa.array([text for text, _ in contents], pa.large_string()),
            "owner": pa.array([hash64(id_.partition("#")[0]) for id_ in rows["id"].to_pylist()], pa.uint64()),
            "content": pa.array([content for _, content in contents], pa.uint64()),
            "is_query": pa.array(kind == self.of, pa.bool_()),
            "is_base": pa.array(kind == self.among, pa.bool_()),
            **{name: rows[name] for name in ("tie", "model", "vector")},
        }
        return pa.table(columns)

    def exchanges(self) -> tuple[Exchange, ...]:
        """The centres of lists; queries and items in lists; the best results of each query, with its place; theirs."""
        training = Training(
            clusters=lambda total: lists_for(total, self.lists),
            per_cluster=self.per_cluster,
            iterations=self.iterations,
            seed=self.seed,
        )
        trained = training.exchanges(("lists", "per_cluster", "seed"), ("lists", "iterations", "seed"))
        search = ListSearch(count=self.count, probes=self.probes, own=self.own, duplicates=self.duplicates)
        named, shared = ("count", "probes", "own", "duplicates"), (CENTRES,)
        lists = Exchange(name=LISTS, reads=("sketch",), send=search.send, meet=search.meet, shared=shared, params=named)
        best = BestResults(self.count)
        to_queries = Exchange(name=BEST, reads=(LISTS,), send=best.send, meet=best.meet, joins_parts=True, params=("count",))
        to_sources = Exchange(
            name="sources", reads=(BEST,), send=send_to_sources, meet=attach_places, joins_parts=True, params=()
        )
        return *trained, lists, to_queries, to_sources

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        for doc in docs:
            results = [row for row in verdicts.get(doc.id, ()) if row["score"] >= self.at_least]
            results.sort(key=lambda row: (row["position"], row["window"], row["rank"]))
            for row in results:
                yield Side("retrieved", {name: value for name, value in row.items() if name != "part"})
            has_texts = self.add and self.of == "image" and self.among != "image"
            yield _with_texts(doc, results) if results and has_texts else doc


def _content(doc: Document, row: Mapping[str, Any]) -> tuple[str, int]:
    """The text of a row, empty for images and documents, and a hash of what its duplicates share."""
    if row["position"] == DOCUMENT:
        return "", _hash_of_words(doc.text, row["tie"])
    element = next(element for element in doc.elements if element.position == row["position"])
    if isinstance(element, Image) and row["kind"] == "image":
        return "", hash64(element.sha256) if element.sha256 else row["tie"]
    whole = element.text if isinstance(element, Text) else getattr(element, "alt", "")
    text = whole if row["start"] is None else whole[row["start"] : row["end"]]
    return text, _hash_of_words(text, row["tie"])


def _hash_of_words(text: str, otherwise: int) -> int:
    """A hash of the text without case, spaces and punctuation; `otherwise` if that leaves nothing."""
    words = _NO_WORD.sub("", text.casefold())
    return hash64(words) if words else otherwise


def _with_texts(doc: Document, results: Sequence[Mapping[str, Any]]) -> Document:
    """The document with a text behind its image for each result."""
    position = doc.free_position
    behind: dict[int, list[Element]] = {}
    for number, row in enumerate(results):
        text = Text(position=position + number, text=row["text"], origin="retrieved", role="caption", of=row["position"])
        behind.setdefault(row["position"], []).append(text.with_score("retrieved", row["score"]))
    return doc.with_elements(new for old in doc.elements for new in (old, *behind.get(old.position, ())))
