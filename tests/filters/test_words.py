import pytest

from interloom.filters._words import count_repeats, count_sentences, is_mostly_unspaced, lines, words


def test_words_are_split_at_spaces_and_lose_the_punctuation_at_their_ends():
    assert words("“Don't panic,” she said -- it's 3.5 km to (old) St-Malo… !") == [
        "Don't", "panic", "she", "said", "it's", "3.5", "km", "to", "old", "St-Malo",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("今天天气很好。", 6),
        ("カタカナとひらがな、", 9),
        ("สวัสดี", 4),  # ส วั ส ดี: four letters with their marks
        ("ភាសាខ្មែរ។", 4),  # ភា សា ខ្មែ រ
        ("한국어는 띄어 쓴다.", 3),
        ("مرحبا كيف حالك اليوم؟", 4),
        ("हिन्दी में लिखा है।", 4),
        ("iPhone 15手机 very好", 6),
        ("\U00020000\U00020001", 2),
        ("", 0),
        (" \n\t… — !!! ，。", 0),
        ("\ud800 \x00", 2),
    ],
)
def test_every_script_is_counted_in_its_own_way(text, count):
    assert len(words(text)) == count


def test_text_mostly_without_spaces_is_recognised():
    chinese, mixed = "北京是中国的首都", "The word 北京 means northern capital in Chinese"
    assert is_mostly_unspaced(chinese, len(words(chinese)))
    assert not is_mostly_unspaced(mixed, len(words(mixed)))


def test_lines_are_stripped_and_empty_lines_are_left_out():
    assert lines(" a \n\n \t\nb\r\nc") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("one without an end", 1),
        ("One. Two! Three?", 3),
        ("“One.” Then two.", 2),
        ("Written by J. Smith, e.g. in spring", 1),
        ("Version 2.5 is out. Get it.", 2),
        ("今天天气很好。我们去公园！好吗？", 3),
        ("他说：“好。”", 1),
        ("यह एक है। यह दो है।", 2),
        ("What?! No... Yes", 3),
    ],
)
def test_sentences_are_counted(line, count):
    assert count_sentences(line) == count


def test_the_first_occurrence_is_not_a_repeat():
    assert count_repeats(["ab", "c", "ab", "ab", "c"]) == (3, 5)
    assert count_repeats([]) == (0, 0)


@pytest.mark.timeout(60)  # quadratic work would take hours
@pytest.mark.parametrize("text", ["." * 200_000, "。" * 200_000, ".\"'" * 80_000, "a!" * 100_000, ". " * 100_000, "。 " * 90_000])
def test_hostile_text_costs_linear_time(text):
    words(text), count_sentences(text), lines(text)
