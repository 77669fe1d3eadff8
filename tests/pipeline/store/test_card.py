"""The dataset card: what Hugging Face reads in it, a funnel that adds up, and how to load the shards."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from interloom.pipeline.execution.balance import Account, Book
from interloom.pipeline.planning.plan import Plan
from interloom.pipeline.store import card
from interloom.pipeline.store.facts import Facts
from interloom.pipeline.store.shards import ShardFile, WrittenShard
from interloom.schemas.document import Document, Source

Planned = Callable[..., Plan]
STEPS = ("filters.word_count", {"at_least": 1, "at_most": 9}), "stages.write_parquet"


def shard(documents: int = 3, **facts: dict[str, int]) -> WrittenShard:
    files = (ShardFile("data/shard-000000.parquet", 1000, "ab" * 32),)
    return WrittenShard(files, documents, 2, {"samples": documents}, facts)


@pytest.fixture
def made(planned: Planned, crawl: Callable[..., str]) -> Callable[..., str]:
    """The card of a run with these shards and books."""

    def make(*shards: WrittenShard, sink: Any = STEPS[1], **books: Book) -> str:
        plan = planned(("stages.read_documents", {"paths": crawl(["a text"])}), STEPS[0], sink)
        return card.text(plan, plan.steps[-1].key, shards, books)

    return make


def front_matter(text: str) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(text.split("---\n")[1])
    return values


def test_the_front_matter_names_files_splits_and_sizes(made: Callable[..., str]) -> None:
    values = front_matter(made(shard(), shard(5)))
    assert values["size_categories"] == ["n<1K"]
    assert values["configs"] == [{"config_name": "default", "data_files": [{"split": "train", "path": "data/*.parquet"}]}]
    assert values["dataset_info"]["splits"] == [{"name": "train", "num_bytes": 2000, "num_examples": 8}]


def test_pictures_are_features_of_the_kind_image(made: Callable[..., str]) -> None:
    features = {feature["name"]: feature for feature in front_matter(made(shard()))["dataset_info"]["features"]}
    assert features["images"] == {"name": "images", "list": "image"}
    assert features["labels"]["list"] == [{"name": "name", "dtype": "string"}, {"name": "value", "dtype": "string"}]


def test_languages_are_codes_and_the_most_frequent_comes_first(made: Callable[..., str]) -> None:
    text = made(shard(languages={"de": 1, "en": 2}), shard(languages={"": 4, "de": 3, "not a code": 9}))
    assert front_matter(text)["language"] == ["de", "en"]
    assert "Documents by language: `not a code`: 9; `de`: 4; `en`: 2; no language stated: 4." in text


BY = "https://creativecommons.org/licenses/by/4.0/"
ZERO = "http://creativecommons.org/publicdomain/zero/1.0/deed.de"


@pytest.mark.parametrize(
    ("licences", "stated"),
    [
        ({}, "unknown"),
        ({"": 3}, "unknown"),
        ({BY: 3}, "cc-by-4.0"),
        ({BY: 2, ZERO: 1}, ["cc-by-4.0", "cc0-1.0"]),
        ({BY: 2, "": 1}, "other"),
        ({"All rights reserved": 3}, "other"),
    ],
)
def test_the_licence_is_one_of_the_hub_only_if_all_documents_have_it(
    made: Callable[..., str], licences: dict[str, int], stated: object
) -> None:
    assert front_matter(made(shard(licences=licences)))["license"] == stated


def test_documents_are_counted_by_language_and_licence() -> None:
    facts = Facts()
    docs = [Document(id="a", source=Source(licence=BY), labels={"language": "en"}), Document(id="b")]
    assert list(facts.counted(docs)) == docs
    assert facts.to_json() == {"languages": {"": 1, "en": 1}, "licences": {"": 1, BY: 1}}


def test_each_row_of_the_funnel_adds_up(made: Callable[..., str]) -> None:
    documents = Account(into=1000, born=5, out=900, quarantined=5, dropped={"too_few_words": 70, "too_many_words": 30})
    images = Account(into=50, born=1, out=20, left=21, dropped={"small": 10})
    texts = Account(into=80, born=4, out=70, left=5, replaced=2, dropped={"repeated": 7})
    text = made(shard(), word_count=Book(documents, images, texts))
    rows = re.findall(r"\| word_count \| ([\d, |]+) \|", text)
    assert [[int(cell.replace(",", "")) for cell in row.split(" | ")] for row in rows] == [
        [1000, 5, 900, 100, 5],
        [50, 1, 20, 10, 0, 21],
        [80, 4, 70, 7, 0, 5, 2],
    ]
    assert "too_few_words 70, too_many_words 30" in text


def test_the_card_says_what_was_dropped_for_an_opt_out(planned: Planned, crawl: Callable[..., str]) -> None:
    plan = planned(("stages.read_documents", {"paths": crawl(["a text"])}), "filters.opt_out", "stages.write_parquet")
    book = Book(documents=Account(into=3, out=1, dropped={"opted_out": 2}))
    text = card.text(plan, "write_parquet", [shard()], {"opt_out": book})
    assert "`opt_out` dropped 2 documents and 0 images for an opt-out." in text


def test_a_card_without_such_a_step_says_that_nothing_was_dropped(made: Callable[..., str]) -> None:
    assert "No step of this recipe drops what has such evidence" in made(shard())


@pytest.mark.parametrize(
    ("sink", "tags", "fields"),
    [
        ("stages.write_parquet", ["image-text"], "`source.opt_out` (of the page) and in `opt_out` (of the picture)"),
        ("stages.write_webdataset", ["image-text"], "`source.opt_out` (of the page) and `image.opt_out` of the JSON"),
    ],
)
def test_a_card_of_pairs_speaks_of_pairs_and_their_fields(
    planned: Planned, tmp_path: Path, sink: str, tags: list[str], fields: str
) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    plan = planned(("stages.read_images", {"paths": str(tmp_path / "*.png")}), (sink, {"layout": "pairs"}))
    text = card.text(plan, plan.steps[-1].key, [replace(shard(), extra={"samples": 5, "suffixes": ["png"]})], {})
    assert "\n5 image-text pairs from 3 documents in 1 shards" in text
    assert front_matter(text)["tags"] == [*tags, "interloom"]
    assert f"is kept in {fields}." in text


def test_a_card_of_texts_does_not_speak_of_images(made: Callable[..., str]) -> None:
    text = made(shard(), sink=("stages.write_parquet", {"layout": "text"}))
    assert "\nThe texts of 3 documents in 1 shards" in text
    assert front_matter(text)["tags"] == ["text", "interloom"]
    assert "is kept in `source.opt_out`." in text


def test_the_funnel_has_no_other_sinks(planned: Planned, crawl: Callable[..., str], tmp_path: Path) -> None:
    steps = [("stages.read_documents", {"paths": crawl(["a text"])}), "stages.write_webdataset", "stages.write_parquet"]
    plan = planned(*steps)
    text = card.text(plan, "write_parquet", [shard()], {step.key: Book() for step in plan.steps})
    assert list(dict.fromkeys(re.findall(r"^\| (\w+) \| 0 ", text, re.MULTILINE))) == ["read_documents", "write_parquet"]


def test_a_card_without_shards_shows_no_way_to_load_them(made: Callable[..., str]) -> None:
    text = made()
    assert "Load it" not in text
    assert "configs" not in front_matter(text)


def test_a_licence_does_not_break_the_page(made: Callable[..., str]) -> None:
    assert "Documents by licence: `a | b c`: 1." in made(shard(licences={"a |\n`b` c": 1}))


def test_sources_and_the_recipe_are_named(made: Callable[..., str], tmp_path: Path) -> None:
    text = made(shard())
    assert re.search(rf"\* `read_documents` \(stages.read_documents\) reads `{tmp_path}/\S+`", text)
    [recipe] = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    assert [step["use"] for step in yaml.safe_load(recipe)["steps"]][1:] == ["filters.word_count", "stages.write_parquet"]
