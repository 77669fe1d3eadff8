"""select_top against sorting in memory."""

from __future__ import annotations

import itertools
import math
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest
from global_steps import outcomes
from hypothesis import given, settings
from hypothesis import strategies as st

from interloom.pipeline.planning import plugins
from interloom.schemas.document import Document, Image, Source, Text
from interloom.schemas.outcome import Drop, Dropped
from interloom.stages._select import budgets
from interloom.stages.select_top import SelectTop

SCORES = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 0.5, math.inf]), st.none())
CORPUS = st.lists(st.tuples(SCORES, st.sampled_from("abc")), max_size=40)


def doc(id_: str, score: float | None = None, host: str = "") -> Document:
    scores = {} if score is None else {"clip": score}
    return Document(id=id_, source=Source(url=f"https://{host}/{id_}" if host else ""), scores=scores)


def drops(stage: SelectTop, docs: Sequence[Document], parts: int = 3, ranges: int = 1) -> dict[str, Drop]:
    """Why documents are dropped, by id."""
    divided = [list(docs[first::parts]) for first in range(parts)]
    said = outcomes(stage, *divided, partitions=ranges)
    assert sorted(one.id for one in said) == sorted(doc.id for doc in docs)  # type: ignore[union-attr]
    return {one.id: one.drop for one in said if isinstance(one, Dropped)}


def kept(stage: SelectTop, docs: Sequence[Document], **how: int) -> set[str]:
    return {doc.id for doc in docs} - drops(stage, docs, **how).keys()


def test_the_highest_scores_are_kept() -> None:
    docs = [doc(f"{n}", score) for n, score in enumerate([0.2, 0.9, -3.0, 0.4])]
    assert drops(SelectTop(of="clip", at_most=2), docs) == {"0": Drop("below_top", 3, 2), "2": Drop("below_top", 4, 2)}


def test_the_lowest_scores_are_kept_if_asked() -> None:
    docs = [doc(f"{n}", score) for n, score in enumerate([0.2, 0.9, -3.0, 0.4])]
    assert kept(SelectTop(of="clip", at_most=2, lowest=True), docs) == {"0", "2"}


def test_a_share_of_the_scored_is_kept_rounded_up() -> None:
    docs = [doc(f"{n:02}", n / 10) for n in range(11)] + [doc("none"), doc("nan", math.nan)]
    found = drops(SelectTop(of="clip", share=0.3), docs)
    assert {doc.id for doc in docs} - found.keys() == {"07", "08", "09", "10"}
    assert (found["06"], found["none"], found["nan"]) == (Drop("below_top", 5, 4), Drop("not_scored"), Drop("not_scored"))


def test_infinite_scores_are_the_highest_and_the_lowest() -> None:
    docs = [doc("a", math.inf), doc("b", 1e308), doc("c", -math.inf), doc("d", -1e308)]
    assert kept(SelectTop(of="clip", at_most=1), docs) == {"a"}
    assert kept(SelectTop(of="clip", at_most=1, lowest=True), docs) == {"c"}


def test_each_domain_keeps_its_highest_scores() -> None:
    hosts = ["www.A.org", "a.org", "a.org:8080", "b.org", ""]
    docs = [doc(f"{n}", n / 10, host) for n, host in enumerate(hosts)]
    assert drops(SelectTop(of="clip", at_most=1, by="domain"), docs) == {
        "0": Drop("above_cap", 3, 1),
        "1": Drop("above_cap", 2, 1),
    }


def test_a_share_of_each_group_keeps_one_of_each() -> None:
    docs = [doc(f"{host}{n}", n / 10, host) for host, count in (("a", 1), ("b", 4), ("c", 5)) for n in range(count)]
    found = drops(SelectTop(of="clip", share=0.25, by="domain"), docs)
    assert {doc.id for doc in docs} - found.keys() == {"a0", "b3", "c4", "c3"}
    assert found["b0"] == Drop("below_top", 4, 1)


def test_groups_are_made_by_a_label_or_by_the_dump() -> None:
    labels = [doc(f"{n}", n / 10).with_labels(topic=topic) for n, topic in enumerate("xyx")]
    assert kept(SelectTop(of="clip", at_most=1, by="topic"), labels) == {"1", "2"}
    paths = ["s3://cc/CC-MAIN-2024-10/1.warc.gz", "s3://cc/CC-MAIN-2024-10/2.warc.gz", "s3://cc/CC-MAIN-2023-50/1.warc.gz"]
    dumps = [Document(id=f"{n}", source=Source(path=path), scores={"clip": n}) for n, path in enumerate(paths)]
    dumps.append(Document(id="3", scores={"clip": 3}, labels={"dump": "CC-MAIN-2023-50"}))
    assert kept(SelectTop(of="clip", at_most=1, by="dump"), dumps) == {"1", "3"}


