import pytest

from interloom.stages._web.charset import as_utf8, decoded

TEXT = "Grüße, façade, naïve"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (TEXT.encode(), ""),
        (TEXT.encode("utf-8-sig"), "text/html; charset=latin-1"),
        (TEXT.encode("utf-16"), ""),
        (TEXT.encode("latin-1"), "text/html; charset=ISO-8859-1"),
        (TEXT.encode("cp1252"), 'text/html; charset="windows-1252"'),
        (TEXT.encode(), "text/html; charset=nonsense"),
        (TEXT.encode(), "text/html; charset=ascii-but-not"),
    ],
)
def test_the_named_or_fitting_charset_is_used(body: bytes, content_type: str) -> None:
    assert decoded(body, content_type) == TEXT


def test_the_page_names_its_own_charset() -> None:
    html = "<meta charset='euc-kr'>한국어"
    assert decoded(html.encode("euc-kr")) == html


def test_the_charset_of_the_page_is_used_if_that_of_the_header_fails() -> None:
    html = "<meta http-equiv=Content-Type content='text/html; charset=shift_jis'>日本語"
    assert decoded(html.encode("shift_jis"), "text/html; charset=utf-8") == html


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["<html><p>Зимой пчёлы греют друг друга.</p>", "1\n00:00:01,000 --> 00:00:02,000\n冬になると\n"])
def test_utf_16_without_a_mark_is_told_by_its_zero_bytes(text: str, charset: str) -> None:
    assert decoded(text.encode(charset)) == text


def test_zero_bytes_in_a_text_of_one_byte_a_character_make_it_no_utf_16() -> None:
    assert decoded(b"a\x00\x00b") == "a\x00\x00b"


def test_latin_1_means_windows_1252() -> None:
    assert decoded(b"\x93quoted\x94", "text/html; charset=iso-8859-1") == "“quoted”"


@pytest.mark.parametrize("body", [b"", b"\xff", b"\x00\x80\xfe" * 50, b"<meta charset=rot13>\xe9", b"<meta charset=base64>abc"])
def test_no_bytes_raise(body: bytes) -> None:
    assert isinstance(decoded(body), str)


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_pages_in_any_charset_become_utf_8(charset: str) -> None:
    assert as_utf8(TEXT.encode(charset), f"text/html; charset={charset}") == (TEXT.encode(), len(TEXT))


GERMAN = "Im Winter rücken die Bienen enger zusammen, die Königin bleibt in der Mitte."


@pytest.mark.parametrize(
    "text", [GERMAN, "冬になると蜂は集まる。", "Зимой пчёлы собираются в клуб.", "“Quoted”, she said — twice…"]
)
@pytest.mark.parametrize("broken", [b"\xfc", b"\xe2\x80", b"\xff", b"\xed\xa0\x80"])
def test_utf_8_without_a_label_and_with_a_broken_byte_is_utf_8(text: str, broken: bytes) -> None:
    assert decoded(text.encode() * 2 + b" " + broken + b" " + text.encode()).replace("\ufffd", "") == f"{text}{text}  {text}"


def test_a_text_in_latin_1_is_not_taken_for_utf_8() -> None:
    assert decoded((GERMAN * 20).encode("latin-1")) == GERMAN * 20


@pytest.mark.parametrize(
    ("label", "codec", "text"),
    [
        ("big5", "big5hkscs", "冬天的裏面嘅蜜蜂啲"),
        ("x-sjis", "cp932", "冬の蜂①"),
        ("gb2312", "gb18030", "冬天的蜜蜂镕"),
        ("ks_c_5601-1987", "cp949", "겨울의 벌 똠"),
        ("latin1", "cp1252", "“bees”"),
        ("iso-8859-9", "cp1254", "arılar €"),
        ("x-cp1251", "cp1251", "пчёлы"),
        ("cp949", "cp949", "겨울"),
    ],
)
def test_labels_mean_what_whatwg_says(label: str, codec: str, text: str) -> None:
    assert decoded(f"<meta charset={label}>{text}".encode(codec)).endswith(text)


