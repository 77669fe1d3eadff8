from interloom.filters.word_count import word_count
from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Drop


def _document(text, origin="body"):
    return Document(id="d", elements=(Text(position=0, text=text, origin=origin),))


def test_documents_at_the_limits_stay():
    assert word_count(_document("word " * 10)) is None
    assert word_count(_document("word " * 2000)) is None


def test_too_few_and_too_many_words_are_dropped():
    assert word_count(_document("word " * 9)) == Drop("too_few_words", 9, 10)
    assert word_count(_document("word " * 2001)) == Drop("too_many_words", 2001, 2000)


def test_a_limit_of_null_is_off():
    assert word_count(Document(id="d"), at_least=None) is None
    assert word_count(_document("word " * 3000), at_most=None) is None


def test_alt_texts_are_not_running_text():
    assert word_count(_document("word " * 20, origin="alt")) == Drop("too_few_words", 0, 10)


def test_chinese_letters_count_as_words():
    assert word_count(_document("今天天气很好，我们去公园。")) is None
