"""What is stored about a document, as steps read it."""

from __future__ import annotations

import numpy as np

from interloom.schemas.document import Document, Image, Text
from interloom.schemas.rows import side_tables
from interloom.stages._embed.in_documents import evenly_spaced, image_vectors, sentence_spans


def row(kind, position, vector, window=0, span=(None, None), id_="d"):
    place = {"id": id_, "position": position, "window": window, "kind": kind, "start": span[0], "end": span[1]}
    return {**place, "model": "clip", "revision": "1", "vector": np.array(vector, "<f2").tobytes()}


DOC = Document(id="d", elements=(Image(position=0), Text(position=1, text="One. Two."), Image(position=2)))


def test_images_have_their_vectors_by_position():
    tables = list(side_tables("embeddings", [row("image", 2, [1, 0]), row("image", 0, [0, 1]), row("text", 1, [1, 1])]))
    found = image_vectors([DOC, Document(id="e")], tables, None)
    assert {id_: {n: v.tolist() for n, v in vectors.items()} for id_, vectors in found.items()} == {
        "d": {0: [0, 1], 2: [1, 0]},
        "e": {},
    }


def test_windows_of_one_sentence_are_together_and_sentences_in_the_order_of_the_text():
    rows = [row("sentence", 1, [n, 1], n, span) for n, span in enumerate([(5, 9), (0, 4), (5, 9)])]
    (first, second) = sentence_spans([DOC], list(side_tables("embeddings", rows)), None)["d"]
    assert ((first.position, first.start, first.end), first.vectors.tolist()) == ((1, 0, 4), [[1, 1]])
    assert ((second.position, second.start, second.end), second.vectors.tolist()) == ((1, 5, 9), [[0, 1], [2, 1]])


def test_a_sentence_without_a_place_is_the_whole_text():
    (span,) = sentence_spans([DOC], list(side_tables("embeddings", [row("sentence", 1, [1.0])])), None)["d"]
    assert (span.start, span.end) == (0, 9)


def test_of_many_images_evenly_spaced_ones_are_taken():
    assert (evenly_spaced(3, 5), evenly_spaced(10, 3), len({*evenly_spaced(1001, 1000)})) == ([0, 1, 2], [0, 4, 9], 1000)
