"""select_top against sorting in memory."""

from __future__ import annotations

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
from interloom.schemas.document import Document, Image, Source
from interloom.schemas.outcome import Drop, Dropped
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


@settings(max_examples=60, deadline=None)
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
        ({"at_most": 1, "by": ""}, 'by: must be "none", "domain", "dump" or the name of a label'),
        ({"at_most": 1, "of": "random", "lowest": True}, "lowest: a random draw has no lowest scores"),
    ],
)
def test_limits_that_mean_nothing_are_refused(parameters: dict[str, Any], problem: str) -> None:
    step = plugins.find("stages.select_top").build({"of": "clip", **parameters})
    assert list(step.check()) == [problem]
