"""Where images come to stand, and that texts, positions and offsets stay true when a text is cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interloom.schemas.document import Document, Image, Text
from interloom.stages.place_images.layout import Layout, Sentence, moved_to

ONE_TWO_THREE = "One.  Two. Three."
SENTENCES = (Sentence(1, 0, 4), Sentence(1, 6, 10), Sentence(1, 11, 17))


def shown(layout):
    """The elements in short: a text as it is, an image as its position."""
    return [element.text if isinstance(element, Text) else element.position for element in layout.elements]


def picture_then_text(text=ONE_TWO_THREE):
    return Image(position=0, offset=100), Text(position=1, text=text, offset=100, path="html/body/p")


@pytest.mark.parametrize(
    ("sentence", "after", "expected"),
    [
        (0, False, [0, ONE_TWO_THREE]),
        (1, False, ["One.", 0, "Two. Three."]),
        (2, False, ["One.  Two.", 0, "Three."]),
        (0, True, ["One.", 0, "Two. Three."]),
        (1, True, ["One.  Two.", 0, "Three."]),
        (2, True, [ONE_TWO_THREE, 0]),
    ],
)
def test_an_image_comes_to_stand_before_or_after_its_sentence(sentence, after, expected):
    layout = moved_to(Layout(picture_then_text(), SENTENCES), {0: sentence}, after=after, free_position=2)
    assert shown(layout) == expected


def test_a_text_that_is_not_cut_stays_as_it_is():
    picture, text = picture_then_text()
    text = text.with_score("clip_best", 0.3)
    assert moved_to(Layout((picture, text), SENTENCES), {0: 2}, after=True, free_position=2).elements == (text, picture)


def test_a_text_that_begins_with_a_blank_is_not_cut_before_its_first_sentence():
    picture, text = picture_then_text(" One.")
    assert moved_to(Layout((text, picture), (Sentence(1, 1, 5),)), {0: 0}, after=False, free_position=2).elements == (
        picture,
        text,
    )


def test_parts_have_new_positions_and_say_where_in_the_text_on_record_they_begin():
    picture, text = picture_then_text()
    layout = moved_to(Layout((picture, text.with_score("clip_best", 0.3)), SENTENCES), {0: 1}, after=False, free_position=7)
    assert layout.elements[::2] == (
        Text(position=7, text="One.", offset=100, path="html/body/p"),
        Text(position=8, text="Two. Three.", offset=106, path="html/body/p"),
    )


def test_the_image_keeps_its_position_and_the_offset_at_which_the_page_has_it():
    layout = moved_to(Layout(picture_then_text(), SENTENCES), {0: 1}, after=False, free_position=7)
    assert layout.elements[1] == picture_then_text()[0]


def test_sentences_are_named_by_the_parts_in_which_they_lie():
    layout = moved_to(Layout(picture_then_text(), SENTENCES), {0: 1}, after=False, free_position=7)
    assert layout.sentences == (Sentence(7, 0, 4), Sentence(8, 0, 4), Sentence(8, 5, 11))


def test_images_of_one_sentence_keep_their_order_and_take_the_texts_that_describe_them_along():
    elements = (
        Image(position=0), Text(position=1, text=ONE_TWO_THREE), Image(position=2), Text(position=3, text="A boat.", of=0),
        Text(position=4, text="A quay.", of=2),
    )  # fmt: skip
    layout = moved_to(Layout(elements, SENTENCES), {0: 1, 2: 1}, after=False, free_position=5)
    assert shown(layout) == ["One.", 0, "A boat.", 2, "A quay.", "Two. Three."]


def test_an_image_without_a_sentence_stays():
    elements = (*picture_then_text(), Image(position=2))
    assert shown(moved_to(Layout(elements, SENTENCES), {0: 2}, after=False, free_position=3)) == ["One.  Two.", 0, "Three.", 2]


texts = st.lists(st.sampled_from(["A. ", "Bb.  ", "Ccc.\n", " D.", "E."]), min_size=1, max_size=4).map("".join)


@settings(max_examples=80)
@given(st.lists(texts, min_size=1, max_size=3), st.lists(st.integers(0, 50), max_size=5), st.booleans())
def test_all_characters_and_images_are_there_and_each_text_is_what_its_offset_says(blocks, wanted, after):
    extracted = "\n\n".join(blocks)
    starts = [sum(len(block) + 2 for block in blocks[:n]) for n in range(len(blocks))]
    elements = [Text(position=n, text=block, offset=starts[n]) for n, block in enumerate(blocks)]
    sentences = [
        Sentence(n, start, start + len(word))
        for n, block in enumerate(blocks)
        for word, start in ((word, block.index(word, at)) for word, at in _words(block))
    ]
    images = [Image(position=len(blocks) + n) for n in range(len(wanted))]
    sentence_of = {image.position: place % len(sentences) for image, place in zip(images, wanted, strict=True)}
    layout = moved_to(Layout((*images, *elements), tuple(sentences)), sentence_of, after=after, free_position=100)
    doc = Document(id="d", elements=layout.elements)
    assert "".join(doc.text.split()) == "".join(extracted.split())
    assert sorted(image.position for image in doc.images) == sorted(sentence_of)
    assert all(extracted[text.offset :].startswith(text.text) for text in doc.texts)
    by_position = {text.position: text.text for text in doc.texts}
    then = [blocks[sentence.position][sentence.start : sentence.end] for sentence in sentences]
    assert [by_position[sentence.position][sentence.start : sentence.end] for sentence in layout.sentences] == then
    for position, number in sentence_of.items():
        assert _sentence_beside(layout, position, after) == then[number]


def _words(block):
    at = 0
    for word in block.split():
        at = block.index(word, at)
        yield word, at
        at += len(word)


def _sentence_beside(layout, position, after):
    """The sentence that ends before the image or begins after it, over other images."""
    order = layout.elements[::-1] if after else layout.elements
    index = next(n for n, element in enumerate(order) if element.position == position)
    text = next(element for element in order[index:] if isinstance(element, Text))
    return text.text.split()[-1 if after else 0]
