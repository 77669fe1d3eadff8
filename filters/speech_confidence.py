from __future__ import annotations

from interloom.filters._judge import drop_if_above, drop_if_below
from interloom.pipeline.contents import SPEECH
from interloom.pipeline.filter import text_filter
from interloom.pipeline.ranges import Amount, Share
from interloom.schemas.document import Text
from interloom.schemas.outcome import Drop


@text_filter(needs=[SPEECH])
def speech_confidence(
    text: Text, *, compression_at_most: Amount = 2.4, logprob_at_least: float = -1.0, no_speech_at_most: Share = 0.6
) -> Drop | None:
    """Drops transcribed sentences that the speech recognition probably invented.

    A sentence is dropped if the transcript of its piece of audio repeats itself (`looped`), or if the piece is probably not
    speech and its words are improbable, too (`no_speech`). Texts without these scores, such as subtitles, stay.

    Parameters:
        compression_at_most: Maximum ratio by which gzip compresses the transcript (score `asr_compression`). Default 2.4
            (Whisper, arXiv 2212.04356, section 4.5).
        logprob_at_least: Minimum mean log probability of the words (score `asr_logprob`). Default -1.0 (Whisper, section 4.5).
        no_speech_at_most: Up to this probability of silence (score `asr_no_speech`) `logprob_at_least` is not checked. 0 to 1.
            Default 0.6 (Whisper, section 4.5).
    """
    scores = text.scores
    if drop := drop_if_above("looped", scores.get("asr_compression", 0.0), compression_at_most):
        return drop
    if scores.get("asr_no_speech", 0.0) <= no_speech_at_most:
        return None
    return drop_if_below("no_speech", scores.get("asr_logprob", 0.0), logprob_at_least)
