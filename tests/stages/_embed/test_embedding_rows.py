"""Vectors that steps above stored are found by what was encoded, and a row is stored once."""

import numpy as np

from interloom.schemas.rows import side_tables
from interloom.stages._embed.rows import Embeddings, Place, digest_of
from interloom.stages._embed.text_vectors import TextVectors

UNIT = np.array([1, 0], np.float16)
OTHER = np.array([0, 1], np.float16)
NOTHING = Embeddings("mini", "1")
PLACE = Place("sentence", 3, 0, 2, 9)


def stored(*sides, model="mini", revision="1"):
    return Embeddings.stored(model, revision, list(side_tables("embeddings", [side.row for side in sides])))


def row(id_, text, vector=UNIT, place=PLACE):
    return list(NOTHING.row(id_, place, digest_of(text), vector))


class CountingEncoder:
    """Cuts texts at commas, and gives each window the vector (1, 0)."""

    def __init__(self):
        self.encoded = []

    def windows(self, text):
        return tuple(text.split(","))

    def embed_texts(self, texts):
        self.encoded += texts
        return np.stack([UNIT] * len(texts))


def test_a_row_says_where_it_is_and_of_which_model():
    [side] = row("d", "boats")
    place = {"id": "d", "kind": "sentence", "position": 3, "window": 0, "start": 2, "end": 9}
    model = {"model": "mini", "revision": "1", "digest": digest_of("boats"), "vector": UNIT.astype("<f2").tobytes()}
    assert (side.table, side.row) == ("embeddings", place | model)


def test_vectors_are_found_by_what_was_encoded():
    known = stored(*row("d", "boats"), *row("e", "dawn", OTHER))
    assert {digest: vector.tolist() for digest, vector in known.vectors.items()} == {
        digest_of("boats"): [1, 0],
        digest_of("dawn"): [0, 1],
    }


def test_vectors_of_another_model_or_version_are_not_used():
    rows = row("d", "boats")
    assert [len(stored(*rows, **other).vectors) for other in ({}, {"model": "maxi"}, {"revision": "2"})] == [1, 0, 0]


def test_rows_without_a_digest_are_of_no_use():
    [table] = side_tables("embeddings", [side.row for side in row("d", "boats")])
    assert Embeddings.stored("mini", "1", [table.drop_columns("digest")]).vectors == {}


def test_a_row_is_stored_once_for_a_document_and_what_is_cut_from_it():
    known = stored(*row("d", "boats"))
    assert [list(known.row(id_, PLACE, digest_of("boats"), UNIT)) for id_ in ("d", "d#1", "d#1#2")] == [[], [], []]


def test_a_row_of_another_document_kind_place_or_text_is_stored():
    known = stored(*row("d", "boats"))
    others = [
        ("e", PLACE, "boats"),
        ("d", Place("text", 3), "boats"),
        ("d", Place("sentence", 3, 1), "boats"),
        ("d", PLACE, "dawn"),
    ]
    assert [len(list(known.row(id_, place, digest_of(text), UNIT))) for id_, place, text in others] == [1, 1, 1, 1]


def test_each_different_window_is_encoded_once_and_known_ones_not_at_all():
    encoder = CountingEncoder()
    texts = TextVectors.of(["a,b", "b,c", "a,b"], lambda: encoder, stored(*row("d", "c", OTHER)))
    assert encoder.encoded == ["a", "b"]
    assert texts.of_text("b,c").tolist() == [[1, 0], [0, 1]]


def test_no_more_windows_are_encoded_than_asked_for():
    encoder = CountingEncoder()
    assert TextVectors.of(["a,b,c"], lambda: encoder, NOTHING, 1).windows == {"a,b,c": ("a",)}
    assert encoder.encoded == ["a"]


def test_the_model_is_not_loaded_without_texts():
    def never():
        raise AssertionError("the model was loaded")

    assert TextVectors.of([], never, NOTHING).vectors == {}
