from __future__ import annotations

import pytest

from interloom.filters.text_symbols import text_symbols
from interloom.schemas.document import Text
from interloom.schemas.outcome import Drop


@pytest.mark.parametrize("text", ["See https://example.org now.", "See WWW.example.org", "(http://x.y)"])
def test_texts_with_urls_go(text: str) -> None:
    assert text_symbols(Text(position=0, text=text)) == Drop("has_url")


@pytest.mark.parametrize("text", ["So nice 😀", "I ❤️ boats", "Go 🇫🇷", "Press 1️⃣", "⭐ five stars"])
def test_texts_with_emoji_go(text: str) -> None:
    assert text_symbols(Text(position=0, text=text)) == Drop("has_emoji")


@pytest.mark.parametrize("text", ["Plain words, 5 % © 2024 ™ – “so” → x", "他走了。", "awww. yes"])
def test_plain_texts_stay(text: str) -> None:
    assert text_symbols(Text(position=0, text=text)) is None


def test_each_rule_may_be_off() -> None:
    assert text_symbols(Text(position=0, text="https://x.y 😀"), urls=False, emoji=False) is None