def test_images_are_ranked_with_those_of_other_documents() -> None:
    def gallery(id_: str, *scores: float | None) -> Document:
        images = (Image(position=n, url=f"http://x/{n}") for n in range(len(scores)))
        scored = (
            image if score is None else image.with_score("clip", score) for image, score in zip(images, scores, strict=True)
        )
        return Document(id=id_, elements=tuple(scored))

    docs = [gallery("a", 0.3, 0.1, None), gallery("b", 0.2, 0.4), gallery("c")]
    assert outcomes(SelectTop(of="clip", share=0.5, on="image"), docs[:1], docs[1:]) == [
        Dropped("a", Drop("below_top", 4, 2), 1, "http://x/1"),
        Dropped("a", Drop("not_scored"), 2, "http://x/2"),
        docs[0].without([1, 2]),
        Dropped("b", Drop("below_top", 3, 2), 0, "http://x/0"),
        docs[1].without([0]),
        docs[2],
    ]


@pytest.mark.parametrize("by", ["none", "domain"])
@pytest.mark.parametrize("of", ["clip", "random"])
def test_a_larger_number_or_share_keeps_the_same_documents_and_more(of: str, by: str) -> None:
    docs = [doc(f"{n}", 0.5, "ab"[n % 2]) for n in range(60)]
    groups = 1 if by == "none" else 2
    few, more = (kept(SelectTop(of=of, at_most=most, by=by, seed=3), docs) for most in (5, 10))
    share = kept(SelectTop(of=of, share=0.5, by=by, seed=3), docs)
    assert (len(few), len(more), len(share)) == (5 * groups, 10 * groups, 30)
    assert few < more < share


@pytest.mark.parametrize("by", ["none", "domain"])
@pytest.mark.parametrize("of", ["clip", "random"])
def test_equal_scores_are_drawn_by_the_seed(of: str, by: str) -> None:
    docs = [doc(f"{n}", 0.5, "a") for n in range(60)]
    chosen = [kept(SelectTop(of=of, at_most=20, by=by, seed=seed), docs) for seed in (1, 1, 2)]
    assert chosen[0] == chosen[1] != chosen[2]
    assert chosen[0] != {doc.id for doc in docs[:20]}


@settings(max_examples=60)
@given(CORPUS, st.booleans(), st.booleans(), st.one_of(st.integers(1, 12), st.sampled_from([0.07, 0.3, 0.5, 1.0])))
def test_any_corpus_is_cut_where_sorting_cuts_it(corpus: Any, by_domain: bool, lowest: bool, limit: Any) -> None:
    docs = [doc(f"{n}", score, host) for n, (score, host) in enumerate(corpus)]
    given_limit = {"at_most": limit} if isinstance(limit, int) else {"share": limit}
    stage = SelectTop(of="clip", by="domain" if by_domain else "none", lowest=lowest, **given_limit)
    groups = defaultdict(list)
    for one, (score, host) in zip(docs, corpus, strict=True):
        if score is not None and not math.isnan(score):
            groups[host if by_domain else ""].append((score if lowest else -score, one.id))
    found = drops(stage, docs)
    for members in groups.values():
        last = min(limit if isinstance(limit, int) else math.ceil(round(limit * len(members), 9)), len(members))
        staying = sorted(score for score, id_ in members if id_ not in found)
        assert staying == sorted(score for score, _ in members)[:last]
        going = sorted((found[id_].value or 0, score) for score, id_ in members if id_ in found)
        assert [value for value, _ in going] == [*range(last + 1, len(members) + 1)]
        assert [score for _, score in going] == sorted(score for _, score in going)
    assert {id_ for id_, drop in found.items() if drop.reason == "not_scored"} == {
        one.id for one in docs if math.isnan(one.scores.get("clip", math.nan))
    }


@pytest.mark.parametrize("by", ["none", "domain"])
@pytest.mark.parametrize("of", ["clip", "random"])
@pytest.mark.parametrize("limit", [{"at_most": 7}, {"share": 0.3}])
def test_the_order_of_documents_parts_and_ranges_change_nothing(of: str, by: str, limit: Any) -> None:
    made = random.Random(4)
    docs = [doc(f"{n}", made.choice([0.1, 0.5, 0.7, made.random()]), made.choice("aaaaab")) for n in range(200)]
    stage = SelectTop(of=of, by=by, **limit)
    usual = drops(stage, docs)
    for parts, ranges in ((1, 1), (7, 64), (200, 7)):
        made.shuffle(docs)
        assert drops(stage, docs, parts=parts, ranges=ranges) == usual


