"""Packing: nothing is lost or repeated, no sample is longer than it may be, and a lane goes on from its state."""

from __future__ import annotations

import io
from collections import UserDict
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Picture

from interloom.loader import Access, StreamingDocuments
from interloom.loader.packing import Lane, Packing, Piece
from interloom.loader.pictures import Pictures
from interloom.loader.sample import Sample, parsed
from interloom.pipeline.errors import ConfigError, FatalError
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.sample_members import to_sample


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split() if word.isdigit()]


def packing(**values: Any) -> Packing:
    return Packing(**{"tokenizer": numbers, "length": 10, "image_tokens": 2, "pictures": Pictures(form="bytes"), **values})


def sample(*parts: str | bytes) -> Sample:
    elements = [
        Text(position=n, text=part) if isinstance(part, str) else Image(position=n, data=part) for n, part in enumerate(parts)
    ]
    members = dict(to_sample(Document(id="d", elements=tuple(elements))).members)
    return Sample(members, parsed(members))


def shape(pieces: Sequence[Piece]) -> list[tuple[list[Any], int, int]]:
    return [(list(piece.items), piece.tokens, piece.images) for piece in pieces]


def test_a_document_that_fits_is_one_piece() -> None:
    assert shape(packing().pieces(sample("1 2 3", b"A", "4"), 0)) == [([[1, 2, 3], b"A", [4]], 6, 1)]


def test_a_long_text_is_cut_where_a_sample_is_full() -> None:
    text = " ".join(map(str, range(23)))
    assert shape(packing().pieces(sample(text, b"A"), 0)) == [
        ([list(range(10))], 10, 0),
        ([list(range(10, 20))], 10, 0),
        ([[20, 21, 22], b"A"], 5, 1),
    ]


def test_a_picture_is_never_cut() -> None:
    assert shape(packing().pieces(sample("1 2 3 4 5 6 7 8 9", b"A"), 0)) == [([list(range(1, 10))], 9, 0), ([b"A"], 2, 1)]


def test_a_piece_has_no_more_pictures_than_it_may() -> None:
    assert [piece.images for piece in packing(most_images=2).pieces(sample(b"A", b"B", b"C"), 0)] == [2, 1]


def test_a_document_of_nothing_has_no_pieces() -> None:
    assert packing().pieces(sample(""), 0) == []


def test_of_a_mapping_the_input_ids_are_taken() -> None:
    def encoded(text: str) -> UserDict[str, list[int]]:
        return UserDict(input_ids=numbers(text), attention_mask=[1])

    assert shape(packing(tokenizer=encoded).pieces(sample("7 8"), 0)) == [([[7, 8]], 2, 0)]


@pytest.mark.parametrize("answer", ["a text", {"attention_mask": [1]}, [[1, 2]], 5])
def test_a_tokenizer_that_gives_no_token_ids_is_refused(answer: Any) -> None:
    with pytest.raises(ConfigError, match=r"tokenizer: it gives .* not a sequence of token ids"):
        packing(tokenizer=lambda _: answer).pieces(sample("1"), 0)


SIZES = [9, 3, 4, 8, 2, 5, 1, 7, 6, 2, 10, 3, 8, 1, 4, 4]


def lane(state: tuple[int, ...] | None = None, **values: Any) -> Lane:
    def read(_: int, documents: Sequence[int]) -> Callable[[], list[list[Piece]]]:
        return lambda: [[Piece(f"d{n}", n, 0, [[0]], SIZES[n % 16], 1)] for n in documents]

    return Lane(3, packing(open_documents=4, **values), read, state)


def test_a_sample_begins_with_the_oldest_document_and_is_filled_with_the_largest_that_fit() -> None:
    full = lane()
    assert [[piece.document for piece in full.sample(n)] for n in range(4)] == [[0], [1, 2, 4], [3, 6], [5, 9]]


def test_no_document_is_lost_or_repeated() -> None:
    some = lane()
    packed = [piece.document for n in range(40) for piece in some.sample(n)]
    assert len(packed) == len(set(packed))
    opened = some.state[3::2]
    assert sorted([*packed, *opened]) == list(range(some.state[2]))


def test_a_lane_goes_on_from_its_state() -> None:
    whole, stopped = lane(), lane()
    expected = [whole.sample(n) for n in range(9)]
    before = [stopped.sample(n) for n in range(4)]
    assert before + [lane(stopped.state).sample(n) for n in range(4, 5)] == expected[:5]
    resumed = lane(stopped.state)
    assert [resumed.sample(n) for n in range(4, 9)] == expected[4:]


def test_samples_that_others_yield_are_passed_over() -> None:
    whole = lane()
    expected = [whole.sample(n) for n in range(6)]
    assert lane().sample(5) == expected[5]


