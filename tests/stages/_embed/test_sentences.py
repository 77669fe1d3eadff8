import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.stages._embed.sentences import sentences


def split(text, language=""):
    return [text[start:end] for start, end in sentences(text, language)]


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["Mr. Smith went to Washington.", "He left at 5 p.m. on Jan. 5th.", "Was it $3.50?"]),
        ("de", ["Das ist z. B. ein Test.", "Er kam am 3. Oktober an.", "Gut!"]),
        ("fr", ["Qui est là ?", "Personne."]),
        ("es", ["El Sr. Gómez llegó.", "¿Dónde está?", "No lo sé."]),
        ("ru", ["А. С. Пушкин родился в 1799 г. в Москве.", "Он поэт."]),
        ("el", ["Τι κάνεις;", "Καλά."]),
        ("hy", ["Սա գիրք է։", "Դա գրիչ է։"]),
        ("ar", ["هل أنت بخير؟", "نعم."]),
        ("ur", ["یہ ایک کتاب ہے۔", "وہ قلم ہے۔"]),
        ("hi", ["यह एक वाक्य है।", "यह दूसरा है।"]),
        ("am", ["ይህ መጽሐፍ ነው።", "ያ ብዕር ነው።"]),
        ("ko", ["안녕하세요.", "저는 학생입니다."]),
    ],
)
def test_sentences_end_where_readers_of_the_language_end_them(language, expected):
    assert split(" ".join(expected), language) == expected


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("zh", ["今天天气很好。", "我们去公园吧！", "你来吗？"]),
        ("ja", ["今日は晴れです。", "明日は雨でしょう。"]),
        ("my", ["ဒါက စာအုပ်ပါ။", "ဟိုဟာက ကလောင်ပါ။"]),
    ],
)
def test_scripts_without_spaces_between_sentences_are_split(language, expected):
    assert split("".join(expected), language) == expected


@pytest.mark.parametrize("language", ["", "und", "xx", "en-GB", "EN_us", "eng"])
def test_a_code_that_has_no_rules_of_its_own_takes_those_of_english_or_of_its_language(language):
    assert split("Dr. Jones came. She sat.", language) == ["Dr. Jones came.", "She sat."]


def test_the_region_of_a_code_is_left_out():
    text = "Er kam am 3. Oktober an. Gut!"
    assert split(text, "de-AT") == split(text, "de") != split(text, "en")


def test_offsets_count_characters_beyond_the_basic_plane_once():
    assert sentences("😀 𝒳 is big! Bye 👋🏽.", "en") == [(0, 11), (12, 19)]


def test_a_blank_line_ends_a_sentence_and_a_line_break_does_not():
    assert split("A title\n\nHe came\nand went.") == ["A title", "He came\nand went."]


@pytest.mark.parametrize("text", ["", " ", "\n\n\t\u3000\u00a0"])
def test_a_text_without_characters_has_no_sentences(text):
    assert sentences(text) == []


MARKS = [*".!?。\n \t\"'()«»“”։۔।1Aa•😀\u200b\u0301\x00\x85\u2029"]
ALPHABET = st.one_of(st.sampled_from(MARKS), st.characters(exclude_categories=["Cs"]))


@given(st.text(ALPHABET, max_size=60), st.sampled_from(["en", "de", "zh", "ja", "hi", "ar", "el", "am", "th", "xx"]))
def test_all_but_whitespace_lies_in_exactly_one_sentence(text, language):
    spans = sentences(text, language)
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)
    gaps = zip([0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)], strict=True)
    assert all(before <= after and not text[before:after].strip() for before, after in gaps)


@pytest.mark.parametrize("sentence", ["Word is here. ", "好的。", '"Yes," he said. '])
def test_a_long_text_has_the_sentences_of_its_parts(sentence):
    assert split(sentence * 2000, "en") == [sentence.strip()] * 2000


def test_a_sentence_without_end_is_cut_between_words():
    text = "word " * 2000
    parts = split(text, "en")
    assert {word for part in parts for word in part.split(" ")} == {"word"}
    assert max(map(len, parts)) <= 4000
    assert split("a" * 9000, "en") == ["a" * 4000, "a" * 4000, "a" * 1000]
