import pytest

from interloom.filters.gopher_quality import GopherQuality
from interloom.schemas.document import Document, Image, Text
from interloom.schemas.outcome import Drop, Dropped

SENTENCE = "The boats return to the harbour with herring and cod before dawn."  # 12 words


def _judge(*blocks, role="paragraph", **parameters):
    doc = Document(id="d", elements=tuple(Text(position=i, text=b, role=role) for i, b in enumerate(blocks)))
    (outcome,) = GopherQuality(**parameters).process([doc])
    return outcome.drop if isinstance(outcome, Dropped) else None


def test_prose_stays():
    assert _judge(*[SENTENCE] * 5) is None


def test_short_and_long_documents_are_dropped():
    assert _judge(*[SENTENCE] * 4) == Drop("too_few_words", 48, 50)
    assert _judge(*[SENTENCE] * 5, words_at_most=59) == Drop("too_many_words", 60, 59)


def test_a_document_without_text_has_too_few_words():
    (dropped,) = GopherQuality().process([Document(id="d", elements=(Image(position=0),))])
    assert dropped.drop == Drop("too_few_words", 0, 50)


def test_words_of_unlikely_length_are_dropped():
    assert _judge("to be of it " * 20) == Drop("words_too_short", 2, 3)
    assert _judge("incomprehensibilities " * 60).reason == "words_too_long"


def test_numbers_instead_of_words_are_dropped():
    assert _judge("the sum and 2019 3000 " * 12) == Drop("too_few_alphabetic_words", 0.6, 0.8)


def test_words_with_a_letter_anywhere_are_alphabetic():
    assert _judge("the sum and 2019b 3,000m " * 12) is None


def test_two_different_stop_words_are_required_in_any_case():
    assert _judge("the harbour lights " * 20) == Drop("too_few_stop_words", 1, 2)
    assert _judge("THE harbour lights AND " * 20) is None


def test_another_language_brings_its_own_stop_words():
    german = "Der Hafen liegt an der Mündung und die Boote kommen am Morgen zurück. " * 5
    assert _judge(german, by_language=False) == Drop("too_few_stop_words", 0, 2)
    assert _judge(german) is None
    assert _judge(german, stop_words=("der", "die", "und")) is None


def test_korean_words_are_short():
    korean = "겨울이 오면 벌 무리는 여왕벌을 둘러싸고 둥글게 모여 서로를 따뜻하게 한다. " * 5
    assert _judge(korean) is None
    assert _judge(korean, stop_words_at_least=0) is None
    assert _judge(korean, by_language=False).reason == "words_too_short"


def test_a_language_of_long_words_needs_fewer_of_them():
    finnish = "Kalastajat palaavat satamaan ennen auringonnousua, ja lokit seuraavat heidän veneitään, joissa on kalaa. " * 3
    assert _judge(finnish, words_at_most=38) == Drop("too_many_words", 39, 38)
    assert _judge(finnish) is None


def test_chinese_is_not_judged_by_word_length():
    chinese = "今天天气很好，我们去公园散步。" * 10
    assert _judge(chinese, stop_words_at_least=0) is None


def test_hash_signs_and_ellipses_are_dropped():
    assert _judge(f"{SENTENCE} " * 5 + "# " * 7) == Drop("too_many_hash_signs", 7 / 60, 0.1)
    assert _judge(f"{SENTENCE} " * 5 + "... … " * 4) == Drop("too_many_ellipses", 8 / 60, 0.1)


@pytest.mark.parametrize("bullet", ["• ", "- ", "* "])
def test_text_of_bullets_is_dropped(bullet):
    assert _judge("\n".join([bullet + SENTENCE] * 10)) == Drop("too_many_bullet_lines", 1, 0.9)


def test_list_items_count_as_bullet_lines():
    assert _judge(*[SENTENCE] * 10, role="list_item") == Drop("too_many_bullet_lines", 1, 0.9)


def test_nine_bullet_lines_to_one_line_of_prose_stay():
    assert _judge("\n".join([f"• {SENTENCE}"] * 9), SENTENCE) is None


def test_teasers_are_dropped():
    teaser = SENTENCE[:-1] + "..."
    assert _judge(*[teaser] * 2, *[SENTENCE] * 3) == Drop("too_many_ellipsis_lines", 0.4, 0.3)


@pytest.mark.parametrize("limit", ["words_at_least", "mean_length_at_least", "alphabetic_at_least"])
def test_a_limit_of_null_is_off(limit):
    off = {"words_at_least": None, "mean_length_at_least": None, "alphabetic_at_least": None, "stop_words_at_least": 0}
    assert _judge("1 2 3", **off) is None
    del off[limit]
    assert _judge("1 2 3", **off) is not None
