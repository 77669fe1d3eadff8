import pytest

from interloom.filters.images_per_text import images_per_text
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop


def _document(images, *blocks):
    texts = tuple(Text(position=100 + n, text=block) for n, block in enumerate(blocks))
    return Document(id="d", elements=(*(Image(position=n) for n in range(images)), *texts))


def test_one_image_to_ten_words_stays_and_more_are_dropped():
    assert images_per_text(_document(2, "word " * 20)) is None
    assert images_per_text(_document(3, "word " * 20)) == Drop("too_many_images_for_text", 0.15, 0.1)


def test_images_are_counted_per_block():
    doc = _document(3, "one", "two")
    assert images_per_text(doc, at_most=1.5, per="block") is None
    assert images_per_text(doc, at_most=1, per="block") == Drop("too_many_images_for_text", 1.5, 1)


@pytest.mark.parametrize("per", ["word", "block"])
def test_images_without_text_are_dropped_and_an_empty_document_stays(per):
    assert images_per_text(_document(2), per=per) == Drop("too_many_images_for_text", 2, 0.1)
    assert images_per_text(_document(0), per=per) is None


def test_captions_are_not_running_text():
    doc = Document(id="d", elements=(Image(position=0), Text(position=1, text="word " * 20, origin="caption", of=0)))
    assert images_per_text(doc) == Drop("too_many_images_for_text", 1, 0.1)
