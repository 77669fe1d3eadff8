"""Steps that read embeddings or a clustering are refused where several above them fit, or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.planning.plan import Plan, make_plan
from interloom.pipeline.planning.recipe import read_recipe

SINK = "stages.write_parquet"
CLUSTER = "stages.cluster_embeddings"
BALANCE = "stages.balance_clusters"


def stored(**values: str) -> tuple[str, dict[str, str]]:
    return "stores_vectors", values


@pytest.fixture
def source(crawl: Callable[..., str]) -> dict[str, Any]:
    return {"use": "stages.read_documents", "with": {"paths": crawl(["one"])}}


@pytest.fixture
def problems(recipe: Callable[..., str], source: dict[str, Any]) -> Callable[..., list[str]]:
    """What is wrong with a recipe of the source, these steps and a sink: `line:column: message`."""

    def find(*steps: Any) -> list[str]:
        file = recipe(source, *steps, SINK)
        with pytest.raises(ConfigError) as refused:
            make_plan(*read_recipe(file))
        return [problem.removeprefix(file + ":") for problem in refused.value.problems]

    return find


@pytest.fixture
def accepted(planned: Callable[..., Plan], source: dict[str, Any]) -> Callable[..., Plan]:
    return lambda *steps: planned(source, *steps, SINK)


def test_two_models_of_a_kind_must_be_told_apart(problems: Any) -> None:
    assert problems(stored(model="a"), stored(model="b"), (CLUSTER, {"of": "image"})) == [
        f"14:3: {CLUSTER}: embeddings of kind 'image' are stored above of several models (a, b); name one as `model`"
    ]


def test_one_of_two_models_may_be_named(accepted: Any) -> None:
    assert len(accepted(stored(model="a"), stored(model="b"), (CLUSTER, {"model": "b"})).steps) == 5


def test_models_of_different_kinds_are_independent(accepted: Any) -> None:
    assert len(accepted(stored(model="a"), stored(model="b", of="text"), CLUSTER).steps) == 5


def test_a_model_that_no_step_stores_is_refused(problems: Any) -> None:
    assert problems(stored(model="ViT-B-32"), (CLUSTER, {"model": "ViT-B-23"})) == [
        f"12:5: {CLUSTER} needs embeddings of kind 'image' of the model ViT-B-23, which no step above stores; "
        "there are those of ViT-B-32; did you mean 'ViT-B-32'?"
    ]


def test_what_is_compared_must_be_of_one_model(problems: Any) -> None:
    assert problems(stored(model="a"), stored(model="b", of="sentence"), "stages.retrieve_texts") == [
        "14:3: stages.retrieve_texts compares embeddings of kind 'image' and 'sentence', "
        "which must be of one model; above they are of a and b"
    ]


def test_one_model_with_two_weights_is_refused(problems: Any) -> None:
    assert problems(stored(version="openai"), stored(version="laion"), CLUSTER) == [
        f"13:3: {CLUSTER}: embeddings of kind 'image' of a are stored above in several versions (laion, openai)"
    ]


def test_a_second_clustering_of_a_name_is_refused(problems: Any) -> None:
    assert problems(stored(), CLUSTER, (CLUSTER, {"name": "image"}), BALANCE) == [
        f"12:5: {CLUSTER}: {CLUSTER} above makes a clustering 'image', too; give this one another `name`",
        f"13:3: {BALANCE} reads the clustering 'image', and several steps above make one of that name; name them apart",
    ]


def test_two_clusterings_with_names_of_their_own_stand_side_by_side(accepted: Any) -> None:
    assert len(accepted(stored(), CLUSTER, (CLUSTER, {"name": "fine"}), (BALANCE, {"clusters": "fine"})).steps) == 6


def test_clusterings_of_one_name_on_two_branches_must_not_meet(problems: Any) -> None:
    branches = [{"use": CLUSTER, "id": name, "from": "stores_vectors"} for name in ("left", "right")]
    assert problems(stored(), *branches, {"use": BALANCE, "from": ["left", "right"]}) == [
        f"15:3: {BALANCE} reads the clustering 'image', and several steps above make one of that name; name them apart"
    ]


@pytest.mark.parametrize("kind", ["text", "sentence", "paragraph"])
def test_vectors_of_texts_that_are_split_afterwards_are_of_no_use(problems: Any, kind: str) -> None:
    assert problems(stored(of=kind), "stages.split_sentences", (CLUSTER, {"of": kind})) == [
        f"11:3: {CLUSTER} needs embeddings of kind '{kind}', which stores_vectors stores, but then stages.split_sentences puts "
        "other texts in place of theirs; move it above or that one below"
    ]


def test_a_clustering_of_texts_that_are_split_afterwards_is_of_no_use(problems: Any) -> None:
    cluster, balance = (CLUSTER, {"of": "sentence"}), (BALANCE, {"clusters": "sentence"})
    assert problems(stored(of="sentence"), cluster, "stages.split_sentences", balance) == [
        f"14:3: {BALANCE} needs the clustering 'sentence', which {CLUSTER} stores, but then stages.split_sentences puts "
        "other texts in place of theirs; move it above or that one below"
    ]


@pytest.mark.parametrize("kind", ["image", "document"])
def test_vectors_of_images_and_documents_outlast_a_split(accepted: Any, kind: str) -> None:
    assert len(accepted(stored(of=kind), "stages.split_sentences", (CLUSTER, {"of": kind})).steps) == 5


def test_texts_may_be_embedded_again_after_a_split(accepted: Any) -> None:
    again = stored(of="paragraph")
    assert len(accepted(again, "stages.split_sentences", again, (CLUSTER, {"of": "paragraph"})).steps) == 6
