"""Relative paths in a recipe that lies in object storage."""

import pytest

from interloom.pipeline.errors import ConfigError
from interloom.pipeline.planning.beside_recipe import anchored

FILE = "s3://corpora/recipes/web.yaml"


def parameter(name: str, value: object, file: str = FILE) -> object:
    return anchored({"steps": [{"use": "x", "with": {name: value}}]}, file)["steps"][0]["with"][name]


@pytest.mark.parametrize(
    ("path", "whole"),
    [
        ("crawl/*.warc.gz", "s3://corpora/recipes/crawl/*.warc.gz"),
        ("../crawl/", "s3://corpora/crawl/"),
        ("./a.jsonl", "s3://corpora/recipes/a.jsonl"),
        ("..", "s3://corpora/"),
        ("/mnt/crawl", "/mnt/crawl"),
        ("~/crawl", "~/crawl"),
        ("az://other/crawl", "az://other/crawl"),
        ("${CRAWL}/a", "${CRAWL}/a"),
        ("", ""),
    ],
)
def test_a_relative_path_begins_at_the_folder_of_the_recipe(path: str, whole: str) -> None:
    assert parameter("paths", path) == whole


def test_each_path_of_a_list_or_a_mapping_does() -> None:
    assert parameter("paths", ["a", "/b"]) == ["s3://corpora/recipes/a", "/b"]
    assert parameter("entries", {"en": "words.txt"}) == {"en": "s3://corpora/recipes/words.txt"}


@pytest.mark.parametrize(("model", "whole"), [("all-MiniLM-L6-v2", "all-MiniLM-L6-v2"), ("./m", "s3://corpora/recipes/m")])
def test_what_may_be_a_name_is_a_path_if_it_begins_with_a_dot(model: str, whole: str) -> None:
    assert parameter("model", model) == whole


def test_the_run_lies_beside_the_recipe_too() -> None:
    assert anchored({"run": "../runs/web"}, FILE) == {"run": "s3://corpora/runs/web"}


def test_in_a_recipe_on_disk_nothing_changes() -> None:
    assert parameter("paths", "crawl", "recipes/web.yaml") == "crawl"


def test_a_path_that_leads_out_of_the_bucket_is_told() -> None:
    with pytest.raises(ConfigError) as error:
        parameter("paths", "../../other")
    assert str(error.value) == f"{FILE}: ../../other leads out of the bucket; write the whole path"


@pytest.mark.parametrize("values", [None, [], "text", {"steps": "x"}, {"steps": [1, {"with": 2}]}])
def test_what_is_no_recipe_is_left_to_others(values: object) -> None:
    assert anchored(values, FILE) == values
