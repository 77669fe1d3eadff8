import pytest

from interloom.filters.word_blocklist import WordBlocklist
from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Drop, Dropped


def _judge(text, **parameters):
    (outcome,) = WordBlocklist(**parameters).process([Document(id="d", elements=(Text(position=0, text=text),))])
    return outcome.drop if isinstance(outcome, Dropped) else None


def test_words_are_counted_in_any_case_without_their_punctuation():
    text = "Casino! The casino, a CASINO: " + "word " * 95
    assert _judge(text, words=("Casino",)) == Drop("blocked_words_share_too_high", 0.03, 0.01)


def test_a_share_at_the_limit_stays():
    assert _judge("casino " + "word " * 99, words=("casino",)) is None


def test_parts_of_words_do_not_match():
    assert _judge("casinos and occasions", words=("casino", "occasion")) is None


def test_a_count_of_zero_drops_at_the_first_word():
    assert _judge("casino " + "word " * 9999, words=("casino",), count_at_most=0) == Drop("too_many_blocked_words", 1, 0)


def test_phrases_are_found_in_order_only():
    only = {"words": ("slot machine", "slot"), "share_at_most": None, "count_at_most": 0}
    assert _judge("a machine slot-like", **only) is None
    assert _judge("a Slot  machine", **only) == Drop("too_many_blocked_words", 1, 0)


@pytest.mark.parametrize("text", ["我们去赌博吧", "赌 博"])
def test_chinese_words_are_found_within_the_text(text):
    assert _judge(text, words=("赌博",)) is not None


def test_a_text_without_words_stays():
    assert _judge("", words=("casino",), count_at_most=0) is None


def test_a_file_adds_words(tmp_path):
    listed = tmp_path / "words.txt"
    listed.write_text("# mine\nCasino\n\nslot machine\n")
    assert _judge("the casino", file=str(listed)) is not None
    assert _judge("mine is the machine", file=str(listed)) is None


def test_missing_words_and_a_missing_file_are_found_by_check(tmp_path):
    assert list(WordBlocklist().check()) == ["filters.word_blocklist: no words are given; give words, file or both"]
    (problem,) = WordBlocklist(file=str(tmp_path / "none")).check()
    assert problem.startswith("filters.word_blocklist: the file ")
    assert not list(WordBlocklist(words=("x",)).check())
