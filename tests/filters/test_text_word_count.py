from __future__ import annotations

import pytest

from interloom.filters.text_word_count import text_word_count
from interloom.schemas.document import Text
from interloom.schemas.outcome import Drop


@pytest.mark.parametrize(
    ("count", "drop"), [(2, Drop("too_few_words", 2, 3)), (3, None), (81, None), (82, Drop("too_many_words", 82, 81))]
)
def test_texts_of_3_to_81_words_stay(count: int, drop: Drop | None) -> None:
    assert text_word_count(Text(position=0, text="boat " * count)) == drop


def test_letters_of_scripts_without_spaces_are_words() -> None:
    assert text_word_count(Text(position=0, text="他走了")) is None


def test_limits_may_be_off() -> None:
    assert text_word_count(Text(position=0, text=""), at_least=None, at_most=None) is None
