import pytest

from interloom.stages.transcribe_speech.speech import Word
from interloom.stages.transcribe_speech.whisper.invented import most_tokens, without_inventions

SURE = {"asr_logprob": -0.2, "asr_no_speech": 0.02, "asr_compression": 1.2}
DOUBTFUL = {"asr_logprob": -0.6, "asr_no_speech": 0.3, "asr_compression": 0.8}
SILENT = {"asr_logprob": -1.2, "asr_no_speech": 0.8, "asr_compression": 0.9}


def kept(text, scores, *, language="en", probability=0.9, word_s=0.4):
    words = [Word(f" {word}", n * word_s, (n + 1) * word_s, probability, scores=scores) for n, word in enumerate(text.split())]
    return "".join(word.text for word in without_inventions(words, language)).strip()


@pytest.mark.parametrize("text", ["The bees are asleep.", "Thank you.", "Bye!", "no no no", "Thanks for watching the bees."])
def test_what_is_said_stays(text):
    assert kept(text, SURE) == text


def test_unsure_speech_stays_if_it_is_no_phantom_phrase():
    assert kept("The bees are asleep.", DOUBTFUL) == "The bees are asleep."


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Thank you.", "en"),
        ("Thanks for watching!", "en"),
        ("Vielen Dank.", "de"),
        ("ご視聴ありがとうございました", "ja"),
        ("you", "fr"),
    ],
)
def test_a_phantom_phrase_without_evidence_is_invented(text, language):
    assert kept(text, DOUBTFUL, language=language) == ""


@pytest.mark.parametrize("text", ["Untertitel der Amara.org-Community", "Субтитры сделал DimaTorzok", "字幕由Amara.org社区提供"])
def test_credits_of_subtitles_are_invented_however_sure_they_are(text):
    assert kept(text, SURE) == ""


def test_a_transcript_of_silence_is_invented():
    assert kept("The bees are asleep.", SILENT) == ""


def test_words_that_are_improbable_or_last_too_long_are_invented():
    assert kept("So they went.", DOUBTFUL, probability=0.1) == ""
    assert kept("So they went.", DOUBTFUL, word_s=3.5) == ""


def test_a_loop_is_said_once_if_something_else_is_said():
    assert kept("we go on " + "and on we go " * 4 + "until it is dark and cold outside", SURE) == (
        "we go on and on we go until it is dark and cold outside"
    )


def test_a_loop_alone_is_invented():
    assert kept("la la lu " * 12, SURE) == ""


def test_short_chunks_have_few_tokens():
    assert [most_tokens(seconds) for seconds in (0.5, 1.0, 10.0, 30.0)] == [40, 48, 192, 224]


def test_nothing_stays_nothing():
    assert without_inventions([], "en") == []
