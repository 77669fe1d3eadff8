from __future__ import annotations

import pytest

from interloom.schemas.document import Clip, Document, Image, Text
from interloom.stages.join_speech import JoinSpeech


def speech(position, start, end, words="So.", **scores):
    return Text(position=position, text=words, origin="asr", role="speech", start_s=start, end_s=end, scores=scores)


def joined(*elements, **parameters):
    (out,) = JoinSpeech(**parameters).process([Document(id="v", elements=(Clip(position=0), *elements))])
    return out


def spans(doc):
    return [(text.position, text.start_s, text.end_s) for text in doc.texts]


def test_sentences_become_paragraphs_of_ten_to_twenty_seconds():
    doc = joined(*(speech(n + 1, 4.0 * n, 4.0 * n + 4) for n in range(7)))
    assert spans(doc) == [(1, 0, 12), (4, 12, 24), (7, 24, 28)]


def test_sentences_are_joined_in_time_order_by_a_space():
    (text,) = joined(speech(2, 3, 5, "you see."), speech(1, 0, 3, "As")).texts
    assert (text.text, text.position) == ("As you see.", 1)


def test_a_paragraph_does_not_grow_over_at_most_s():
    assert spans(joined(speech(1, 0, 8), speech(2, 8, 22))) == [(1, 0, 8), (2, 8, 22)]


def test_a_sentence_over_at_most_s_stays_whole():
    assert spans(joined(speech(1, 0, 50), speech(2, 50, 52))) == [(1, 0, 50), (2, 50, 52)]


def test_a_pause_ends_a_paragraph():
    assert spans(joined(speech(1, 0, 2), speech(2, 7, 9))) == [(1, 0, 2), (2, 7, 9)]
    assert spans(joined(speech(1, 0, 2), speech(2, 6.9, 9))) == [(1, 0, 9)]


def test_scores_that_all_sentences_have_become_means_over_time():
    (text,) = joined(speech(1, 0, 3, sure=1.0, odd=2.0), speech(2, 3, 4, sure=0.2)).texts
    assert text.scores == {"sure": 0.8}


def test_images_and_other_texts_stay():
    shown = (Image(position=5, start_s=1.0), Text(position=6, text="x", origin="ocr", of=5, start_s=1.0))
    doc = joined(speech(1, 0, 2), *shown, speech(2, 2, 4))
    assert [element.position for element in doc.elements] == [0, 1, 5, 6]


def test_a_document_with_little_speech_passes():
    assert spans(joined(speech(1, 0, 2))) == [(1, 0, 2)]
    assert joined().texts == ()


@pytest.mark.parametrize("wrong", [{"at_least_s": 30}, {"at_least_s": -1}, {"pause_s": 0}, {"at_least_s": 0, "at_most_s": 0}])
def test_ranges_in_the_wrong_order_are_problems(wrong):
    assert len(list(JoinSpeech(**wrong).check())) == 1
