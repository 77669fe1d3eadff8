"""Scores how much the words of a text tell, by how frequent they are in the whole corpus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from interloom.pipeline.contents import TEXT, Content, Need, scores
from interloom.pipeline.exchange_rows import Ints, Keys
from interloom.pipeline.stage import Exchange, GlobalStage, Rows
from interloom.pipeline.store.merging import column
from interloom.schemas.document import DOCUMENT, Document, Element, Text
from interloom.schemas.outcome import Outcome
from interloom.stages._dedup.duplicates import indices_in
from interloom.stages._dedup.splitmix import hashed
from interloom.stages.dedup_minhash.minhash import shingle_hashes

_LEAST_SHARE = 1e-7
"""Words with a smaller share of all words count as if they had none. Each would add 1.6e-6 at most."""
_FRACTION = 1 << 44
"""Terms are whole multiples of 1 / _FRACTION, so that sums do not depend on their order."""
_COUNTS = pa.schema({"word": pa.uint64(), "count": pa.int64()})
_TERMS = pa.schema({"part": pa.int32(), "id": pa.string(), "position": pa.int32(), "entropy": pa.float64()})


@dataclass(frozen=True, kw_only=True)
class ScoreWordEntropy(GlobalStage):
    """Scores texts by the information entropy of their words: the sum of -p ln p over the words, p being a word's share of all in
    the corpus.

    The score is `word_entropy`, rounded to 4 decimals. Texts of rare words only, such as codes and names, have little. Words are
    compared in lower case; each character of a script without spaces is a word. A text without words has 0. RealSyn keeps
    sentences of at least 0.3 (arXiv 2502.12513, section 3.1). Its sum goes over the words of the sentence as they stand, so a
    word that is repeated counts each time; its logarithm is not named, and ours is the natural one.

    Parameters:
        on: What is scored: "text" (each running text: a paragraph, or a sentence after `stages.split_sentences`) or "document"
            (its running text). Default "text" (RealSyn).
    """

    memory_bytes: ClassVar[int] = 300_000_000
    sketch_params: ClassVar[tuple[str, ...]] = ("on",)

    on: Literal["text", "document"] = "text"

    def needs(self) -> Iterable[Need]:
        return (TEXT,)

    def provides(self) -> Iterable[Content]:
        return scores(self.on, "word_entropy")

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        """Returns the columns id, position and words (their hashes), with a row for each text."""
        texts = [(doc.id, position, text) for doc in docs for position, text in self._texts(doc)]
        words, ends, _ = shingle_hashes([text for _, _, text in texts], 1)
        lists = pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), pa.array(words.astype(np.uint64)))
        ids, positions = [id_ for id_, _, _ in texts], [position for _, position, _ in texts]
        return pa.table({"id": pa.array(ids, pa.string()), "position": pa.array(positions, pa.int32()), "words": lists})

    def _texts(self, doc: Document) -> Iterator[tuple[int, str]]:
        if self.on == "document":
            yield DOCUMENT, doc.text
        else:
            yield from ((text.position, text.text) for text in doc.running_texts)

    def exchanges(self) -> tuple[Exchange, ...]:
        """Counts of words, the number of all words, the frequent words, the scores. Verdicts are tables with the entropy."""
        shared = ("total", "frequent")
        return (
            Exchange(name="counts", reads=("sketch",), send=_send_words, meet=_meet_words, params=()),
            Exchange(name="total", reads=("sketch",), send=_send_total, meet=_meet_total, params=()),
            Exchange(name="frequent", reads=("counts",), send=_send_frequent, meet=_pass, shared=("total",), params=()),
            Exchange(name="entropies", reads=("sketch",), send=_send_entropies, meet=_pass_terms, shared=shared, params=()),
        )

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        for doc in docs:
            scores = {row["position"]: row["entropy"] for row in verdicts.get(doc.id, [])}
            scored = doc.with_elements(_scored(element, scores) for element in doc.elements)
            yield scored.with_score("word_entropy", scores[DOCUMENT]) if DOCUMENT in scores else scored


def _scored(element: Element, scores: Mapping[int, float]) -> Element:
    is_scored = isinstance(element, Text) and element.position in scores
    return element.with_score("word_entropy", scores[element.position]) if is_scored else element


def _words(sketch: pa.Table) -> tuple[Keys, Ints]:
    """The hashes of all words of all texts, and the bounds of each text's."""
    lists = sketch["words"].combine_chunks()
    return lists.flatten().to_numpy(), np.concatenate([[0], np.cumsum(lists.value_lengths().to_numpy(zero_copy_only=False))])


