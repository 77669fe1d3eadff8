"""mix against quotas counted by hand."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from global_steps import outcomes, results
from hypothesis import given, settings
from hypothesis import strategies as st

from interloom.pipeline.planning import plugins
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Dropped
from interloom.stages.mix import Mix


def docs_of(**counts: int) -> list[Document]:
    made = [Document(id=f"{name}-{n}", labels={"language": name}) for name, count in counts.items() for n in range(count)]
    random.Random(2).shuffle(made)
    return made


def mixed(stage: Mix, docs: Sequence[Document], parts: int = 3, ranges: int = 1) -> tuple[list[str], dict[str, Dropped]]:
    """The ids of what comes out, and what is dropped, by id."""
    said = outcomes(stage, *(list(docs[first::parts]) for first in range(parts)), partitions=ranges)
    dropped = {one.id: one for one in said if isinstance(one, Dropped)}
    kept = sorted(one.id for one in said if isinstance(one, Document))
    assert {id_.partition("#")[0] for id_ in kept} | dropped.keys() == {doc.id for doc in docs}
    return kept, dropped


def counts(ids: Sequence[str]) -> dict[str, int]:
    return dict(Counter(id_.partition("-")[0] for id_ in ids))


def report(stage: Mix, docs: Sequence[Document]) -> dict[str, tuple[int, ...]]:
    """By group: documents before and after, sizes before and after, quota."""
    rows = pa.concat_tables(results(stage, [stage.sketch(docs)])["groups"]).to_pylist()
    names = ("before", "after", "size_before", "size_after", "quota")
    return {row["name"]: tuple(row[name] for name in names) for row in rows}


def test_weights_make_quotas_of_a_total() -> None:
    stage = Mix(by="language", weights={"en": 3, "de": 1}, total=40)
    assert counts(mixed(stage, docs_of(en=100, de=100, fr=5))[0]) == {"en": 30, "de": 10}


def test_without_a_total_there_is_as_much_as_the_shares_allow() -> None:
    assert counts(mixed(Mix(by="language", weights={"en": 3, "de": 1}), docs_of(en=100, de=20))[0]) == {"en": 60, "de": 20}
    assert counts(mixed(Mix(by="language"), docs_of(en=100, de=20))[0]) == {"en": 100, "de": 20}


def test_a_temperature_flattens_groups() -> None:
    assert counts(mixed(Mix(by="language", temperature=2), docs_of(en=400, de=4))[0]) == {"en": 40, "de": 4}


def test_small_groups_are_repeated_to_fill_their_quota() -> None:
    kept, _ = mixed(Mix(by="language", weights={"en": 1, "de": 1}, total=20, most_repeats=4), docs_of(en=100, de=4))
    assert counts(kept) == {"en": 10, "de": 10}
    repeats = Counter(id_.partition("#")[0] for id_ in kept if id_.startswith("de"))
    assert sorted(repeats.values()) == [2, 2, 3, 3]
    kept, _ = mixed(Mix(by="language", weights={"en": 1, "de": 1}, total=20, most_repeats=2), docs_of(en=100, de=4))
    assert counts(kept) == {"en": 12, "de": 8}


def test_a_dropped_document_names_its_group_its_draw_and_the_limit() -> None:
    _, dropped = mixed(Mix(by="language", weights={"en": 1}, total=50), docs_of(en=100, de=1))
    limits = {one.drop.threshold for one in dropped.values() if one.kept == "language en"}
    assert len(limits) == 1 and len(dropped) == 51
    assert all((one.drop.value or 0) >= (one.drop.threshold or 0) for one in dropped.values())
    assert (dropped["de-0"].drop.reason, dropped["de-0"].kept) == ("over_quota", "language de")


def test_tokens_can_be_counted_instead_of_documents() -> None:
    made = random.Random(1)
    docs = [
        Document(id=f"{name}-{n}", labels={"language": name}, elements=(Text(position=0, text="w " * made.randrange(9)),))
        for name in ("en", "de")
        for n in range(60)
    ]
    stage = Mix(by="language", weights={"en": 2, "de": 1}, total=90, counted_in="tokens")
    kept, _ = mixed(stage, docs)
    sizes = Counter[str]()
    for doc in docs:
        sizes[doc.labels["language"]] += len(doc.text.split()) * (doc.id in kept)
    assert 60 - 8 <= sizes["en"] <= 60 and 30 - 8 <= sizes["de"] <= 30
    assert {name: of[3] for name, of in report(stage, docs).items()} == sizes


def test_modalities_and_numbers_of_images_make_groups() -> None:
    docs = [Document(id=f"{n}", elements=tuple(Image(position=at) for at in range(n % 3))) for n in range(30)]
    kept, dropped = mixed(Mix(by="modalities", weights={"2": 1}, total=5), docs)
    assert len(kept) == 5 and all(int(id_) % 3 for id_ in kept)
    assert {one.kept for one in dropped.values()} == {"modalities 0", "modalities 2"}
    assert len(mixed(Mix(by="images", weights={"1": 1, "2": 1}), docs)[0]) == 20


def test_the_report_shows_groups_before_and_after_and_groups_that_are_missing() -> None:
    stage = Mix(by="language", weights={"en": 1, "de": 1, "fr": 1}, total=20, most_repeats=2)
    docs = docs_of(en=30, de=4, it=3)
    found = report(stage, docs)
    assert found == {"en": (30, 12, 30, 12, 12), "de": (4, 8, 4, 8, 8), "fr": (0, 0, 0, 0, 0), "it": (3, 0, 3, 0, 0)}


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from(["en", "de", "fr", ""]), max_size=40),
    st.one_of(st.none(), st.dictionaries(st.sampled_from(["en", "de", "xx"]), st.integers(1, 5), min_size=1)),
    st.one_of(st.none(), st.integers(1, 60)),
    st.integers(1, 3),
)
def test_any_mixture_has_what_its_report_says_and_no_document_too_often(
    labels: list[str], weights: Any, total: int | None, repeats: int
) -> None:
    docs = [Document(id=f"{name}-{n}", labels={"language": name} if name else {}) for n, name in enumerate(labels)]
    stage = Mix(by="language", weights=weights, total=total, most_repeats=repeats)
    kept, _ = mixed(stage, docs)
    if docs:
        rows = report(stage, docs)
        assert counts(kept) == {name: after for name, (_, after, *_) in rows.items() if after}
        assert all(after == quota for _, after, _, _, quota in rows.values())
    assert max(Counter(id_.partition("#")[0] for id_ in kept).values(), default=0) <= repeats
    for parts, ranges in ((1, 64), (5, 7)):
        assert mixed(stage, docs[::-1], parts, ranges)[0] == kept


def test_more_for_a_group_keeps_the_same_and_more() -> None:
    docs = docs_of(en=100, de=100)
    few, more = (set(mixed(Mix(by="language", total=total), docs)[0]) for total in (20, 60))
    assert few < more
    assert few != set(mixed(Mix(by="language", total=20, seed=1), docs)[0])


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"by": "none"}, "by: must be one of domain, dump, length, images, modalities, or the name of a label"),
        ({"weights": {"en": 0}}, "weights: must be at least 0, and one of them above 0"),
        ({"weights": {"en": -1, "de": 2}}, "weights: must be at least 0, and one of them above 0"),
        ({"weights": {"en": 1}, "temperature": 2}, "temperature: weights leave nothing to it; give one of the two"),
        ({"temperature": 0}, "temperature: must be at least 0.05"),
        ({"total": 0}, "total: must be at least 1"),
        ({"most_repeats": 0}, "most_repeats: must be at least 1"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(parameters: dict[str, Any], problem: str) -> None:
    assert list(plugins.find("stages.mix").build({"by": "language", **parameters}).check()) == [problem]
