from __future__ import annotations

from interloom.filters._judge import over, under
from interloom.pipeline.filter import text_filter
from interloom.schemas.document import Text
from interloom.schemas.outcome import Drop


@text_filter
def speech_confidence(
    text: Text, *, compression_at_most: float = 2.4, logprob_at_least: float = -1.0, no_speech_at_most: float = 0.6
) -> Drop | None:
    """Drops sentences that speech recognition made up: from a piece of sound whose transcript loops (gzip compresses it too
    well), or that is unlikely both as words and as speech. What was not heard but read (subtitles) stays.

    The values are Whisper's own for a failed transcript and for silence (Radford et al. 2022, arXiv 2212.04356, section 4.5).
    """
    scores = text.scores
    if drop := over("looped", scores.get("asr_compression", 0.0), compression_at_most):
        return drop
    if scores.get("asr_no_speech", 0.0) <= no_speech_at_most:
        return None
    return under("no_speech", scores.get("asr_logprob", 0.0), logprob_at_least)
