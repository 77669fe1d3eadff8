import pytest

from interloom.filters.speech_loop import SpeechLoop
from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Drop, Dropped


def judged(*texts, **parameters):
    doc = Document(id="d", elements=tuple(Text(position=n, text=text, origin="asr") for n, text in enumerate(texts)))
    *dropped, kept = SpeechLoop(**parameters).process([doc])
    assert all(isinstance(outcome, Dropped) for outcome in dropped)
    return {outcome.position: outcome.drop for outcome in dropped}, [text.text for text in kept.texts]


def test_a_sentence_said_again_and_again_is_kept_once():
    dropped, kept = judged("We start.", "Thank you.", "thank you!", "Thank you", "Thank you.", "We end.")
    assert dropped == {n: Drop("repeated", 4, 3) for n in (2, 3, 4)}
    assert kept == ["We start.", "Thank you.", "We end."]


def test_a_sentence_said_three_times_stays():
    assert judged("No.", "No.", "No.") == ({}, ["No.", "No.", "No."])


def test_a_sentence_that_is_a_loop_is_dropped():
    dropped, kept = judged("so " + "and then " * 8 + "it ends", "A sentence of which nothing is repeated at all.")
    assert dropped == {0: Drop("looped", pytest.approx(16 / 19, abs=1e-4), 0.6)}
    assert len(kept) == 1


def test_a_little_stammering_stays():
    assert judged("the the the the problem is that we we do not know how to solve it at all today")[0] == {}


def test_text_that_is_not_speech_stays():
    doc = Document(id="d", elements=tuple(Text(position=n, text="Same") for n in range(9)))
    assert list(SpeechLoop().process([doc])) == [doc]


@pytest.mark.parametrize("text", ["", " ", "..."])
def test_sentences_without_words_are_not_repetitions(text):
    assert judged(text, text, text, text, text)[0] == {}


@pytest.mark.timeout(60)  # quadratic work would take hours
def test_long_loops_cost_linear_time():
    assert len(judged("a b c " * 30_000, "x " * 90_000)[0]) == 2


def test_limits_below_one_are_refused():
    assert list(SpeechLoop(in_a_row=0).check()) == ["in_a_row: must be at least 1, not 0"]
