import pytest

from interloom.filters.gopher_repetition import GopherRepetition
from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Drop, Dropped


def _judge(*blocks, **parameters):
    doc = Document(id="d", elements=tuple(Text(position=i, text=b) for i, b in enumerate(blocks)))
    (outcome,) = GopherRepetition(**parameters).process([doc])
    return outcome.drop if isinstance(outcome, Dropped) else None


def _distinct(count, start=0):
    return " ".join(f"word{n}" for n in range(start, start + count))


def test_text_that_repeats_nothing_stays():
    assert _judge(_distinct(100), _distinct(100, 100)) is None


@pytest.mark.parametrize("text", ["", " \n", "one", "two words", "…"])
def test_text_with_nothing_to_repeat_stays(text):
    assert _judge(text) is None


def test_repeated_paragraphs_are_dropped():
    once = [_distinct(30, 1000 * n) for n in range(3)]
    assert _judge(*once, "same", "same", "same") == Drop("paragraphs_repeated", 2 / 6, 0.30)


def test_a_long_repeated_paragraph_is_dropped_by_its_characters():
    text = [_distinct(10, 1000 * n) for n in range(6)]
    drop = _judge(*text, _distinct(40), _distinct(40))
    assert (drop.reason, drop.threshold) == ("paragraph_characters_repeated", 0.20)
    assert 0.2 < drop.value < 0.5


def test_repeated_lines_are_dropped():
    text = "\n".join([_distinct(20), "buy now", _distinct(20, 100), "buy now", "buy now"])
    assert _judge(text) == Drop("lines_repeated", 2 / 5, 0.30)


def test_a_long_repeated_line_is_dropped_by_its_characters():
    text = "\n".join([*(_distinct(5, 1000 * n) for n in range(8)), _distinct(20), _distinct(20)])
    assert _judge(text).reason == "line_characters_repeated"


def test_the_most_frequent_two_words_are_measured_with_their_space():
    text = " ".join(f"good dog {word}" for word in "abcdefghij")
    assert _judge(text) == Drop("top_2_gram_repeated", 10 * len("good dog") / len(text), 0.20)


def test_three_and_four_words_have_limits_of_their_own():
    text = " ".join(f"q r s t {n:020}" for n in range(30))
    assert _judge(text, top_at_most=(1, 0.15)).reason == "top_3_gram_repeated"
    assert _judge(text, top_at_most=(1, 1, 0.2)).reason == "top_4_gram_repeated"


def test_long_repeats_are_counted_once_however_they_overlap():
    phrase = _distinct(5)
    text = " ".join([phrase, _distinct(20, 100), phrase, _distinct(20, 200), phrase])
    drop = _judge(text, top_at_most=(), repeated_at_most=(0.1,))
    assert drop == Drop("5_grams_repeated", 2 * len(phrase.replace(" ", "")) / len(text), 0.1)


def test_repeats_of_ten_words_have_the_lowest_limit():
    phrase = _distinct(10)
    drop = _judge(" ".join([phrase, _distinct(40, 100), phrase]))
    assert (drop.reason, drop.threshold) == ("10_grams_repeated", 0.10)


def test_repetition_in_chinese_is_found():
    assert _judge("今天买，" * 3 + "我们去公园散步然后回家吃饭").reason == "top_2_gram_repeated"


@pytest.mark.timeout(60)  # quadratic work would take hours
def test_hostile_text_costs_linear_time():
    assert _judge("a " * 100_000) is not None
    assert _judge("\n" * 100_000 + "a", " \n" * 100_000) is None
