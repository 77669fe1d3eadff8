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


def test_latin_1_means_windows_1252() -> None:
    assert decoded(b"\x93quoted\x94", "text/html; charset=iso-8859-1") == "“quoted”"


@pytest.mark.parametrize("body", [b"", b"\xff", b"\x00\x80\xfe" * 50, b"<meta charset=rot13>\xe9", b"<meta charset=base64>abc"])
def test_no_bytes_raise(body: bytes) -> None:
    assert isinstance(decoded(body), str)


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_pages_in_any_charset_become_utf_8(charset: str) -> None:
    assert as_utf8(TEXT.encode(charset), f"text/html; charset={charset}") == (TEXT.encode(), len(TEXT))
