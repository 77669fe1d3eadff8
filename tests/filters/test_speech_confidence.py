import pytest

from interloom.filters.speech_confidence import speech_confidence
from interloom.schemas.document import Text
from interloom.schemas.outcome import Drop


@pytest.mark.parametrize(
    ("scores", "drop"),
    [
        ({}, None),
        ({"asr_compression": 1.5, "asr_logprob": -0.3, "asr_no_speech": 0.1}, None),
        ({"asr_compression": 3.0, "asr_logprob": -0.3, "asr_no_speech": 0.1}, Drop("looped", 3.0, 2.4)),
        ({"asr_compression": 1.5, "asr_logprob": -1.5, "asr_no_speech": 0.7}, Drop("no_speech", -1.5, -1.0)),
        ({"asr_compression": 1.5, "asr_logprob": -0.3, "asr_no_speech": 0.7}, None),
        ({"asr_compression": 1.5, "asr_logprob": -1.5, "asr_no_speech": 0.1}, None),
    ],
)
def test_made_up_sentences_are_dropped(scores, drop):
    assert speech_confidence(Text(position=0, text="thank you", origin="asr", scores=scores)) == drop
