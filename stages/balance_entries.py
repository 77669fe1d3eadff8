from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from interloom.pipeline.contents import IMAGES, Content, Need
from interloom.pipeline.exchange_rows import Ints, Keys
from interloom.pipeline.stage import Exchange, GlobalStage, Rows
from interloom.pipeline.store.merging import KEY, ORDER, column
from interloom.schemas.document import Document, Element, Image
from interloom.schemas.outcome import Drop, Outcome
from interloom.stages._dedup.duplicates import hash64
from interloom.stages._dedup.splitmix import hashed, unhashed
from interloom.stages._select import entry_draws, heads, reports
from interloom.stages._select.decisions import On, applied, items_of
from interloom.stages._select.entries import EVERY, EntryLists, list_problems
from interloom.stages._select.lookups import values_at
from interloom.stages._select.ranks import ITEM
from interloom.stages._select.sums import sent_sums, summed

_SENT = (*ITEM, "entry", "draw", "limit")
"""The columns of a row about what is rejected."""


@dataclass(frozen=True, kw_only=True)
class BalanceEntries(GlobalStage):
    """Balances images or documents by the entries of a word list that their texts contain, as MetaCLIP does.

    An entry matches a text that contains it between spaces (marks count as spaces; scripts without spaces need none). Of an entry
    with c matches each match is kept with probability t / max(c, t), so that frequent entries have about t. What is not kept is
    dropped as `entry_too_frequent` (value: its draw; limit: the probability; decided by its rarest entry), what matches no entry
    as `no_entry`. The matches are stored: another t, mode or seed matches nothing anew. Reports: `entries` (counts before and
    after, probabilities), `head_and_tail`, `evenness`, `extremes`, `examples`. Published: arXiv 2309.16671; by language: arXiv
    2507.22062.

    Parameters:
        entries: A file of entries, one in each line, or a JSON list of strings; or such files by language (label `language`),
            where "other" is for all languages without a file. Local or `s3://`. No default.
        on: "image": each image by its alt text and the captions that describe it. "document": each document by all its texts
            and alt texts. Default "image".
        t: Entries with more matches are sampled. Matches. Default 20000, published for 400 million pairs; 170000 for 2.5 billion.
        mode: "any": each entry of a text draws for itself, and one success is enough (MetaCLIP). "union": one draw with the
            probability 1 - (1 - p1)(1 - p2)... (MetaCLIP 2), the same in expectation. Default "any".
        tails_like: The language to which t applies; each other language has the t with which its entries below t have the same
            share of matches (MetaCLIP 2: "en"). Default "": t applies to all languages.
        unmatched: Whether what matches no entry is dropped: "drop" or "keep". Default "drop", published.
        seed: Seed of the draws. Default: the recipe's seed.
    """

    causes: ClassVar[Mapping[str, str | None]] = {"entry_too_frequent": None, "no_entry": None}
    sketch_params: ClassVar[tuple[str, ...]] = ("entries", "on")
    reports: ClassVar[tuple[str, ...]] = ("entries", heads.NAME, *reports.NAMES)

    entries: str | dict[str, str]
    on: On = "image"
    t: int = 20_000
    mode: entry_draws.Mode = "any"
    tails_like: str = ""
    unmatched: Literal["drop", "keep"] = "drop"
    seed: int = 0

    def needs(self) -> Iterable[Need]:
        return (IMAGES,) if self.on == "image" else ()

    def provides(self) -> Iterable[Content]:
        return ()

    def check(self) -> Iterable[str]:
        if find_spec("ahocorasick_rs") is None:
            yield "needs ahocorasick_rs, not installed here; pip install 'interloom[retrieve]'"
        for path in self.files():
            yield from list_problems(path)
        if not self.entries:
            yield "entries: name a file"
        if self.t < 1:
            yield "t: must be at least 1"
        if self.tails_like and self.tails_like not in self._lists.languages:
            yield f"tails_like: there are no entries of the language '{self.tails_like}'"

    def files(self) -> Iterable[str]:
        return [self.entries] if isinstance(self.entries, str) else list(self.entries.values())

    @cached_property
    def _lists(self) -> EntryLists:
        return EntryLists({EVERY: self.entries} if isinstance(self.entries, str) else self.entries)

    def sketch(self, docs: Sequence[Document]) -> pa.Table:
        """Returns the columns id, position, draw (a hash of the two) and entries (the numbers of those that match)."""
        items = [(doc, position, item) for doc in docs for position, item in items_of(doc, self.on)]
        matches = [self._lists.matches(doc.labels.get("language", ""), _texts(doc, item)) for doc, _, item in items]
        columns = {
            "id": pa.array([doc.id for doc, _, _ in items], pa.string()),
            "position": pa.array([position for _, position, _ in items], pa.int32()),
            "draw": pa.array([hash64(f"{doc.id} {position}") for doc, position, _ in items], pa.uint64()),
            "entries": pa.array(matches, pa.list_(pa.int32())),
        }
        return pa.table(columns)

    def exchanges(self) -> tuple[Exchange, ...]:
        """Counts of entries, their probabilities, what is left of them, reports; verdicts are rows about what is rejected."""
        shared = ("probabilities",)
        return (
            Exchange(name="counts", reads=("sketch",), send=_send_counts, meet=_meet_counts, params=()),
            Exchange(
                name="probabilities",
                reads=("counts",),
                send=_send_entries,
                meet=self._meet_probabilities,
                shared=("counts",),
                params=("t", "tails_like"),
            ),
            Exchange(
                name="entries",
                reads=("probabilities", "sketch"),
                send=self._send_kept,
                meet=self._meet_kept,
                shared=shared,
                params=("entries", "mode", "seed"),
            ),
            heads.head_exchange("entries"),
            *reports.report_exchanges("entries", _members),
            Exchange(
                name="rejected",
                reads=("sketch",),
                send=self._send_rejected,
                meet=self._meet_rejected,
                shared=shared,
                params=("entries", "mode", "unmatched", "seed"),
            ),
        )

    def _meet_probabilities(self, rows: Rows, shared: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
        thresholds = self._thresholds(shared["counts"])
        for table in rows.read(["entry", "count"]):
            yield entry_draws.with_probabilities(table, thresholds, self._languages(column(table, "entry")))

    def _languages(self, entries: Ints) -> Ints:
        return np.searchsorted(np.array(self._lists.firsts), entries, "right") - 1

    def _thresholds(self, counts: pa.Table) -> Mapping[int, int]:
        """Returns t by the number of the language."""
        languages, numbers = self._languages(column(counts, "entry")), column(counts, "count")
        by_language = {int(number): numbers[languages == number] for number in np.unique(languages)}
        known = self.tails_like in self._lists.languages
        own = self._lists.languages.index(self.tails_like) if known else -1
        if own not in by_language:
            return dict.fromkeys(by_language, self.t)
        share = entry_draws.tail_share(by_language[own], self.t)
        thresholds = {number: entry_draws.tail_threshold(of_one, share) for number, of_one in by_language.items()}
        return {**thresholds, own: self.t}

    def _kept(self, decided: entry_draws.Decided) -> Any:
        return decided.is_kept | (decided.entries < 0) if self.unmatched == "keep" else decided.is_kept

    def _decide(self, sketch: pa.Table, shared: Mapping[str, pa.Table]) -> entry_draws.Decided:
        return entry_draws.decide(sketch, shared["probabilities"], mode=self.mode, seed=self.seed)

    def _send_kept(self, which: str, table: pa.Table, shared: Mapping[str, pa.Table]) -> pa.Table:
        """Sends the count of each entry before, and its matches in what is kept of a sketch."""
        if which == "probabilities":
            entries, counts = column(table, "entry"), column(table, "count")
            return sent_sums(_keys(entries), before=counts, after=np.zeros_like(counts))
        rows, entries = entry_draws.flat_entries(table)
        after = self._decide(table, shared).is_kept[rows].astype(np.int64)
        return sent_sums(_keys(entries), before=np.zeros_like(after), after=after)

    def _meet_kept(self, rows: Rows, shared: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
        keys, [before, after] = summed(rows.read(), ["before", "after"])
        entries = unhashed(keys)
        named = [self._lists.names[entry] for entry in entries]
        languages = [self._lists.languages[number] for number in self._languages(entries)]
        groups = pa.table([keys, named, before, after], schema=reports.GROUPS)
        values = {name: values_at(shared["probabilities"], "entry", name, entries) for name in ("t", "probability")}
        for name, column_ in {"language": pa.array(languages, pa.string()), **values}.items():
            groups = groups.append_column(name, pa.array(column_))
        yield groups

    def _send_rejected(self, which: str, sketch: pa.Table, shared: Mapping[str, pa.Table]) -> pa.Table:
        decided = self._decide(sketch, shared)
        gone = np.flatnonzero(~self._kept(decided))
        rows = sketch.take(pa.array(gone))
        columns = [*rows.select(ITEM).columns, decided.entries[gone], decided.draws[gone], decided.limits[gone]]
        order = pa.array(column(rows, "position").astype(np.int64))
        return pa.table([rows["draw"], order, *columns], names=[KEY, ORDER, *_SENT])

    def _meet_rejected(self, rows: Rows, shared: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
        """Yields rows about what is rejected, with the name of the rarest entry, "" if none matches."""
        for table in rows.read(_SENT):
            names = pa.array([self._name(entry) for entry in column(table, "entry").tolist()], pa.string())
            yield table.set_column(_SENT.index("entry"), "entry", names)

    def _name(self, entry: int) -> str:
        if entry == entry_draws.NO_ENTRY:
            return ""
        language = self._lists.languages[int(self._languages(np.array([entry]))[0])]
        return f"{self._lists.names[entry]} ({language})" if language else self._lists.names[entry]

    def apply(self, docs: Sequence[Document], verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[Outcome]:
        return applied(docs, verdicts, self.on, _judged)


def _judged(item: Document | Element, verdict: Mapping[str, Any] | None) -> tuple[Drop, str] | None:
    if verdict is None:
        return None
    if not verdict["entry"]:
        return Drop("no_entry"), ""
    return Drop("entry_too_frequent", verdict["draw"], verdict["limit"]), f"entry {verdict['entry']}"


def _texts(doc: Document, item: Document | Element) -> Iterator[str]:
    """Yields the alt text of an image and the captions that describe it; of a document all its texts and alt texts."""
    if isinstance(item, Image):
        yield item.alt
        yield from (text.text for text in doc.texts if text.of == item.position)
    else:
        yield from (image.alt for image in doc.images)
        yield from (text.text for text in doc.texts)


def _keys(entries: Ints) -> Keys:
    """Returns a key for each entry, spread evenly over all keys."""
    return hashed(entries)


def _send_counts(which: str, sketch: pa.Table) -> pa.Table:
    _, entries = entry_draws.flat_entries(sketch)
    return sent_sums(_keys(entries), count=np.ones(len(entries), np.int64))


def _meet_counts(rows: Rows) -> Iterator[pa.Table]:
    keys, [counts] = summed(rows.read([KEY, "count"]), ["count"])
    yield pa.table({"entry": pa.array(unhashed(keys)), "count": pa.array(counts)})


def _send_entries(which: str, counts: pa.Table, shared: Mapping[str, pa.Table]) -> pa.Table:
    entries = column(counts, "entry")
    return pa.table([_keys(entries), entries, counts["entry"], counts["count"]], names=[KEY, ORDER, "entry", "count"])


def _members(sketch: pa.Table) -> pa.Table:
    rows, entries = entry_draws.flat_entries(sketch)
    some = sketch.select(["draw", "id", "position"]).take(pa.array(rows))
    return some.append_column("group", pa.array(_keys(entries)))
