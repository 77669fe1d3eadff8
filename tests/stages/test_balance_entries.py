"""balance_entries against MetaCLIP's formulas."""

from __future__ import annotations

import math
import os
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from global_steps import outcomes, results
from hypothesis import given, settings
from hypothesis import strategies as st

from interloom.pipeline.planning import plugins
from interloom.pipeline.store.commits import committed
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop, Dropped
from interloom.stages.balance_entries import BalanceEntries

WORDS = ("dog", "cat", "axolotl", "zebra")


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("entries") / "all.txt"
    file.write_text("\n".join(WORDS))
    return str(file)


def said(id_: str, *words: str) -> Document:
    return Document(id=id_, elements=(Text(position=0, text=" ".join(words)),))


def drops(stage: BalanceEntries, docs: Sequence[Document], parts: int = 3, ranges: int = 1) -> dict[str, Dropped]:
    divided = [list(docs[first::parts]) for first in range(parts)]
    outcome = outcomes(stage, *divided, partitions=ranges)
    assert sorted(one.id for one in outcome) == sorted(doc.id for doc in docs)  # type: ignore[union-attr]
    return {one.id: one for one in outcome if isinstance(one, Dropped)}


def report(stage: BalanceEntries, docs: Sequence[Document], name: str) -> list[dict[str, Any]]:
    return pa.concat_tables(results(stage, [stage.sketch(docs)])[name]).to_pylist()


def is_in_bounds(kept: int, of: int, probability: float) -> bool:
    """Whether a binomial count is within five standard deviations."""
    return abs(kept - of * probability) <= 5 * math.sqrt(of * probability * (1 - probability)) + 1e-9


@pytest.mark.parametrize("mode", ["any", "union"])
@pytest.mark.parametrize("t", [50, 5000])
def test_of_frequent_entries_about_t_are_kept_and_all_of_rare_ones(entries: str, mode: Any, t: int) -> None:
    counts = {"dog": 2000, "cat": 500, "axolotl": 40}
    docs = [said(f"{word}-{n}", "a", word) for word, count in counts.items() for n in range(count)]
    found = drops(BalanceEntries(entries=entries, on="document", t=t, mode=mode), docs)
    for word, count in counts.items():
        kept = count - sum(id_.startswith(word) for id_ in found)
        assert is_in_bounds(kept, count, t / max(count, t)), (word, kept)


@pytest.mark.parametrize("mode", ["any", "union"])
def test_a_text_with_several_entries_is_kept_with_the_probability_that_one_succeeds(entries: str, mode: Any) -> None:
    docs = [said(f"{n}", "dog", "cat") for n in range(1500)] + [said(f"more-{n}", "dog") for n in range(1500)]
    found = drops(BalanceEntries(entries=entries, on="document", t=600, mode=mode), docs)
    both, one = 1 - (1 - 600 / 3000) * (1 - 600 / 1500), 600 / 3000
    assert is_in_bounds(1500 - sum(not id_.startswith("more") for id_ in found), 1500, both)
    assert is_in_bounds(1500 - sum(id_.startswith("more") for id_ in found), 1500, one)


def test_a_rejected_document_names_its_rarest_entry_its_draw_and_the_probability(entries: str) -> None:
    docs = [said(f"{n}", "dog", *(["cat"] if n % 2 else [])) for n in range(100)]
    for mode, limits in {"any": (0.1, 0.2), "union": (0.1, 1 - 0.9 * 0.8)}.items():
        found = drops(BalanceEntries(entries=entries, on="document", t=10, mode=mode), docs)  # type: ignore[arg-type]
        assert {one.kept for id_, one in found.items() if int(id_) % 2} == {"entry cat"}
        assert {one.kept for id_, one in found.items() if not int(id_) % 2} == {"entry dog"}
        for id_, one in found.items():
            assert one.drop.reason == "entry_too_frequent"
            assert one.drop.threshold == pytest.approx(limits[int(id_) % 2])
            assert (one.drop.value or 0) >= (one.drop.threshold or 1)


def test_what_matches_no_entry_is_dropped_unless_it_is_to_be_kept(entries: str) -> None:
    docs = [said("a", "dog"), said("b", "hotdog"), said("c")]
    assert drops(BalanceEntries(entries=entries, on="document"), docs) == {id_: Dropped(id_, Drop("no_entry")) for id_ in "bc"}
    assert drops(BalanceEntries(entries=entries, on="document", unmatched="keep"), docs) == {}


def test_images_are_balanced_by_their_alt_texts_and_captions(entries: str) -> None:
    images = (Image(position=0, alt="a dog", url="http://x/0"), Image(position=1, url="http://x/1"), Image(position=2))
    caption = Text(position=3, text="A zebra.", of=2, role="caption")
    doc = Document(id="a", elements=(*images, caption))
    assert outcomes(BalanceEntries(entries=entries), [doc]) == [
        Dropped("a", Drop("no_entry"), 1, "http://x/1"),
        doc.without([1]),
    ]


def test_a_larger_t_keeps_the_same_and_more(entries: str) -> None:
    docs = [said(f"{n}", *random.Random(n).sample(WORDS, 2)) for n in range(300)]
    for mode in ("any", "union"):
        few, more = (drops(BalanceEntries(entries=entries, on="document", t=t, mode=mode), docs).keys() for t in (60, 20))  # type: ignore[arg-type]
        assert set() < few < more


