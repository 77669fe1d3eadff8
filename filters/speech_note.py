from __future__ import annotations

import re

from interloom.pipeline.contents import SPEECH
from interloom.pipeline.filter import text_filter
from interloom.schemas.document import Text
from interloom.schemas.outcome import Drop

_NOTES = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|\*[^*]*\*|[♪♫♬♩#][^♪♫♬♩#]*[♪♫♬♩#]?")


@text_filter(needs=[SPEECH])
def speech_note(text: Text) -> Drop | None:
    """Drops transcribed sentences that only describe audio, such as `[Music]`, `(applause)` or `♪ la la ♪`.

    Subtitles and Whisper contain such notes. Texts whose origin is not `asr` stay. The reason is `no_speech`.
    """
    if text.origin != "asr" or any(letter.isalnum() for letter in _NOTES.sub("", text.text)):
        return None
    return Drop("no_speech")
