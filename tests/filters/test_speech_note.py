import pytest

from interloom.filters.speech_note import speech_note
from interloom.schemas.document import Text
from interloom.schemas.outcome import Drop


@pytest.mark.parametrize("text", ["[Music]", "(applause)", "♪ la la ♪", "[Music] [Applause]", "*coughs*", "...", "♪♪"])
def test_notes_on_sounds_are_dropped(text):
    assert speech_note(Text(position=0, text=text, origin="asr")) == Drop("no_speech")


@pytest.mark.parametrize("text", ["Hello", "[Anna] Hello", "Now (as I said) we begin", "今日は"])
def test_speech_stays(text):
    assert speech_note(Text(position=0, text=text, origin="asr")) is None


def test_text_that_is_not_speech_stays_with_its_notes():
    assert speech_note(Text(position=0, text="[1]")) is None
