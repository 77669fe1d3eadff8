import numpy as np
import pytest
from selectolax.lexbor import LexborHTMLParser

from interloom.stages.extract_html.arrays import page_arrays
from interloom.stages.extract_html.group_features import block_groups
from interloom.stages.extract_html.page_model import page_model
from interloom.stages.extract_html.parse import read_page
from interloom.stages.extract_html.rows import stacked
from interloom.stages.extract_html.second_look import Surroundings, second_look
from interloom.stages.extract_html.stated_text import StatedText, stated_features, stated_text


def page_of(html):
    return read_page(LexborHTMLParser(html), len(html))


@pytest.mark.parametrize(
    ("item", "body"),
    [
        ({"articleBody": "Tea &amp; <b>Milk</b>"}, "tea & milk"),
        ({"recipeIngredient": ["2 eggs", "Salt"]}, "2 eggs salt"),
        ({"recipeInstructions": [{"@type": "HowToSection", "itemListElement": [{"text": "Stir."}]}]}, "stir."),
        ({"acceptedAnswer": {"text": "Yes."}}, "yes."),
        ({"articleBody": 3}, ""),
        ({"name": "A shop"}, ""),
    ],
)
def test_structured_data_state_the_body_of_a_page(item, body):
    assert stated_text({}, [item]) == StatedText(body, "")


def test_descriptions_are_in_meta_elements_and_in_structured_data():
    meta = {"description": "One", "og:description": "Two"}
    assert stated_text(meta, [{"description": "Three"}, {"description": None}]).description == "one two three"


def test_structured_data_that_contain_themselves_deeply_are_read_to_a_depth():
    value: object = "deep"
    for _ in range(500):
        value = [value]
    assert stated_text({}, [{"articleBody": value}]) == StatedText()


def test_a_block_is_compared_with_the_stated_text_by_its_start_middle_and_end():
    story, tail = "a story of the sea " * 12, "and of the harbour where it began and of all the boats that came"
    page = page_of(f"<p>{story}</p><p>{story} {tail}</p><p>{tail} {story} {tail}</p><p>Share this</p>")
    in_body, in_description, *_ = stated_features(page.blocks, page_arrays(page), StatedText(story.strip(), "share this page"))
    np.testing.assert_allclose(in_body, [1, 2 / 3, 1 / 3, 0])
    assert in_description.tolist() == [0, 0, 0, 1]


def test_without_a_stated_body_its_share_is_unknown():
    page = page_of("<p>A text.</p>")
    assert stated_features(page.blocks, page_arrays(page), StatedText("too short", ""))[0].tolist() == [-1]


def test_blocks_are_in_one_group_if_their_elements_and_the_parents_have_the_same_tags_and_classes():
    page = page_of("<div class=a><p>1</p><p class=x>2</p></div><div class=b><p>3</p></div><div class=a><p>4</p></div>")
    assert block_groups(page.blocks).tolist() == [0, 1, 2, 0]


def test_the_second_trees_see_the_probabilities_around_a_block():
    whole = np.zeros((2, 3), np.int64), np.full((2, 3), 3)
    around = Surroundings(np.array([10, 30, 10]), *whole, np.array([0, 1, 0]))
    features = second_look(around, np.array([1.0, 0.5, 0.0]))
    assert features[:7, 0].tolist() == [1.0, -1.0, 0.5, -1.0, 0.0, -1.0, -1.0]  # its own, then before and after, in turn
    np.testing.assert_allclose(features[7], 25 / 50)  # of the characters two blocks away and less
    np.testing.assert_allclose(features[15], [0.5, 0.5, 0.5])  # of the characters of the group
    np.testing.assert_allclose(features[17], [0, 10 / 25, 1])  # the content before the block


def test_a_feature_that_is_a_number_is_that_of_all_blocks():
    assert stacked([[1, 2], 5, np.array([0.5, 1.5])], 2).tolist() == [[1, 2], [5, 5], [0.5, 1.5]]


@pytest.mark.parametrize("trees", ["first", "second"])
def test_the_log_odds_of_a_block_are_a_leaf_of_each_tree(trees):
    model = getattr(page_model(), trees)
    columns = np.random.default_rng(3).random((model.features.max() + 1, 50), np.float32)
    log_odds = []
    for block in columns.T:
        leaves = []
        for features, thresholds, values in zip(model.features, model.thresholds, model.leaf_values, strict=True):
            number = 0
            for feature, threshold in zip(features, thresholds, strict=True):
                number = 2 * number + (block[feature] > threshold)
            leaves.append(float(values[number]))
        log_odds.append(model.base_score + sum(leaves))
    assert model.probabilities(columns) == pytest.approx(1 / (1 + np.exp(-np.array(log_odds))), abs=1e-5)
