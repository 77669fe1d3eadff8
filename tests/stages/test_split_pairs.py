"""Pairs of a page: which images make one, with which text, and what is dropped."""

from __future__ import annotations

import pytest

from interloom.schemas.document import Document, Image, Source, Text
from interloom.schemas.outcome import Drop, Dropped
from interloom.stages.split_pairs import SplitPairs


def page(*elements):
    return Document(id="d", source=Source(url="https://x/"), elements=elements, labels={"title": "Harbour"})


def picture(position, alt="", url=None):
    return Image(position=position, alt=alt, url=f"https://x/{position}.png" if url is None else url)


def pairs(step, doc):
    return [(out.id, out.images[0].position, out.text) for out in step.process([doc]) if isinstance(out, Document)]


def test_each_image_with_an_alt_text_becomes_a_document_that_keeps_what_the_page_says():
    boat = picture(1, " A boat. ")
    (pair,) = SplitPairs().process([page(Text(position=0, text="The harbour wakes."), boat)])
    assert (pair.id, pair.source.url) == ("d#1", "https://x/")
    assert pair.labels == {"title": "Harbour", "text_from": "alt"}
    assert pair.elements == (boat, Text(position=1 << 20, text="A boat.", role="caption", of=1))
    assert pair.text == "A boat."


@pytest.mark.parametrize(
    ("text", "expected", "origin"),
    [
        (("alt", "caption"), "A boat.", "alt"),
        (("caption", "alt"), "Dawn.\nThe quay.", "caption"),
        (("text",), "The harbour wakes.", "text"),
    ],
)
def test_the_text_comes_from_the_first_choice(text, expected, origin):
    described = (
        Text(position=2, text="Dawn.", origin="caption", of=1),
        Text(position=3, text="The quay.", origin="caption", of=1),
    )
    doc = page(Text(position=0, text="The harbour wakes."), picture(1, "A boat."), *described)
    (pair,) = SplitPairs(text=text).process([doc])
    assert (pair.text, pair.labels["text_from"]) == (expected, origin)


def test_each_different_caption_may_be_a_pair():
    described = [Text(position=n, text=text, origin="caption", of=1) for n, text in ((2, "Dawn."), (3, "A quay."), (4, " Dawn."))]
    step = SplitPairs(text=("caption", "alt"), captions="each")
    doc = page(picture(1, "A boat."), *described, picture(7, "A mast."))
    assert pairs(step, doc) == [("d#1.2", 1, "Dawn."), ("d#1.3", 1, "A quay."), ("d#7", 7, "A mast.")]
    assert [out.texts[0].position for out in step.process([doc])] == [2, 3, 1 << 20]


def test_a_pair_for_each_caption_needs_captions():
    assert list(SplitPairs(captions="each").check()) == ["captions: each needs 'caption' in `text`"]


def test_an_image_without_a_text_is_dropped():
    drop, pair = SplitPairs().process([page(picture(0), picture(1, "A boat."))])
    assert (drop, pair.id) == (Dropped("d", Drop("no_text"), 0, "https://x/0.png"), "d#1")


def test_an_image_that_the_page_shows_again_with_the_same_text_is_dropped():
    doc = page(*(picture(n, alt, "https://x/a.png") for n, alt in enumerate(("A boat.", "A boat.", "A quay."))))
    assert pairs(SplitPairs(), doc) == [("d#0", 0, "A boat."), ("d#2", 2, "A quay.")]
    assert Dropped("d", Drop("repeated_pair"), 1, "https://x/a.png") in list(SplitPairs().process([doc]))


def test_images_without_a_url_are_not_taken_for_the_same():
    assert len(pairs(SplitPairs(), page(picture(0, "A boat.", ""), picture(1, "A boat.", "")))) == 2


@pytest.mark.parametrize("elements", [(), (picture(0),), (Text(position=0, text="The harbour wakes."),)])
def test_a_document_without_a_pair_is_dropped_with_its_images(elements):
    assert list(SplitPairs().process([page(*elements)])) == [Dropped("d", Drop("no_pairs"), url="https://x/")]


def test_no_choice_is_refused():
    assert list(SplitPairs(text=()).check()) == ["text: name at least one of caption, alt, text"]