RUSSIAN = "Зимой пчёлы собираются в клуб вокруг матки."


@pytest.mark.parametrize(
    "head",
    [
        "<link rel=stylesheet href=a.css>" * 400 + "<meta charset=windows-1251>",
        "<style>"
        + "p { color: red }" * 1000
        + "</style><META HTTP-EQUIV='Content-Type' CONTENT='text/html; charset=windows-1251'>",
        "<!-- <meta charset=utf-8> --><meta charset='windows-1251'>",
        "<script>document.write('<meta charset=koi8-r>')</script><meta charset=windows-1251>",
        "<meta name=description content='what charset=koi8-r means'><meta charset=windows-1251>",
    ],
)
def test_the_first_meta_that_names_a_charset_counts_wherever_it_stands(head: str) -> None:
    html = f"<html><head>{head}</head><body><p>{RUSSIAN}</p>"
    assert decoded(html.encode("cp1251")) == html


@pytest.mark.parametrize("label", ["iso-8859-1", "windows-1252", "windows-1251", "us-ascii", "koi8-r"])
@pytest.mark.parametrize("place", ["header", "page"])
def test_utf_8_under_the_label_of_a_charset_of_one_byte_a_character_is_utf_8(label: str, place: str) -> None:
    html = f"<meta charset={label}>{GERMAN * 2}" if place == "page" else GERMAN * 2
    assert decoded(html.encode(), f"text/html; charset={label}" if place == "header" else "") == html


@pytest.mark.parametrize("text", ["© 2024 Pond", "Â© 2024 Ã¼", "Der Weiher, 5 €"])
def test_a_text_of_one_byte_a_character_is_not_taken_for_utf_8(text: str) -> None:
    assert decoded(text.encode("cp1252"), "text/html; charset=iso-8859-1") == text


@pytest.mark.parametrize(
    ("text", "codec"),
    [(GERMAN, "cp1252"), (RUSSIAN, "cp1251"), (RUSSIAN, "koi8-r"), ("冬になると蜂は女王蜂のまわりに集まる。", "cp932")],
)
def test_a_text_that_says_utf_8_and_is_not_is_guessed(text: str, codec: str) -> None:
    assert decoded((text * 3).encode(codec), "text/html; charset=utf-8") == text * 3


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("Pszczelarz słucha przy wylotku, czy rodzina cicho brzęczy, i nie otwiera ula w zimnych miesiącach.", "iso8859-2"),
        ("En hiver, les abeilles se serrent près de la reine ; où êtes-vous, ma chère ?", "cp1252"),
        ("No inverno não há pão: as mães estão à espera.", "cp1252"),
        ("På vintern är bina stilla, och i maj går de ut på ängen.", "cp1252"),
        ("“It’s a naïve idea,” she said… at the café.", "cp1252"),
        ("A méhek télen csendben ülnek, és őszig várják az erős hőséget.", "cp1250"),
        ("Včely v zimě čekají, až přijde teplý den, a úl zůstává zavřený.", "cp1250"),
        ("Ziemą bitės tūno avilyje, o pavasarį išskrenda į pievą.", "cp1257"),
        ("冬になると蜂は女王蜂のまわりに集まる。", "iso2022-jp"),
        ("冬になると蜂は女王蜂のまわりに集まる。", "shift_jis"),
        ("冬天蜜蜂围着蜂王。", "gb18030"),
        ("겨울에는 벌들이 여왕벌 둘레에 모인다.", "cp949"),
        ("Зимой пчёлы собираются вокруг матки.", "cp1251"),
        ("冬になると蜂は女王蜂のまわりに集まる。", "euc-jp"),
        ("Kışın arılar kraliçenin etrafında sıkı bir küme oluşturur ve dıştaki arılar içtekilerle yer değiştirir.", "cp1254"),
    ],
)
def test_the_charset_of_a_page_without_a_label_is_guessed_among_those_of_the_web(text: str, codec: str) -> None:
    assert decoded(f"<p>{text}</p>".encode(codec) * 2) == f"<p>{text}</p>" * 2
