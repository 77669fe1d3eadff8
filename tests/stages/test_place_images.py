"""The stage on vectors whose similarities are known: MMC4's own example, what is dropped, labels, and what is missing."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from interloom.pipeline.errors import ConfigError
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop, Dropped, Quarantined
from interloom.schemas.rows import side_tables
from interloom.stages.place_images import PlaceImages, matching

TEXT = "Lock the door. Press the switch. Unlock it."
SPANS = [(0, 14), (15, 32), (33, 43)]
MMC4_README = [[0.2436, 0.3176, 0.2769], [0.2233, 0.3235, 0.2612]]


def page(images=2, *more):
    """A document of a text of three sentences, and images."""
    pictures = (Image(position=1 + n, url=f"https://x/{n}.png", offset=99) for n in range(images))
    return Document(id="d", elements=(Text(position=0, text=TEXT, offset=7), *pictures, *more))


def row(kind, position, vector, window=0, span=(None, None), model="clip"):
    place = {"id": "d", "position": position, "window": window, "kind": kind, "start": span[0], "end": span[1]}
    return {**place, "model": model, "revision": "1", "vector": np.array(vector, "<f2").tobytes()}


def stored(similarities):
    """Rows of images and sentences with these similarities: sentence n is the nth unit vector."""
    images = [row("image", 1 + n, vector) for n, vector in enumerate(similarities)]
    return [*images, *(row("sentence", 0, np.eye(len(similarities[0]))[n], n, span) for n, span in enumerate(SPANS))]


def outcomes(step, doc, rows):
    return list(step.process_with([doc], {"embeddings": list(side_tables("embeddings", rows))}))


def shown(doc):
    """The elements in short: a text as it is, an image as its position."""
    return [element.text if isinstance(element, Text) else element.position for element in doc.elements]


def matches(doc):
    return {image.position: (image.scores["matched_text"], image.scores["matched_sim"]) for image in doc.images}


def test_the_example_of_mmc4_is_placed_as_published():
    (doc,) = outcomes(PlaceImages(), page(), stored(MMC4_README))
    assert shown(doc) == ["Lock the door.", 2, "Press the switch.", 1, "Unlock it."]
    assert matches(doc) == {1: (2, 0.2769), 2: (1, 0.3235)}
    assert doc.scores == {"sentences": 3, "matched_sim": 0.3002}


@pytest.mark.parametrize(
    ("layout", "expected", "sentences"),
    [
        ("best", ["Lock the door.", 1, 2, "Press the switch. Unlock it."], [1, 1]),
        ("dom", [TEXT, 1, 2], [2, 1]),
    ],
)
def test_other_layouts_of_the_same_page(layout, expected, sentences):
    (doc,) = outcomes(PlaceImages(layout=layout), page(), stored(MMC4_README))
    assert shown(doc) == expected
    assert [image.scores["matched_text"] for image in doc.images] == sentences


def test_images_can_come_after_their_sentences():
    (doc,) = outcomes(PlaceImages(side="after"), page(), stored(MMC4_README))
    assert shown(doc) == ["Lock the door. Press the switch.", 2, "Unlock it.", 1]


def test_the_label_of_sentences_says_where_each_lies_after_texts_were_cut():
    (doc,) = outcomes(PlaceImages(), page(), stored(MMC4_README))
    text_at = {text.position: text.text for text in doc.texts}
    spans = json.loads(doc.labels["sentences"])
    assert [text_at[position][start:end] for position, start, end in spans] == [TEXT[start:end] for start, end in SPANS]
    assert [text.offset for text in doc.texts] == [7, 22, 40]


def test_parts_of_a_text_have_positions_that_no_element_has_or_had():
    (doc,) = outcomes(PlaceImages(), page(), stored(MMC4_README))
    assert [text.position for text in doc.texts] == [1 << 20, (1 << 20) + 1, (1 << 20) + 2]
    (again,) = outcomes(PlaceImages(), replace(page(), elements=(*page().elements, Text(position=1 << 20, text="x", of=1))),
                        stored(MMC4_README))  # fmt: skip
    assert min(text.position for text in again.running_texts if text.of is None) == (1 << 20) + 1


def test_the_matrix_is_kept_from_a_similarity_on():
    (doc,) = outcomes(PlaceImages(matrix_from=0.25), page(), stored(MMC4_README))
    assert json.loads(doc.labels["similarities"]) == {"1": {"1": 0.3176, "2": 0.2769}, "2": {"1": 0.3235, "2": 0.2612}}


def test_an_image_that_is_like_no_sentence_is_dropped_with_its_caption_before_the_assignment():
    doc = page(3, Text(position=9, text="A cat.", origin="caption", of=1))
    drop, kept = outcomes(PlaceImages(), doc, stored([[0.1, 0.149, 0.0], *MMC4_README]))
    assert drop == Dropped("d", Drop("matches_no_sentence", 0.149, 0.15), 1, "https://x/0.png")
    assert shown(kept) == ["Lock the door.", 3, "Press the switch.", 2, "Unlock it."]


@pytest.mark.parametrize(("at_least", "images"), [(0.25, 1), (0.2501, 0)])
def test_an_image_at_the_limit_stays(at_least, images):
    kept = outcomes(PlaceImages(at_least=at_least), page(1), stored([[0.25, 0.0, 0.0]]))[-1]
    assert len(kept.images) == images


def test_an_image_whose_best_sentence_is_taken_stays_with_a_less_similar_one():
    (doc,) = outcomes(PlaceImages(), page(), stored([[0.75, 0.0, 0.0], [0.25, 0.0, 0.0]]))
    assert matches(doc) == {1: (0, 0.75), 2: (1, 0.0)}


def test_a_sentence_of_several_windows_is_as_similar_as_its_best_window():
    rows = [row("image", 1, [0.2, 0.5]), row("sentence", 0, [1, 0], 0, SPANS[0]), row("sentence", 0, [0, 1], 1, SPANS[0])]
    (doc,) = outcomes(PlaceImages(), page(1), rows)
    assert matches(doc) == {1: (0, 0.5)}


@pytest.mark.parametrize(("origin", "of"), [("caption", 1), ("body", 1), ("ocr", None)])
def test_texts_that_describe_an_image_or_are_on_it_are_no_sentences(origin, of):
    caption = Text(position=9, text="A cat.", origin=origin, of=of)
    rows = [*stored(MMC4_README), row("sentence", 9, [0.7, 0.7, 0], 0, (0, 6))]
    (doc,) = outcomes(PlaceImages(layout="best"), page(2, caption), rows)
    assert (doc.scores["sentences"], matches(doc)[1]) == (3, (1, 0.3176))


def test_images_of_a_document_without_text_match_no_sentence():
    doc = Document(id="d", elements=(Image(position=1),))
    assert outcomes(PlaceImages(), doc, [row("image", 1, [1.0])]) == [
        Dropped("d", Drop("matches_no_sentence", None, 0.15), 1),
        Document(id="d", scores={"sentences": 0}),
    ]


def test_without_a_limit_all_images_stay():
    assert len(outcomes(PlaceImages(at_least=None), page(), stored([[-0.2, -0.1, -0.3], [0.0, 0.0, 0.0]]))) == 1
    doc = Document(id="d", elements=(Image(position=1),))
    assert outcomes(PlaceImages(at_least=None), doc, [row("image", 1, [1.0])]) == [doc.with_score("sentences", 0)]


@pytest.mark.parametrize(
    ("kept", "error"),
    [
        ("image", "no vectors are stored of the sentences; embed_texts above stores them"),
        ("sentence", "no vector is stored of the image at position 1; embed_images above stores it"),
    ],
)
def test_a_document_of_which_a_kind_of_vectors_is_missing_is_quarantined(kept, error):
    rows = [one for one in stored(MMC4_README) if one["kind"] == kept]
    assert outcomes(PlaceImages(), page(), rows) == [Quarantined("d", error)]


def test_a_text_that_was_cut_after_it_was_embedded_is_not_matched():
    doc = page().with_elements([replace(page().elements[0], text="Lock the door."), *page().images])
    error = "the text at position 0 was changed after its sentences were embedded"
    assert outcomes(PlaceImages(), doc, stored(MMC4_README)) == [Quarantined("d", error)]


def test_a_document_of_too_many_pairs_is_quarantined(monkeypatch):
    monkeypatch.setattr(matching, "MOST_PAIRS", 5)
    error = "too large to be matched: 2 images and 3 sentences"
    assert outcomes(PlaceImages(), page(), stored(MMC4_README)) == [Quarantined("d", error)]


def test_a_document_without_images_passes():
    assert outcomes(PlaceImages(), page(0), []) == [page(0)]


def test_vectors_of_two_models_are_not_compared():
    rows = [row("image", 1, [1.0, 0.0]), row("sentence", 0, [1.0, 0.0], 0, SPANS[0], model="minilm")]
    with pytest.raises(ConfigError, match=r"image and sentence must be of one model, .*: clip \(1\), minilm \(1\)"):
        outcomes(PlaceImages(), page(1), rows)


def test_a_model_chooses_among_stored_vectors():
    rows = [*stored(MMC4_README), *(row("sentence", 0, [0.0, 0.0, 0.0], 0, span, model="minilm") for span in SPANS)]
    (doc,) = outcomes(PlaceImages(model="clip"), page(), rows)
    assert matches(doc) == {1: (2, 0.2769), 2: (1, 0.3235)}


def test_a_limit_that_is_no_cosine_is_refused():
    step = PlaceImages(at_least=15, matrix_from=-2)
    assert [problem.split(":")[0] for problem in step.check()] == ["at_least", "matrix_from"]
