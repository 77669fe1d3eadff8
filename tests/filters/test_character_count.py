from interloom.filters.character_count import character_count
from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Drop


def document(text, origin="body"):
    return Document(id="d", elements=(Text(position=0, text=text, origin=origin),))


def test_documents_at_the_limits_stay():
    assert character_count(document("a boat")) is None
    assert character_count(document("a boat"), at_most=6) is None


def test_too_few_and_too_many_characters_are_dropped():
    assert character_count(document(" boat ")) == Drop("too_few_characters", 4, 6)
    assert character_count(document("a boat"), at_most=5) == Drop("too_many_characters", 6, 5)


def test_a_limit_of_null_is_off():
    assert character_count(document(""), at_least=None) is None


def test_alt_texts_are_not_running_text():
    assert character_count(document("a small boat", origin="alt")) == Drop("too_few_characters", 0, 6)
