"""Windows hold all of a text, are filled as far as they can be, and fit the model's context."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.stages._clip.windows import windows


def letters(word):
    return len(word)


def test_a_short_text_is_one_window():
    assert windows("two words", 9, letters) == ("two words",)


def test_words_stay_whole_and_windows_are_filled():
    assert windows("aaa bbb cc dddd", 6, letters) == ("aaa bbb", "cc dddd")


def test_whitespace_becomes_one_space():
    assert windows(" a\n\n b\t", 5, letters) == ("a b",)


def test_blank_texts_have_no_window():
    assert windows(" \n ", 5, letters) == ()


def test_a_word_that_is_too_long_is_halved_and_its_parts_are_joined_without_a_space():
    assert windows("x abcdefgh y", 5, letters) == ("x abcd", "efgh y")


def test_a_single_letter_of_many_tokens_is_not_cut_further():
    assert windows("ab", 1, lambda word: 3 * len(word)) == ("a", "b")


@given(st.lists(st.text("abc", min_size=1, max_size=30), max_size=30), st.integers(1, 12))
def test_windows_hold_all_letters_in_order_and_every_window_fits(words, max_tokens):
    cut = windows(" ".join(words), max_tokens, letters)
    assert "".join(cut).replace(" ", "") == "".join(words)
    assert all(letters(window.replace(" ", "")) <= max_tokens for window in cut)


@pytest.mark.slow
def test_windows_of_clip_tokens_fit_the_context():
    from open_clip.tokenizer import SimpleTokenizer

    tokenizer = SimpleTokenizer()
    text = "A photograph's caption, 1984: naïve cafés https://example.org/" + "a1b2" * 90 + " 写真と文章の対応関係を測る" * 8
    cut = windows(tokenizer.clean_fn(text), 75, lambda word: len(tokenizer.encode(word)))
    assert sum(len(tokenizer.encode(window)) for window in cut) == pytest.approx(len(tokenizer.encode(text)), rel=0.1)
    assert max(len(tokenizer.encode(window)) for window in cut) <= 75
    assert "".join(cut).replace(" ", "") == text.lower().replace(" ", "")