def said(id_: str, score: float, words: int, language: str = "") -> Document:
    """A document of so many words."""
    labels = {"language": language} if language else {}
    return Document(id=id_, scores={"clip": score}, labels=labels, elements=(Text(position=0, text="word " * words),))


def test_documents_are_kept_whose_tokens_together_are_in_the_budget() -> None:
    docs = [said(f"{n}", score, words) for n, (score, words) in enumerate([(0.1, 1), (0.9, 30), (0.5, 50), (0.4, 21), (0.3, 1)])]
    stage = SelectTop(of="clip", at_most=100, counted_in="tokens")
    assert drops(stage, docs) == {
        "3": Drop("below_top", 101, 100),
        "4": Drop("below_top", 102, 100),
        "0": Drop("below_top", 103, 100),
    }


def test_each_language_has_a_budget_of_its_own() -> None:
    docs = [said(f"{n}", n / 10, 10, "en" if n % 2 else "de") for n in range(8)]
    assert kept(SelectTop(of="clip", at_most=25, counted_in="tokens", by="language"), docs) == {"4", "5", "6", "7"}
    assert kept(SelectTop(of="clip", share=0.5, counted_in="tokens", by="language"), docs) == {"4", "5", "6", "7"}


def test_a_phase_repeats_what_is_best() -> None:
    docs = [said(f"{n}", n / 10, 10) for n in range(3)]
    outcome = outcomes(SelectTop(of="clip", at_most=10, counted_in="tokens", repeats=4), docs)
    assert [one.id for one in outcome if isinstance(one, Document)] == ["2", "2#1", "2#2", "2#3"]
    assert {one.text for one in outcome if isinstance(one, Document)} == {docs[2].text}


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9), st.sampled_from(["", "en", "de"])), max_size=40),
    st.booleans(),
    st.one_of(st.integers(1, 60), st.sampled_from([0.3, 0.5, 1.0])),
)
def test_any_budget_of_tokens_is_cut_where_adding_up_cuts_it(corpus: Any, by_language: bool, limit: Any) -> None:
    docs = [said(f"{n}", score, words, language) for n, (score, words, language) in enumerate(corpus)]
    by = "language" if by_language else "none"
    given_limit = {"at_most": limit} if isinstance(limit, int) else {"share": limit}
    stage = SelectTop(of="clip", by=by, counted_in="tokens", **given_limit)
    found = drops(stage, docs)
    for group in {language for _, _, language in corpus} if by_language else {None}:
        members = [n for n, (_, _, language) in enumerate(corpus) if group in (None, language)]
        total = sum(corpus[n][1] for n in members)
        budget = limit if isinstance(limit, int) else math.ceil(round(limit * total, 9))
        order = sorted(members, key=lambda n: (-corpus[n][0], (found[str(n)].value or 0) if str(n) in found else -1))
        running = list(itertools.accumulate(corpus[n][1] for n in order))
        assert {str(n): total for n, total in zip(order, running, strict=True) if total > budget} == {
            str(n): found[str(n)].value for n in order if str(n) in found
        }
    for parts, ranges in ((1, 1), (7, 64)):
        assert drops(stage, docs, parts=parts, ranges=ranges) == found


def test_budgets_hold_beyond_a_block_of_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "_BLOCK_BITS", 2)
    docs = [said(f"{n:02}", n, 3) for n in range(40)]
    assert kept(SelectTop(of="clip", at_most=62, counted_in="tokens"), docs, ranges=7) == {f"{n}" for n in range(20, 40)}


def test_without_documents_there_is_nothing_to_drop() -> None:
    for by in ("none", "domain"):
        assert (
            outcomes(SelectTop(of="clip", share=0.5, by=by), []) == outcomes(SelectTop(of="random", at_most=1, by=by), []) == []
        )


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({}, "give either at_most or share"),
        ({"at_most": 1, "share": 0.5}, "give either at_most or share"),
        ({"at_most": 0}, "at_most: must be at least 1"),
        ({"share": 0.0}, "share: must be above 0 and at most 1"),
        ({"share": 1.5}, "share: must be above 0 and at most 1"),
        (
            {"at_most": 1, "by": ""},
            "by: must be one of none, domain, dump, length, images, modalities, or the name of a label",
        ),
        ({"at_most": 1, "on": "image", "repeats": 2}, "repeats and counted_in: tokens are for documents, not for images"),
        ({"at_most": 1, "repeats": 0}, "repeats: must be at least 1"),
        ({"at_most": 1, "of": "random", "lowest": True}, "lowest: a random draw has no lowest scores"),
    ],
)
def test_limits_that_mean_nothing_are_refused(parameters: dict[str, Any], problem: str) -> None:
    step = plugins.find("stages.select_top").build({"of": "clip", **parameters})
    assert list(step.check()) == [problem]