def test_the_other_languages_get_the_t_that_gives_them_the_same_tail(tmp_path: Path) -> None:
    for language in ("en", "de"):
        (tmp_path / language).write_text("\n".join(WORDS))
    lists = {language: str(tmp_path / language) for language in ("en", "de")}
    counts = {"en": dict(zip(WORDS, (100, 60, 30, 10), strict=True)), "de": dict(zip(WORDS, (10, 6, 3, 1), strict=True))}
    docs = [
        said(f"{language}-{word}-{n}", word).with_labels(language=language)
        for language, of in counts.items()
        for word, count in of.items()
        for n in range(count)
    ]
    stage = BalanceEntries(entries=lists, on="document", t=50, tails_like="en")
    found = {
        (row["language"], row["name"]): (row["t"], row["before"], row["probability"]) for row in report(stage, docs, "entries")
    }
    assert found["en", "dog"] == (50, 100, 0.5)
    assert found["de", "dog"] == (3, 10, 0.3)  # entries below 50 have 40 of 200 matches; up to 3 there are 4 of 20
    alike = BalanceEntries(entries=lists, on="document", t=50)
    assert {row["t"] for row in report(alike, docs, "entries")} == {50}


def test_reports_count_what_is_left_of_each_entry(entries: str) -> None:
    docs = [said(f"{n}", "dog", *(["cat"] if n % 4 == 0 else [])) for n in range(400)]
    stage = BalanceEntries(entries=entries, on="document", t=40)
    left = Counter(word for doc in docs if doc.id not in drops(stage, docs) for word in set(doc.text.split()))
    rows = {row["name"]: (row["before"], row["after"]) for row in report(stage, docs, "entries")}
    assert rows == {"dog": (400, left["dog"]), "cat": (100, left["cat"])}
    before, after = report(stage, docs, "evenness")
    assert (before["when"], before["groups"], before["items"]) == ("before", 2, 500)
    assert before["entropy"] == pytest.approx(0.7219, abs=1e-4)
    assert after["items"] == left["dog"] + left["cat"]
    extremes = report(stage, docs, "extremes")
    assert [(row["place"], row["rank"], row["name"]) for row in extremes] == [("top", 1, "dog"), ("top", 2, "cat")]
    heads = [(row["part"], row["t"], row["entries"], row["before"]) for row in report(stage, docs, "head_and_tail")]
    assert heads == [("head", 40, 2, 500)]
    examples = report(stage, docs, "examples")
    assert Counter(row["name"] for row in examples) == {"dog": 5, "cat": 5}
    assert all(int(row["id"]) % 4 == 0 for row in examples if row["name"] == "cat")


def test_head_and_tail_are_told_apart_by_t(entries: str) -> None:
    docs = [said(f"{n}", "dog", *(["cat"] if n % 40 == 0 else []), *(["zebra"] if n % 100 == 0 else [])) for n in range(400)]
    head, tail = report(BalanceEntries(entries=entries, on="document", t=40), docs, "head_and_tail")
    assert (head["part"], head["entries"], head["before"]) == ("head", 1, 400)
    assert (tail["part"], tail["entries"], tail["before"], tail["after"]) == ("tail", 2, 14, 14)


def test_the_order_of_documents_parts_and_ranges_change_nothing(entries: str) -> None:
    made = random.Random(4)
    docs = [said(f"{n}", *made.sample(WORDS, made.randrange(4))) for n in range(200)]
    for mode in ("any", "union"):
        stage = BalanceEntries(entries=entries, on="document", t=20, mode=mode)  # type: ignore[arg-type]
        usual = drops(stage, docs)
        assert len({*usual} - {doc.id for doc in docs if not doc.text}) > 10
        for parts, ranges in ((1, 1), (7, 64), (200, 7)):
            made.shuffle(docs)
            assert drops(stage, docs, parts=parts, ranges=ranges) == usual


@settings(max_examples=40)
@given(st.lists(st.sets(st.sampled_from(WORDS)), max_size=40), st.sampled_from(["any", "union"]), st.integers(1, 12))
def test_of_any_corpus_what_matches_only_rare_entries_is_kept(entries: str, corpus: Any, mode: Any, t: int) -> None:
    docs = [said(f"{n}", *sorted(words)) for n, words in enumerate(corpus)]
    counts = Counter(word for words in corpus for word in words)
    found = drops(BalanceEntries(entries=entries, on="document", t=t, mode=mode), docs)
    for n, words in enumerate(corpus):
        if any(counts[word] <= t for word in words):
            assert str(n) not in found
        elif not words:
            assert found[str(n)].drop == Drop("no_entry")


def test_another_t_matches_no_text_anew(run: Any, crawl: Any, entries: str) -> None:
    """By commit counts: only exchanges behind the probabilities, and what follows, are new."""
    texts = crawl([" ".join(random.Random(n).sample(WORDS, 2)) for n in range(30)])

    def done(t: int) -> Mapping[str, set[str]]:
        step = ("stages.balance_entries", {"entries": entries, "on": "document", "t": t})
        finished = run(("stages.read_documents", {"paths": texts}), step, "stages.write_parquet")
        return {name: {*committed(finished.run, results.phase)} for name, results in finished.phases.items()}

    first, second = done(5), done(9)
    same = {name for name, units in first.items() if units and second[name] == units}
    assert {"read_documents", "balance_entries.counts"} <= same
    assert not {"balance_entries.probabilities", "balance_entries.rejected"} & same


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"entries": "gone.txt"}, "entries: gone.txt does not exist"),
        ({"entries": os.devnull}, f"entries: {os.devnull} has none"),
        ({"entries": {}}, "entries: name a file"),
        ({"t": 0}, "t: must be at least 1"),
        ({"tails_like": "en"}, "tails_like: there are no entries of the language 'en'"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(entries: str, parameters: dict[str, Any], problem: str) -> None:
    step = plugins.find("stages.balance_entries").build({"entries": entries, **parameters})
    assert list(step.check()) == [problem]