def test_reading_that_begins_early_changes_nothing() -> None:
    ahead, other = lane(), lane()
    for n in range(6):
        ahead.begin()
        state = ahead.state
        ahead.begin()
        assert (state, ahead.sample(n)) == (other.state, other.sample(n))


def test_documents_that_hold_nothing_end_it() -> None:
    empty = Lane(0, packing(), lambda _, documents: lambda: [[] for _ in documents])
    with pytest.raises(FatalError, match="documents in a row hold neither text nor pictures"):
        empty.sample(0)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_that_read_ahead_change_nothing(threads: int, corpus: Callable[..., str]) -> None:
    settings = {"packing": packing(tokenizer=str.split, length=30, strands=2), "batch": 4}
    plain, ahead = (StreamingDocuments(corpus(60), access=Access(threads=n), **settings) for n in (0, threads))  # type: ignore[arg-type]
    assert [s.ids for s in islice(plain, 100)] == [s.ids for s in islice(ahead, 100)]
    assert plain.state_dict() == ahead.state_dict()


def test_packed_samples_say_what_they_are_made_of(corpus: Callable[..., str]) -> None:
    def words(text: str) -> list[int]:
        return [1] * len(text.split())

    dataset = StreamingDocuments(corpus(20), packing=packing(tokenizer=words, length=30, strands=1))
    packed = next(iter(dataset))
    assert sum(packed.lengths) <= 30
    assert len(packed.ids) == len(set(packed.ids)) == len(packed.pieces) > 1
    assert [sum(2 if isinstance(item, bytes) else len(item) for item in piece) for piece in packed.pieces] == packed.lengths


def written(folder: Path, folder_of: Callable[..., str], *pictures: bytes) -> str:
    """The folder of documents of a picture and five words each."""
    parts = [(Image(position=0, data=data, format="png"), Text(position=1, text="a b c d e")) for data in pictures]
    return folder_of(folder, [Document(id=f"d{n}", elements=elements) for n, elements in enumerate(parts)], 3)


def png() -> bytes:
    file = io.BytesIO()
    Picture.new("RGB", (4, 3)).save(file, "png")
    return file.getvalue()


def test_a_document_whose_picture_cannot_be_decoded_is_left_out_of_its_sample(tmp_path: Path, folder_of: Any) -> None:
    folder = written(tmp_path, folder_of, png(), b"no picture", png(), png())
    packs = Packing(tokenizer=str.split, length=14, image_tokens=2, strands=1)
    dataset = StreamingDocuments(folder, batch=1, packing=packs, access=Access(most_errors=1))
    packed = list(islice(dataset, 20))
    assert {id_ for sample in packed for id_ in sample.ids} == {"d0", "d2", "d3"}
    assert all(len(sample.pieces) == len(sample.ids) == len(sample.lengths) > 0 for sample in packed)
    assert all(piece[0].size == (4, 3) for sample in packed for piece in sample.pieces)
    assert [error.message.partition(":")[0] for error in dataset.errors] == ["UnidentifiedImageError"]


def test_a_step_has_one_sample_less_if_nothing_of_a_sample_can_be_decoded(tmp_path: Path, folder_of: Any) -> None:
    folder = written(tmp_path, folder_of, png(), b"no picture")
    packs = Packing(tokenizer=str.split, length=7, image_tokens=2, strands=1)
    loader = StreamingDocuments(folder, batch=2, packing=packs).loader()
    assert [[sample.ids for sample in batch] for batch in islice(loader, 3)] == [[["d0"]]] * 3


def test_an_open_document_that_can_no_longer_be_read_is_left_out_after_a_restart() -> None:
    stopped = lane()
    stopped.sample(0)
    lost = stopped.state[3]

    def read(_: int, documents: Sequence[int]) -> Any:
        pieces = dict(zip(range(100), stopped._read(0, range(100))(), strict=True))
        return lambda: [() if document == lost else pieces[document] for document in documents]

    resumed = Lane(3, packing(open_documents=4), read, stopped.state)
    documents = [piece.document for n in range(1, 9) for piece in resumed.sample(n)]
    assert lost not in documents and set(stopped.state[5::2]) <= set(documents)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"length": 2}, "packing: a sample must hold at least one picture and a token"),
        ({"strands": 0}, "packing: strands: an integer, at least 1, not 0"),
    ],
)
def test_packing_that_cannot_work_is_refused(values: dict[str, int], problem: str, corpus: Callable[..., str]) -> None:
    with pytest.raises(ConfigError, match=problem):
        StreamingDocuments(corpus(20), packing=packing(**values))


def test_fewer_documents_than_lanes_are_told(corpus: Callable[..., str]) -> None:
    with pytest.raises(ConfigError, match=r"packing: 20 documents cannot fill 24 lanes \(batch x strands\); lower strands"):
        next(iter(StreamingDocuments(corpus(20), packing=packing(length=30))))