def _send_words(which: str, sketch: pa.Table) -> pa.Table:
    words, counts = np.unique(_words(sketch)[0], return_counts=True)
    return pa.table(
        {"key": hashed(words.view(np.int64)), "order": np.zeros(len(words), np.int64), "word": words, "count": counts}
    )


def _meet_words(rows: Rows) -> Iterator[pa.Table]:
    """Yields tables _COUNTS: each word once, with the sum of its counts; the last word of a table waits for the next one."""
    held: pa.Table = _COUNTS.empty_table()
    for table in rows.read(["word", "count"]):
        some = pa.concat_tables([held, table.cast(_COUNTS)])
        words, counts = column(some, "word"), column(some, "count")
        starts = np.flatnonzero(np.concatenate([[True], words[1:] != words[:-1]])[: len(words)])
        sums = np.add.reduceat(counts, starts) if len(starts) else counts
        summed = pa.table([words[starts], sums], schema=_COUNTS)
        yield summed.slice(0, max(0, len(starts) - 1))
        held = summed.slice(max(0, len(starts) - 1))
    yield held


def _send_total(which: str, sketch: pa.Table) -> pa.Table:
    total = [len(_words(sketch)[0])]
    return pa.table({"key": np.zeros(1, np.uint64), "order": np.zeros(1, np.int64), "total": pa.array(total, pa.int64())})


def _meet_total(rows: Rows) -> Iterator[pa.Table]:
    total = sum(int(column(table, "total").sum()) for table in rows.read(["total"]))
    if rows.count:
        yield pa.table({"total": pa.array([total], pa.int64())})


def _send_frequent(which: str, counts: pa.Table, shared: Mapping[str, pa.Table]) -> pa.Table:
    is_frequent = column(counts, "count") >= _LEAST_SHARE * shared["total"]["total"][0].as_py()
    rows = counts.filter(pa.array(is_frequent))
    keys, orders = column(rows, "word"), np.zeros(rows.num_rows, np.int64)
    return rows.append_column("key", pa.array(keys)).append_column("order", pa.array(orders))


def _pass(rows: Rows, shared: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
    return rows.read(_COUNTS.names)


def _pass_terms(rows: Rows, shared: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
    return rows.read(_TERMS.names)


def _send_entropies(which: str, sketch: pa.Table, shared: Mapping[str, pa.Table]) -> pa.Table:
    frequent = shared["frequent"].sort_by("word") if shared["frequent"].num_rows else _COUNTS.empty_table()
    words, ends = _words(sketch)
    share = np.append(column(frequent, "count") / max(1, _total(shared)), 1.0)  # the last one, at -1, adds nothing
    terms = np.round(-share * np.log(share) * _FRACTION).astype(np.int64)
    sums = np.concatenate([[0], np.cumsum(terms[indices_in(column(frequent, "word"), words)])])
    entropies = np.round((sums[ends[1:]] - sums[ends[:-1]]) / _FRACTION, 4)
    nodes = column(sketch, "node")
    columns = {"key": hashed(nodes), "order": nodes, **{name: sketch[name] for name in ("part", "id", "position")}}
    return pa.table({**columns, "entropy": entropies})


def _total(shared: Mapping[str, pa.Table]) -> int:
    return int(shared["total"]["total"][0].as_py()) if shared["total"].num_rows else 0
