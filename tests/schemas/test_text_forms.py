import pytest

from interloom.schemas.text_forms import comparable_text, is_visible, visible_text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Ka\u00adpi\u00adtän", "Kapitän"),
        ("am Ka\u00ad\n  pitän", "am Kapitän"),
        ("\ufeffa\u200bb\u2060c\u200cd\u200de\u034ff", "abcdef"),
        ("a\x00b\x80c\ufffd", "abc\ufffd"),
        ("a\ufe0f\U000e0041\U000e0042b", "ab"),
        ("\u200eabc\u202c", "abc"),
        ("a\tb\nc\r\nd\x0ce", "a\tb\nc\r\nd\x0ce"),
    ],
)
def test_what_nobody_sees_is_out_of_the_text(text, seen):
    assert visible_text(text) == seen


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم",  # Persian: the letters do not join
        "क्\u200dष",  # Devanagari: a half form
        "ภาษา\u200bไทย",  # Thai: a word ends
        "\u1820\u180b",  # Mongolian: a form of the letter
        "葛\U000e0100",  # Han: a form of the character
        "שלום\u200f (abc)",
        "👨\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 1\ufe0f\u20e3 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    ],
)
def test_what_a_script_needs_stays(text):
    assert visible_text(text) == text


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Kapitän", "Ka\u00adpita\u0308n"),
        ("CAFÉ", "cafe\u0301"),
        ("ﬁne ½ Ｗｉｄｅ…", "fine 1⁄2 wide..."),
        ("می‌خواهم", "میخواهم"),
        ("각", "각"),
        ("STRASSE", "straße"),
        ("Plain", "pl\x00ain"),
    ],
)
def test_equivalent_texts_are_compared_as_equal(first, second):
    assert comparable_text(first) == comparable_text(second)


@pytest.mark.parametrize(("first", "second"), [("schon", "schön"), ("a b", "ab"), ("naïve", "naive")])
def test_other_texts_are_not(first, second):
    assert comparable_text(first) != comparable_text(second)


@pytest.mark.parametrize("hidden", ["\x00", "\x7f", "\u00ad", "\u200b", "\ufe0f", "\ufeff", "\u202e", "\U0001bca0", "\U000e0041"])
def test_a_text_with_what_nobody_sees_is_not_visible(hidden: str) -> None:
    assert not is_visible(f"a{hidden}b")


@pytest.mark.parametrize("text", ["plain", "two\nlines", "na\u00efve \u2013 \u201cso\u201d", "\u0430\u0431\u0432", "\u8702"])
def test_ordinary_text_is_visible(text: str) -> None:
    assert is_visible(text)
