from __future__ import annotations

import re

from interloom.pipeline.filter import text_filter
from interloom.schemas.document import Text
from interloom.schemas.outcome import Drop

_NOTES = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|\*[^*]*\*|[♪♫♬♩#][^♪♫♬♩#]*[♪♫♬♩#]?")


@text_filter
def speech_note(text: Text) -> Drop | None:
    """Drops speech that is only notes on sounds (`[Music]`, `(applause)`, `♪ la la ♪`), as subtitles and Whisper have them."""
    if text.origin != "asr" or any(letter.isalnum() for letter in _NOTES.sub("", text.text)):
        return None
    return Drop("no_speech")
